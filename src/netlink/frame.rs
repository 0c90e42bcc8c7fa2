//! Our table without what its sets hold, and how to do without reading that.

use jiff::Timestamp;

use super::read::Live;
use crate::ruleset::{Marker, Table};

/// Our table as the kernel holds it, but for the elements of its sets, of which there may be
/// hundreds of thousands.
#[derive(Debug, Clone)]
pub struct Frame(Live);

impl Frame {
    /// What was read without elements.
    pub(super) fn of(live: Live) -> Self {
        Self(live)
    }

    /// Whether there is a table of ours at all.
    pub fn is_there(&self) -> bool {
        self.0.table.is_some()
    }

    /// What was read: a table whose sets are empty.
    pub fn live(&self) -> &Live {
        &self.0
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
        let (mut table, marker) = (self.0.table.clone()?, self.marker()?);
        for set in table.sets.iter_mut().filter(|set| !set.is_dynamic()) {
            let known = applied.set(&set.name).filter(|known| known.same_declaration(set))?;
            set.elements = known.elements.clone();
        }
        if table.digest() != marker.digest {
            return None;
        }
        for set in &mut table.sets {
            set.elements.drop_expired(now);
        }
        Some(Live { generation: self.0.generation, table: Some(table) })
    }
}
