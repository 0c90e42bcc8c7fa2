//! The SSH connection that this program is run over.

use std::net::SocketAddr;

/// An SSH connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The other end.
    pub client: SocketAddr,
    /// This end.
    pub server: SocketAddr,
}

impl Session {
    /// The connection of this process, else of its nearest ancestor that has one: `sudo` takes it
    /// out of the environment. None where nobody is there, or it can't be read.
    ///
    /// To be called before capabilities are dropped.
    pub fn current() -> Option<Self> {
        None
    }
}
