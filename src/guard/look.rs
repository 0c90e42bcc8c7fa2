//! One look: what is wanted, what the kernel holds, and the one made the other.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::follow::is_same;
use super::own::Own;
use super::untold::Repair;
use super::{Damage, TRIAL_GRACE};
use crate::generation::{
    Generation, RollbackError, Store, StoreError, Trial, expire, look, note_moved, note_whole, tidy,
};
use crate::netlink::{Kernel, Live};
use crate::ruleset::{Digest, Features, Marker, Table, compile};

/// What a look found and did.
#[derive(Debug)]
pub enum Found {
    /// No wall is wanted, and there is none.
    NoWall,
    /// All is as it should be.
    Whole {
        /// The generation in force.
        generation: u64,
    },
    /// A table of which nothing is known here. It was left alone.
    Unknown,
    /// It was put right.
    Repaired(Repair),
    /// Grants had run out and were taken out.
    Tidied {
        /// The new generation.
        generation: u64,
        /// Their names.
        run_out: Vec<String>,
        /// How many changes it took.
        changes: usize,
    },
    /// A trial was over, and what was on trial went back there.
    WentBack(String),
}

impl Found {
    /// A line for `systemctl status`.
    pub fn status(&self) -> String {
        match self {
            Self::NoWall => "no wall is wanted".to_owned(),
            Self::Unknown => "the table is none of this state directory's".to_owned(),
            Self::WentBack(to) => format!("went back to {to}"),
            Self::Whole { generation }
            | Self::Repaired(Repair { generation, .. })
            | Self::Tidied { generation, .. } => {
                format!("guarding generation {generation}")
            }
        }
    }
}

/// What is needed for it, and what it remembers from one look to the next.
pub struct Look {
    pub kernel: Kernel,
    pub store: Store,
    pub features: Features,
    /// The ownership of the table.
    pub own: Own,
    /// The generation that was wanted last, so that it can be put back also where its file is damaged.
    last: Option<Rc<Known>>,
    /// Whether its file may say something else since.
    is_stale: bool,
}

/// A generation that is, or was, in force.
struct Known {
    generation: Arc<Generation>,
    /// The digest in the kernel's mark, where that is known to be of it.
    digest: Option<Digest>,
}

impl Look {
    /// One that remembers nothing.
    pub fn new(kernel: Kernel, store: Store, features: Features) -> Self {
        Self { kernel, store, features, own: Own::default(), last: None, is_stale: false }
    }

    /// The generation in force, as it was found last.
    pub fn in_force(&self) -> Option<&Arc<Generation>> {
        self.last.as_ref().map(|known| &known.generation)
    }

    /// Takes note that it was revised.
    pub fn revised(&mut self, generation: Arc<Generation>) {
        self.last = Some(Rc::new(Known { generation, digest: None }));
    }

    /// Something was written into the state directory: where the generation in force says something else
    /// since, which the kernel does not tell, it is read again with the next look. Says whether it does.
    pub fn file_changed(&mut self) -> bool {
        let is_other = |generation: &Arc<Generation>| {
            let now = self.store.get(generation.number).ok().map(Arc::new);
            now.is_some() && !is_same(now.as_ref(), Some(generation))
        };
        self.is_stale = self.in_force().is_some_and(is_other) || self.is_stale;
        self.is_stale
    }

    /// When something in force runs out, or what is on trial should have gone back.
    pub fn next_end(&self) -> Option<Timestamp> {
        let grants = self.last.as_ref().and_then(|known| known.generation.next_end(Timestamp::now()));
        grants.into_iter().chain(self.trial().and_then(|trial| overdue_at(&trial))).min()
    }

    /// Looks, and makes the kernel hold what is wanted. To be called with the state directory's lock held.
    /// Where all is well, it says at which generation number of the ruleset. The `first` look also takes over
    /// a table from the time before the state directory said what is wanted.
    pub fn run(&mut self, first: bool) -> Result<(Found, Option<u32>), RollbackError> {
        let began = Instant::now();
        let now = Timestamp::now();
        // A command that went through this socket may have been killed before it read all.
        self.kernel.drain()?;
        if let Some(trial) = self.trial().filter(|trial| overdue_at(trial).is_some_and(|end| end <= now)) {
            expire(&mut self.kernel, &self.store, trial.began, self.features)?;
            return Ok((Found::WentBack(trial.way_back()), None));
        }
        let live = look(&mut self.kernel, &self.store, self.features, None)?;
        let Some((known, is_marked)) = self.wanted(&live, now, first)? else {
            self.last = None;
            self.own.let_go();
            let found = if live.table.is_some() { Found::Unknown } else { Found::NoWall };
            return Ok((found, Some(live.generation)));
        };
        let number = known.generation.number;
        let (found, mut whole_at) = self.restore(live, &known, is_marked, now, began)?;
        let wants = known.generation.policy.own;
        self.last = Some(known);
        let (store, features) = (&self.store, self.features);
        let see = |kernel: &mut Kernel| look(kernel, store, features, None);
        let moved = self.own.settle(&mut self.kernel, store, wants && features.owner, wants, see)?;
        // That changed no element, so that none is to be read for it.
        if let Some(moved) = moved.filter(|moved| whole_at == Some(moved.from)) {
            note_moved(store, moved, number);
            whole_at = Some(moved.to);
        }
        self.is_stale = false;
        if matches!(found, Found::Tidied { .. }) {
            return Ok((found, whole_at));
        }
        // As after a command that was killed before it could note what it had done.
        if !matches!(self.store.wanted(), Ok(Some(noted)) if noted == number) {
            self.store.want(number)?;
        }
        Ok((found, whole_at))
    }

