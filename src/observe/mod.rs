//! What can be seen of the wall from outside, and of the host before there is one.

mod denied;
mod hold;
mod not_covered;
mod proposal;
mod shadow;
mod status;
mod suggestion;

pub use denied::{
    By, Clock, Denied, Filter, Folded, Follow, Group, Line, Log, Names, News, Order, Place, PortFilter, Prefixes, fold,
    group, protocol_name, read_line, sort,
};
pub use hold::{Hold, HoldState};
pub use not_covered::not_covered;
pub use proposal::Proposal;
pub use shadow::{Shadow, shadows};
pub use status::{Count, Hooked, Status, Wall};
pub use suggestion::{Evidence, Suggestion, Suggestions, Wish};
