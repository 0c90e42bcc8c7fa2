//! The connection that a command is run over: the wall must not cut it.

use std::fmt;

use crate::host::{Session, answered_by};
use crate::policy::Policy;

/// The remote login at the other end of which the user sits, and the interface that it comes in by.
#[derive(Debug, Clone)]
pub struct Lifeline(Option<(Session, String)>);

/// The policy would drop the user's own connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct WouldCut {
    session: Session,
    interface: String,
}

impl fmt::Display for WouldCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Session { client, server } = self.session;
        write!(
            f,
            "this would cut the connection that you are working over: {client} comes in by {interface}, which is policed as a \
             container interface, and port {port} of the host is not granted; nothing was changed\n  \
             take {interface} out with `containers.exclude = [\"{interface}\"]`, or grant `to = \"host\"`, \
             `ports = [\"{port}/tcp\"]`; --force does it all the same",
            interface = self.interface,
            port = server.port(),
        )
    }
}

impl Lifeline {
    /// Looks for it. To be called while all capabilities are still there: another process's environment
    /// may have to be read.
    pub fn find() -> Self {
        let session = Session::current();
        Self(session.and_then(|session| Some((session, answered_by(session.client).ok()??))))
    }

    /// # Errors
    /// [`WouldCut`] where `policy` would drop it, unless that is what the user wants.
    pub fn check(&self, policy: &Policy, force: bool) -> Result<(), WouldCut> {
        match &self.0 {
            Some((session, interface)) if !force && policy.cuts(session, interface) => {
                Err(WouldCut { session: *session, interface: interface.clone() })
            }
            _ => Ok(()),
        }
    }
}
