//! The way back to another generation that rests on the same one.

use super::step::Step;
use super::{Glance, changed_in};
use crate::generation::amend::Quick;
use crate::generation::rollback::want_again;
use crate::generation::{Changed, Error, RollbackError, Store, known};
use crate::netlink::{self, Kernel, Live, Sent};
use crate::policy::Grant;
use crate::ruleset::{Features, Marker};

/// A way back for which no generation is read as a whole.
#[derive(Debug)]
pub struct WayBack {
    from: Glance,
    /// The generation that it leads to.
    pub to: u64,
    /// The change that it is.
    pub step: Step,
}

impl WayBack {
    /// The way from the generation in force to that one, or to the one before; none where all has to be read. To be
    /// called with the state directory's lock held.
    pub fn find(kernel: &mut Kernel, store: &Store, features: Features, to: Option<u64>) -> Option<Self> {
        let from = Glance::find(kernel, store, features).filter(|from| from.is_whole(store))?;
        let to = to.or(from.parent)?;
        let (_, changed) = changed_in(&from.index.head, store, to, from.now)?;
        let step = from.to(changed)?;
        Some(Self { from, to, step })
    }

    /// Goes it in one batch. None where the table is another by now, or the kernel refuses a change that was made
    /// without having read it: nothing is done then.
    ///
    /// # Errors
    /// See [`RollbackError`].
    pub fn go(self, kernel: &mut Kernel, store: &Store) -> Result<Option<Sent>, RollbackError> {
        let Self { from, to, step } = self;
        let Step { current, current_digest, next, next_digest, .. } = step;
        let seen = from.frame.with_elements_as(&current, &current_digest, from.now);
        let mut seen = seen.map(|seen| Live { whole: true, ..seen });
        let table = next.carrying(&Marker { generation: to, digest: next_digest });
        let before = store.wanted().unwrap_or_default();
        // First the disk: where one is killed in between, a guard ends with one of the two.
        store.want(to)?;
        match kernel.replace_seen(|_| seen.take().ok_or(Quick::Blind), |_| Ok(table.clone())) {
            Ok(sent) => {
                known::note(store, kernel.whole_at(), to, None, None);
                Ok(Some(sent))
            }
            Err(error) => {
                want_again(store, before);
                match error {
                    Quick::Blind | Quick::Failed(Error::Kernel(netlink::Error::Refused(_))) => Ok(None),
                    Quick::Failed(error) => Err(error.into()),
                }
            }
        }
    }
}

impl Glance {
    /// The step to a generation that changed this in the same one.
    pub(super) fn to(&self, changed: Changed) -> Option<Step> {
        let from = &self.changed;
        let come = [without(&changed.added, &from.added), without(&from.removed, &changed.removed)].concat();
        let go = [without(&from.added, &changed.added), without(&changed.removed, &from.removed)].concat();
        let sums = changed.sums.clone();
        self.step(changed, &come, &go).filter(|step| step.changed.sums == sums)
    }
}

/// Those of `grants` that are not among `others`. There are few of both.
fn without(grants: &[Grant], others: &[Grant]) -> Vec<Grant> {
    grants.iter().filter(|grant| !others.contains(grant)).cloned().collect()
}
