//! How it is put in force.

use jiff::Timestamp;

use super::Glance;
use super::step::Step;
use crate::generation::amend::{Quick, QuickLook};
use crate::generation::known::{self, Known};
use crate::generation::trial::follow;
use crate::generation::{Amendment, Applied, Author, Error, Planned, Store, StoreError, apply};
use crate::netlink::{self, Kernel, Live};
use crate::ruleset::Marker;

impl Glance {
    /// Puts it in force as a new generation, which is kept as a difference. Where the table is not as it was applied, or
    /// the kernel refuses a change that was made without having read it, all is read and put right as by [`apply`].
    ///
    /// # Errors
    /// As [`apply`].
    pub fn put(self, kernel: &mut Kernel, store: &Store, step: Step) -> Result<Applied, Error> {
        let from = self.number;
        let applied = self.put_alone(kernel, store, step)?;
        // What is on trial goes back with what was added to it meanwhile.
        follow(store, from, applied.generation)?;
        Ok(applied)
    }

    /// The same for who ends a trial, or begins one.
    ///
    /// # Errors
    /// As [`apply`].
    pub(super) fn put_alone(self, kernel: &mut Kernel, store: &Store, step: Step) -> Result<Applied, Error> {
        let Step { changed, changes, current, current_digest, next, next_digest, .. } = step;
        let number = self.number.max(store.last()?) + 1;
        let amendment = Amendment {
            number,
            applied: Timestamp::now(),
            author: Author::current(),
            parent: Some(self.number),
            changes,
            base: self.index.head.base,
            changed,
        };
        let seen = self.frame.with_elements_as(&current, &current_digest, self.now);
        let whole = Known::read(store, self.frame.generation()).is_some_and(|known| known.is_of(self.number));
        let mut quick = QuickLook::new(current, current_digest, seen.map(|seen| Live { whole, ..seen }));
        let table = next.carrying(&Marker { generation: number, digest: next_digest });
        let done = match store.put_amendment_first(&amendment) {
            Err(error) => Err(Quick::from(error)),
            Ok(draft) => {
                let sent = kernel.replace_seen(|kernel| quick.look(kernel), |_| Ok::<_, Quick>(table.clone()));
                sent.map(|sent| (sent, draft))
            }
        };
        match done {
            Ok((sent, draft)) => {
                draft.keep()?;
                store.prune(number)?;
                known::note(store, kernel.whole_at(), number, None, None);
                Ok(Applied { generation: number, unchanged_policy: false, sent })
            }
            Err(error) => self.put_whole(kernel, store, amendment, error),
        }
    }

    /// The long way, where `error` is one that it helps against.
    fn put_whole(
        &self,
        kernel: &mut Kernel,
        store: &Store,
        amendment: Amendment,
        error: Quick,
    ) -> Result<Applied, Error> {
        let number = amendment.number;
        let planned = match &error {
            Quick::Blind | Quick::Failed(Error::Kernel(netlink::Error::Refused(_))) => planned(store, amendment)?,
            Quick::Failed(_) => None,
        };
        let is_in_force =
            kernel.read_frame().is_ok_and(|frame| frame.marker().is_some_and(|marker| marker.generation == number));
        if !is_in_force {
            // The kernel's reason matters more than a file too many, which only `history` shows.
            store.forget(number).unwrap_or_default();
        }
        match (planned, error) {
            (Some(mut planned), _) => apply(kernel, store, &mut planned, self.features),
            (None, Quick::Failed(error)) => Err(error),
            (None, Quick::Blind) => Err(netlink::Error::Contended { attempts: 1 }.into()),
        }
    }
}

/// What it says, to be put in force as a whole.
fn planned(store: &Store, amendment: Amendment) -> Result<Option<Planned>, StoreError> {
    let whole = store.whole_of(amendment)?;
    Ok(Some(Planned { policy: whole.policy, sources: whole.sources, inputs: None, beside: None, modes: None }))
}
