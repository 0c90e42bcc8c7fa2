//! What a change of it is: which elements come and go, and what the table is then.

use std::path::Path;

use super::{Glance, Revocable, pieces, settings};
use crate::generation::amendment::Changed;
use crate::generation::difference;
use crate::policy::{Grant, Policy};
use crate::ruleset::{Digest, Part, PieceList, Pieces, Place, Table, compile_part};

/// A change of it.
#[derive(Debug)]
pub struct Step {
    /// What holds then, without denied networks and grants.
    pub policy: Policy,
    pub(super) changed: Changed,
    pub(super) changes: Vec<String>,
    /// The table in force, with those elements only that the change is about.
    pub(super) current: Table,
    pub(super) current_digest: Digest,
    /// The same table as it shall be.
    pub(super) next: Table,
    pub(super) next_digest: Digest,
}

impl Glance {
    /// One more grant, in a file of its own with that text; none where that has to be done the long way.
    pub fn with_grant(&self, grant: &Grant, path: &Path, text: String) -> Option<Step> {
        let changed = self.changed.with_grant(grant.clone(), path, text);
        self.step(changed, std::slice::from_ref(grant), &[])
    }

    /// The same without these grants.
    pub fn without_grants(&self, revoked: &[Revocable]) -> Option<Step> {
        let grants: Vec<Grant> = revoked.iter().map(|one| one.grant.clone()).collect();
        let names: Vec<_> = revoked.iter().map(|one| (one.grant.name.clone(), one.path.clone())).collect();
        let of_base = revoked.iter().filter(|one| one.is_of_base).map(|one| one.grant.clone()).collect();
        self.step(self.changed.without_grants(&names, of_base), &[], &grants)
    }

    /// With `changed` for what it changed so far, by which these come and these go.
    pub(super) fn step(&self, mut changed: Changed, come: &[Grant], go: &[Grant]) -> Option<Step> {
        if !changed.is_small(self.index.head.revoked.len()) {
            return None;
        }
        changed.sums.clone_from(&self.changed.sums);
        let policy = settings(&self.index.head, &changed).policy.clone();
        let changes = difference(&with(self.policy(), go), &with(&policy, come));
        let [come, go] = [come, go].map(|grants| pieces(grants, self.now));
        let (mut before, mut after) = (Pieces::default(), Pieces::default());
        for place in come.lists.keys().chain(go.lists.keys()) {
            let mut wanted = place.no_pieces();
            wanted.append(&list(&come, *place));
            wanted.append(&list(&go, *place));
            let mut pieces = self.index.around(*place, &wanted, &list(&self.added, *place), self.now)?;
            pieces.remove(&list(&self.removed, *place));
            before.lists.insert(*place, pieces.clone());
            pieces.remove(&list(&go, *place));
            pieces.append(&list(&come, *place));
            after.lists.insert(*place, pieces);
        }
        let touched: Vec<String> = before.lists.keys().map(Place::name).collect();
        let current = self.table(self.policy(), &Pieces::default(), &Pieces::default(), before);
        let next = self.table(&policy, &come, &go, after);
        for name in touched {
            let held = |table: &Table| table.set(&name).map(|set| set.elements.sum());
            let known = changed.sums.remove(&name).unwrap_or_default();
            if let Some(holds) = held(&next) {
                changed.sums.insert(name.clone(), known.minus(held(&current).unwrap_or_default()).plus(holds));
            }
        }
        let (current_digest, next_digest) = (self.digest(&current, &self.changed), self.digest(&next, &changed));
        Some(Step { policy, changed, changes, current, current_digest, next, next_digest })
    }

    /// The table of `policy` after `come` and `go`, with no elements but these in the sets of grants.
    pub(super) fn table(&self, policy: &Policy, come: &Pieces, go: &Pieces, pieces: Pieces) -> Table {
        let counted = |count: &dyn Fn(&Pieces) -> usize, kept: usize| {
            (kept + count(&self.added) + count(come)).saturating_sub(count(&self.removed) + count(go)) > 0
        };
        let all = [&self.added, come].into_iter().flat_map(|pieces| pieces.lists.keys().copied());
        let is_filled = |place: &Place| {
            counted(&|pieces| pieces.lists.get(place).map_or(0, PieceList::len), self.index.count(*place))
        };
        let places = all.chain(self.index.places()).filter(is_filled).collect();
        let by_source = counted(&|pieces| pieces.by_source, self.index.head.by_source);
        let table = compile_part(policy, self.features, Part { places, pieces, by_source });
        Table { flags: self.flags, ..table }
    }

    pub(super) fn digest(&self, table: &Table, changed: &Changed) -> Digest {
        table.digest_by(|set| changed.sums.get(&set.name).copied().unwrap_or_default())
    }
}

/// That policy with these grants only.
fn with(policy: &Policy, grants: &[Grant]) -> Policy {
    Policy { grants: grants.to_vec(), ..policy.clone() }
}

fn list(pieces: &Pieces, place: Place) -> PieceList {
    pieces.lists.get(&place).cloned().unwrap_or_else(|| place.no_pieces())
}
