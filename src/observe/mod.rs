//! What can be seen of the wall from outside, and of the host before there is one.

mod count;
mod coverage;
mod denied;
pub mod explain;
mod granted;
mod hold;
mod metrics;
mod proposal;
mod rate;
mod shadow;
mod status;
mod suggestion;

pub use count::{Count, Counted, What, counted, family_word};
pub use coverage::{Coverage, Covered, NotCovered, Past, networks_past};
pub use denied::{
    By, Clock, Denied, Filter, Folded, Follow, Group, Line, Log, Names, News, Order, Place, PortFilter, Prefixes, fold,
    group, protocol_name, read_line, sort,
};
pub use granted::{GrantedBy, granted_by};
pub use hold::{Hold, HoldState};
pub use metrics::{Family, Fill, FlowCount, Metrics, Sample};
pub use proposal::Proposal;
pub use rate::{Rates, Reading};
pub use shadow::{Shadow, shadows};
pub use status::{Hooked, Status, Wall};
pub use suggestion::{Evidence, Suggestion, Suggestions, Wish};