    fn trial(&self) -> Option<Trial> {
        self.store.trial().ok().flatten().filter(Trial::is_open)
    }

    /// The generation that is wanted, and whether the kernel's mark says the same; none where no wall is
    /// wanted.
    ///
    /// The mark is believed where it is of a generation on this disk, to the digest, and that is the one which
    /// is noted, or the newest of all, whose command was killed before it could note it. An old ruleset that
    /// somebody loads again is neither.
    fn wanted(&self, live: &Live, now: Timestamp, first: bool) -> Result<Option<(Rc<Known>, bool)>, StoreError> {
        let marked = live.marker().and_then(|marker| self.marked(&marker, now));
        let noted = match (self.store.wanted(), &marked, &self.last) {
            (Ok(noted), ..) => noted,
            (Err(_), Some(_), _) => None,
            (Err(_), None, Some(last)) => Some(last.generation.number),
            (Err(error), None, None) => return Err(error),
        };
        if let Some(marked) = marked {
            let number = marked.generation.number;
            if noted.is_none_or(|noted| number == noted || number > noted && self.is_newest(number)) {
                return Ok(Some((marked, true)));
            }
        }
        let number = match noted {
            Some(number) => Some(number),
            None if first && live.table.is_some() && live.marker().is_none() => {
                Some(self.store.last()?).filter(|number| *number > 0)
            }
            None => None,
        };
        number.map(|number| Ok((self.known(number)?, false))).transpose()
    }

    fn is_newest(&self, number: u64) -> bool {
        self.store.last().is_ok_and(|last| last == number)
    }

    /// The generation that the mark names, where it is of it.
    fn marked(&self, marker: &Marker, now: Timestamp) -> Option<Rc<Known>> {
        let last = self.last.as_ref().filter(|last| !self.is_stale && last.generation.number == marker.generation);
        if let Some(last) = last.filter(|last| last.digest.as_ref() == Some(&marker.digest)) {
            return Some(Rc::clone(last));
        }
        let generation = self.store.get(marker.generation).ok()?;
        // As it was when it was applied, or put in force again since.
        let digest_at = |at| compile(&generation.policy, self.features, at).digest();
        let is_of_it = generation.instants(now).into_iter().any(|at| digest_at(at).matches(&marker.digest));
        is_of_it.then(|| Rc::new(Known { generation: Arc::new(generation), digest: Some(marker.digest.clone()) }))
    }

    fn known(&self, number: u64) -> Result<Rc<Known>, StoreError> {
        match (self.store.get(number), &self.last) {
            (Ok(generation), _) => Ok(Rc::new(Known { generation: Arc::new(generation), digest: None })),
            (Err(_), Some(last)) if last.generation.number == number => Ok(Rc::clone(last)),
            (Err(error), _) => Err(error),
        }
    }

    /// Makes the kernel hold it.
    fn restore(
        &mut self,
        mut live: Live,
        known: &Known,
        is_marked: bool,
        now: Timestamp,
        began: Instant,
    ) -> Result<(Found, Option<u32>), RollbackError> {
        let Known { generation, .. } = known;
        let flags = self.own.flags(&self.kernel, &self.store, generation.policy.own && self.features.owner);
        let want = Table { flags, ..compile(&generation.policy, self.features, now).marked(generation.number) };
        let mark = live.marker().filter(|_| is_marked);
        for set in live.table.iter_mut().flat_map(|table| &mut table.sets) {
            // The kernel takes them out by itself, if a moment later.
            set.elements.drop_expired(now);
        }
        let digest = want.digest();
        if let Some(mark) = &mark {
            if live.table.as_ref().is_some_and(|table| table.digest() == digest) {
                let whole_at = Some(live.generation);
                note_whole(&self.store, whole_at.filter(|_| live.whole), generation.number);
                return Ok((Found::Whole { generation: generation.number }, whole_at));
            }
            let run_out = generation.run_out(now);
            if !run_out.is_empty() && !digest.matches(&mark.digest) {
                let applied = tidy(&mut self.kernel, &self.store, generation, &run_out, self.features)?;
                let (generation, changes) = (applied.generation, applied.sent.changes);
                return Ok((Found::Tidied { generation, run_out, changes }, None));
            }
        }
        let (damage, seen) = (damage(live.table.as_ref()), live.generation);
        let mut first = Some(live);
        let sent = self.kernel.replace_seen(
            |kernel| first.take().map_or_else(|| Ok(kernel.read_ours()?), Ok),
            |_| Ok::<_, RollbackError>(want.clone()),
        )?;
        let repair = Repair { generation: generation.number, damage, changes: sent.changes, began, seen };
        Ok((Found::Repaired(repair), None))
    }
}

fn damage(table: Option<&Table>) -> Damage {
    match table {
        None => Damage::Gone,
        Some(table) if table.is_dormant() => Damage::Asleep,
        Some(_) => Damage::Changed,
    }
}

/// When a guard ends a trial that its own keeper should have ended.
fn overdue_at(trial: &Trial) -> Option<Timestamp> {
    trial.deadline.checked_add(TRIAL_GRACE).ok()
}
