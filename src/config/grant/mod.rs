//! An exception to what is denied.

mod destination;
mod keys;
mod name;
mod ports;
mod protocol;
mod source;
mod text;
mod until;
mod words;

pub use destination::Destination;
pub(super) use keys::{GrantNames, read_grants};
pub use name::{read_comment, read_name, suggest_name};
pub use ports::Ports;
pub use protocol::Protocol;
pub use source::Source;
pub use until::read_time;

use jiff::Timestamp;

use super::origin::Origin;

/// An exception: packets to these destinations go on to Docker's own rules, as if they were not
/// denied. A `[[grant]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The name, unique over all files: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// The destinations.
    pub to: Destination,
    /// The ports there, in the order of [`Ports::merge`]; empty for everything.
    pub ports: Vec<Ports>,
    /// The protocol, whatever the ports; none for every protocol. Never beside `ports`.
    pub protocol: Option<Protocol>,
    /// Which containers; none for all of them.
    pub from: Option<Source>,
    /// When it runs out; none for never. May be past.
    pub until: Option<Timestamp>,
    /// Whether nothing may be applied as long as a name in it stands for nothing on the host.
    pub required: bool,
    /// Why it is there, for people; one line.
    pub comment: Option<String>,
    /// The line of the table's header.
    pub origin: Origin,
}
