//! CAP_NET_ADMIN and nothing else.

use caps::{CapSet, Capability, CapsHashSet};

/// CAP_NET_ADMIN is not there to be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "CAP_NET_ADMIN is missing: user {uid} may not read or change nf_tables. Run it with sudo, or give a service \
     `AmbientCapabilities=CAP_NET_ADMIN`"
)]
pub struct Missing {
    uid: u32,
}

/// Drops every capability but CAP_NET_ADMIN from this thread, for good: what a bug could do later
/// it cannot do then.
///
/// # Errors
/// [`Missing`] where CAP_NET_ADMIN is not there. A process in a child user namespace has it and is
/// still refused by the kernel, which shows with the first request.
pub fn keep_net_admin() -> Result<(), Missing> {
    let missing = |_| Missing { uid: rustix::process::geteuid().as_raw() };
    let only = CapsHashSet::from([Capability::CAP_NET_ADMIN]);
    caps::set(None, CapSet::Effective, &only).map_err(missing)?;
    caps::set(None, CapSet::Permitted, &only).map_err(missing)?;
    caps::clear(None, CapSet::Inheritable).map_err(missing)
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
