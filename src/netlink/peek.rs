//! Short looks into sets of ours that packets fill.

use rustix::io::Errno;

use super::attribute::Writer;
use super::element::{self, NFTA_SET_ELEM_LIST_ELEMENTS};
use super::error::Error;
use super::kernel::Kernel;
use super::message::{DUMP, FAMILY_INET, Kind};
use crate::ruleset::{Set, TABLE_NAME};

impl Kernel {
    /// How many elements a set has. What it costs grows with them; nothing of them is kept.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn count_elements(&mut self, set: &str) -> Result<usize, Error> {
        let mut count = 0;
        let which = |writer: &mut Writer| element::encode_set(writer, TABLE_NAME, set);
        self.request(Kind::GetSetElem, DUMP, FAMILY_INET, "the elements of a set", which, |attributes| {
            let list = attributes.find(NFTA_SET_ELEM_LIST_ELEMENTS)?;
            count += list.map_or(0, |list| list.nested().count());
            Ok(())
        })?;
        Ok(count)
    }

    /// Whether the set in the kernel has the one element that `set` holds.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    pub fn has_element(&mut self, set: &Set) -> Result<bool, Error> {
        let which = |writer: &mut Writer| element::encode(writer, TABLE_NAME, set, 0..1);
        match self.request(Kind::GetSetElem, 0, FAMILY_INET, "an element", which, |_| Ok(())) {
            Ok(()) => Ok(true),
            Err(Error::Unreadable { errno, .. }) if errno == Errno::NOENT.raw_os_error() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
