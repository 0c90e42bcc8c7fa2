//! The same in another mode.

use super::Glance;
use super::step::Step;
use crate::config::{Config, Mode};
use crate::generation::hold::let_go;
use crate::generation::index::Index;
use crate::generation::{Applied, Error, Settings, Store};
use crate::host::Host;
use crate::netlink::Kernel;
use crate::policy::{Grant, resolve_grant};

/// What an apply of the same configuration is.
#[derive(Debug)]
pub enum Turn {
    /// It is in force already.
    Nothing,
    /// It is in force in the other mode.
    Change(Box<Step>),
}

impl Glance {
    /// Whether it is worth while to look whether an apply on a host with that fingerprint is one of the same
    /// configuration.
    pub fn is_likely(store: &Store, host: &str) -> bool {
        Index::open(store).is_some_and(|index| {
            index.head.modes.as_ref().is_some_and(|modes| modes.host == host) && index.head.has_main_file()
        })
    }

    /// What an apply of the same configuration with that mode on the command line is on `host`, which has the
    /// fingerprint `print`; none where that has to be done the long way.
    pub fn in_mode(&self, mode: Option<Mode>, host: &Host, print: &str, store: &Store) -> Option<Turn> {
        let modes = self.index.head.modes.as_ref().filter(|modes| modes.host == print)?;
        if !self.is_whole(store) || !self.is_last(store) || !self.says_the_same(host)? {
            return None;
        }
        let settings = Settings { mode, policy: modes.turn(self.policy(), mode.unwrap_or(modes.configured)) };
        match settings.policy == *self.policy() {
            true => (settings == *self.settings()).then_some(Turn::Nothing),
            false => self.turned(settings).map(|step| Turn::Change(Box::new(step))),
        }
    }

    /// Whether nothing has changed since it was found. To be called with the state directory's lock held.
    pub fn is_still_so(&self, kernel: &mut Kernel, store: &Store) -> bool {
        kernel.knock().is_ok_and(|number| number == self.frame.generation())
            && self.is_whole(store)
            && self.index.head.is_good(store)
    }

    /// Puts it in force as [`Glance::put`] does, and is an apply in all that an apply is besides.
    ///
    /// # Errors
    /// As [`apply`](crate::generation::apply).
    pub fn turn(self, kernel: &mut Kernel, store: &Store, turn: Turn) -> Result<Applied, Error> {
        let Turn::Change(step) = turn else {
            return Ok(Applied::nothing(self.number));
        };
        let policy = step.policy.clone();
        let applied = self.put_alone(kernel, store, *step)?;
        let_go(kernel, &policy)?;
        Ok(applied)
    }

    pub(super) fn turned(&self, settings: Settings) -> Option<Step> {
        let mut changed = self.changed.with_settings(settings, &self.index.head.settings);
        // Their files are gone, or this would be another configuration.
        changed.revoked.clear();
        self.step(changed, &[], &[])
    }

    /// Whether what was granted since means the same on this host, and there is nothing to be said of it; none where
    /// that cannot be told.
    fn says_the_same(&self, host: &Host) -> Option<bool> {
        let (config, changed) = (self.configuration(), &self.changed);
        let mut resolved: Vec<Grant> = Vec::new();
        for written in &changed.written {
            for grant in Config::grants_in(&written.path, &written.text)? {
                if config.judge(&grant).map_or(true, |warnings| !warnings.is_empty()) {
                    return Some(false);
                }
                resolved.push(resolve_grant(&grant, host).ok()?);
            }
        }
        for grant in &changed.added {
            if !resolved.contains(grant) || !self.closes_some_of(grant)? {
                return Some(false);
            }
        }
        Some(resolved.len() == changed.added.len())
    }

    /// Whether no other generation was made since, of which an apply would know the container interfaces that Docker
    /// does not tell.
    fn is_last(&self, store: &Store) -> bool {
        store.last_base().is_some_and(|base| base == self.index.head.base.number)
    }
}
