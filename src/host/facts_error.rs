//! Why the machine did not say how it is networked.

use std::io;

use netlink_packet_core::DecodeError;

/// Links, addresses, routes or flows could not be read. Reading them changes nothing and needs no
/// privilege.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A system call on the socket failed.
    #[error(
        "cannot {doing} the netlink socket: a service or a container needs AF_NETLINK among the address families \
         it may use (systemd: `RestrictAddressFamilies=AF_NETLINK`)"
    )]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The kernel refused to list something.
    #[error(
        "the kernel does not list its {what}: look whether `ip` does, and whether a security module keeps netlink from \
         this program"
    )]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The kernel's errno.
        source: io::Error,
    },
    /// The kernel sent what makes no sense.
    #[error("cannot understand what the kernel says of {what}: please report it with this message and `uname -r`")]
    Malformed {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Something changed each time while the list was being sent.
    #[error("the {what} of this machine changed {attempts} times in a row while they were being read: try again")]
    Unsettled {
        /// What was asked for.
        what: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
}
