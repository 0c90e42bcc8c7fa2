//! Our table without what its sets hold, and how to do without reading that.

use jiff::Timestamp;

use super::read::Live;
use crate::ruleset::{Digest, Marker, Table};

/// Our table as the kernel holds it, but for the elements of its sets, of which there may be
/// hundreds of thousands.
#[derive(Debug, Clone)]
pub struct Frame(Live);

impl Frame {
    /// What was read without elements.
    pub(crate) fn of(live: Live) -> Self {
        let whole = live.table.is_none();
        Self(Live { whole, ..live })
    }

    /// Whether there is a table of ours at all.
    pub fn is_there(&self) -> bool {
        self.0.table.is_some()
    }

    /// What was read: a table whose sets are empty.
    pub fn live(&self) -> &Live {
        &self.0
    }

    /// The same, for who has no further need of the frame.
    pub fn into_live(self) -> Live {
        self.0
    }

    /// The ruleset's generation number when it was read.
    pub fn generation(&self) -> u32 {
        self.0.generation
    }

    /// The mark of the generation in force.
    pub fn marker(&self) -> Option<Marker> {
        self.0.marker()
    }

    /// The whole, with the elements that `applied` put there and that have not run out by `now`. None
    /// unless `applied` is what the mark was made for, and all that shows in the frame is still as it
    /// was then. That somebody changed an element does not show; the kernel refuses what goes by it.
    pub fn with_elements_of(&self, applied: &Table, now: Timestamp) -> Option<Live> {
        self.with_elements_as(applied, &applied.digest(), now)
    }

    /// The same for who knows the digest of `applied`, which takes time where there is much in it.
    pub fn with_elements_as(&self, applied: &Table, digest: &Digest, now: Timestamp) -> Option<Live> {
        let (table, marker) = (self.0.table.as_ref()?, self.marker()?);
        if marker.digest != *digest || table.without_elements().digest() != applied.without_elements().digest() {
            return None;
        }
        let mut table = table.clone();
        for set in table.sets.iter_mut().filter(|set| !set.is_dynamic()) {
            let known = applied.set(&set.name).filter(|known| known.same_declaration(set))?;
            set.elements = known.elements.clone();
            set.elements.drop_expired(now);
        }
        Some(Live { generation: self.0.generation, table: Some(table), whole: false })
    }
}
