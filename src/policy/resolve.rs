//! From configuration and host to policy.

use std::fmt;

use jiff::Timestamp;

use super::notice::{notices, overlaps, policed_uplinks, unpoliced_bridges};
use super::resolver::{open_resolvers, used_resolvers};
use super::{Excluded, Grant, InterfaceNames, Log, Networks, Notice, Policy, UsedResolver};
use super::{evidently_no_container_bridge, resolve_grant};
use crate::config::{Config, Interfaces, Mode, Target};
use crate::host::Host;

/// A policy, and what the host had to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What shall hold.
    pub policy: Policy,
    /// The networks that are denied because the host is attached to them.
    pub on_link: Networks,
    /// What is taken for a container interface by its name or kind and evidently is none.
    pub evident: Vec<Excluded>,
    /// The resolvers of this host.
    pub resolvers: Vec<UsedResolver>,
    /// What people should know before they apply it.
    pub notices: Vec<Notice>,
}

/// Grants that must be there, with names that stand for nothing on this host. Nothing may be applied
/// without them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unresolvable {
    /// The names of the grants, each with the reason; at least one.
    pub grants: Vec<(String, String)>,
}

impl fmt::Display for Unresolvable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a grant with `required = true` cannot be resolved, so nothing is applied:")?;
        for (name, reason) in &self.grants {
            write!(f, "\n  {name}: {reason}")?;
        }
        f.write_str("\n  start what is missing, or take `required` out of the grant to apply the rest without it")
    }
}

impl Policy {
    /// Resolves what the configuration says on this host at `now`; `mode` where the command line says
    /// otherwise. A grant whose names stand for nothing here, or that has run out, is left out.
    ///
    /// # Errors
    /// [`Unresolvable`] where such a grant is required.
    pub fn resolve(config: &Config, host: &Host, mode: Option<Mode>, now: Timestamp) -> Result<Resolved, Unresolvable> {
        let mode = mode.unwrap_or(config.mode);
        let prefix = match mode {
            Mode::Audit => &config.log.audit_prefix,
            Mode::Enforce => &config.log.prefix,
        };
        let bridges = config.interfaces == Interfaces::Bridges;
        let named = InterfaceNames::containers(&config.interfaces, host);
        // What is written as a whole name is no guess: it is policed, whatever it looks like.
        let written = matches!(config.interfaces, Interfaces::List(_));
        let is_guessed = |name: &str| if written { named.has_prefix_of(name) } else { named.contains(name) };
        let evident = evidently_no_container_bridge(&host.facts, is_guessed);
        let out = config.exclude.iter().collect::<InterfaceNames>().with_names(&evident);
        let (containers, taken_in) = named.without(&out);
        let unpoliced = match config.interfaces {
            Interfaces::Auto => unpoliced_bridges(&host.facts, |name| containers.contains(name) || out.contains(name)),
            // By its kind every bridge is known, and a list says which ones are meant.
            Interfaces::Bridges | Interfaces::List(_) => Vec::new(),
        };
        // By its kind a bridge of any name is taken in, so that nothing that is out goes without saying.
        let excluded = if bridges { out } else { taken_in };
        let is_policed = |name: &str| containers.contains(name) && !excluded.contains(name);

        let on_link: Networks = match config.on_link {
            true => host.facts.on_link_networks(is_policed).map(Target::from).collect(),
            false => Networks::default(),
        };
        // The containers' own networks as well: a flow to a published port of the host is on its way
        // to one of them when the wall sees it.
        let own: Networks = match config.host {
            true => host.facts.on_link_networks(|name| !is_policed(name)).map(Target::from).collect(),
            false => Networks::default(),
        };
        let ranges: Networks = config.ranges.targets().collect();
        let denied: Networks = [ranges, on_link.clone()].into_iter().collect();
        let resolvers = used_resolvers(config, host, &denied);
        let (grants, unresolved) = resolve_grants(config, host, now)?;
        let mut notices = notices(config, &resolvers, &unresolved);
        notices.extend(unpoliced);
        notices.extend(policed_uplinks(&host.facts, is_policed));
        notices.extend(overlaps(&host.facts, is_policed));
        let policy = Self {
            mode,
            action: config.action,
            containers,
            bridges,
            excluded,
            uplinks: InterfaceNames::uplinks(&config.uplinks),
            denied: [denied, own].into_iter().collect(),
            host: config.host,
            grants,
            resolvers: open_resolvers(&resolvers),
            log: Log {
                enabled: config.log.enabled,
                rate: config.log.rate,
                burst: config.log.burst,
                limit: config.log.limit,
                prefix: prefix.as_str().to_owned(),
                target: config.log.target,
                remember: config.log.remember.duration().as_secs(),
            },
            own: config.own,
        };
        Ok(Resolved { policy, on_link, evident, resolvers, notices })
    }
}

/// A grant that is left out, and why.
pub(super) type Unresolved<'a> = (&'a crate::config::Grant, String);

fn resolve_grants<'a>(
    config: &'a Config,
    host: &Host,
    now: Timestamp,
) -> Result<(Vec<Grant>, Vec<Unresolved<'a>>), Unresolvable> {
    let (mut grants, mut unresolved) = (Vec::new(), Vec::new());
    for written in &config.grants {
        match resolve_grant(written, host) {
            // What has run out needs no name any more.
            _ if written.until.is_some_and(|until| until <= now) => {}
            Ok(grant) => grants.push(grant),
            Err(reason) => unresolved.push((written, reason)),
        }
    }
    let required = unresolved.iter().filter(|(grant, _)| grant.required);
    let required: Vec<_> = required.map(|(grant, reason)| (grant.name.clone(), reason.clone())).collect();
    if required.is_empty() { Ok((grants, unresolved)) } else { Err(Unresolvable { grants: required }) }
}
