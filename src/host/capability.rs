//! CAP_NET_ADMIN and nothing else.

use caps::{CapSet, Capability, CapsHashSet};

/// A capability is not there to be used.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// CAP_NET_ADMIN.
    #[error(
        "CAP_NET_ADMIN is missing: user {uid} may not read or change nf_tables. Run it with sudo, or give a service \
         `AmbientCapabilities=CAP_NET_ADMIN`"
    )]
    NetAdmin {
        /// Who has it not.
        uid: u32,
    },
    /// CAP_SYS_ADMIN, where it is needed beside.
    #[error(
        "CAP_SYS_ADMIN or CAP_NET_ADMIN is missing: user {uid} may not make a network namespace to send from. Run it \
         with sudo on the host itself, not in a container"
    )]
    SysAdmin {
        /// Who has it not.
        uid: u32,
    },
}

/// Drops every capability but CAP_NET_ADMIN from this thread, for good: what a bug could do later
/// it cannot do then.
///
/// # Errors
/// [`Missing`] where CAP_NET_ADMIN is not there. A process in a child user namespace has it and is
/// still refused by the kernel, which shows with the first request.
pub fn keep_net_admin() -> Result<(), Missing> {
    let uid = rustix::process::geteuid().as_raw();
    keep(&[Capability::CAP_NET_ADMIN]).map_err(|_| Missing::NetAdmin { uid })
}

/// The same with CAP_SYS_ADMIN, which making a network namespace takes.
///
/// # Errors
/// [`Missing`] where one of the two is not there.
pub fn keep_net_and_sys_admin() -> Result<(), Missing> {
    let uid = rustix::process::geteuid().as_raw();
    keep(&[Capability::CAP_NET_ADMIN, Capability::CAP_SYS_ADMIN]).map_err(|_| Missing::SysAdmin { uid })
}

/// Drops every capability from this thread, for good.
///
/// # Errors
/// Where the kernel does not say what there is to drop.
pub fn keep_nothing() -> Result<(), caps::errors::CapsError> {
    keep(&[])
}

fn keep(these: &[Capability]) -> Result<(), caps::errors::CapsError> {
    let only: CapsHashSet = these.iter().copied().collect();
    caps::set(None, CapSet::Effective, &only)?;
    caps::set(None, CapSet::Permitted, &only)?;
    caps::clear(None, CapSet::Inheritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_net_admin_is_left() {
        // Capabilities belong to a thread, so this one's loss is no other test's.
        let left = std::thread::spawn(|| {
            keep_net_admin().unwrap();
            caps::read(None, CapSet::Permitted).unwrap()
        });
        assert_eq!(left.join().unwrap(), CapsHashSet::from([Capability::CAP_NET_ADMIN]));
    }

    #[test]
    fn without_it_the_error_says_so() {
        let refused = std::thread::spawn(|| {
            caps::clear(None, CapSet::Effective).unwrap();
            caps::clear(None, CapSet::Permitted).unwrap();
            keep_net_admin().unwrap_err().to_string()
        });
        assert!(refused.join().unwrap().starts_with("CAP_NET_ADMIN is missing"));
    }
}
