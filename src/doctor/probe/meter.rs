//! What the wall remembers of the packets: the proof that it was the wall that denied them, in audit mode as
//! well.

use std::net::IpAddr;

use super::plan::Shot;
use crate::netlink::{Commit, Error, Kernel};
use crate::ruleset::{Change, DataType, Family, Set, sets};

/// How often an element is taken out though somebody else's change came first.
const ATTEMPTS: usize = 5;

/// For each shot whether the wall remembers to have denied it.
pub fn remembered(kernel: &mut Kernel, shots: &[Shot]) -> Result<Vec<bool>, Error> {
    shots.iter().map(|shot| kernel.has_element(&element(shot))).collect()
}

/// Has the wall forget these, so that nobody takes the packets for a container's.
pub fn forget(kernel: &mut Kernel, shots: &[&Shot]) -> Result<(), Error> {
    for shot in shots {
        let set = element(shot);
        for _ in 0..ATTEMPTS {
            let generation = kernel.read_frame()?.generation();
            let done = kernel.commit(&[Change::DeleteElements(set.clone())], generation)?;
            // What ran out meanwhile is forgotten anyway.
            if matches!(done, Commit::Taken { .. }) || !kernel.has_element(&set)? {
                break;
            }
        }
    }
    Ok(())
}

/// The meter of its family with its key alone.
fn element(shot: &Shot) -> Set {
    let (family, kind) = match shot.from {
        IpAddr::V4(_) => (Family::Ipv4, DataType::Ipv4Addr),
        IpAddr::V6(_) => (Family::Ipv6, DataType::Ipv6Addr),
    };
    let mut key: Vec<u8> = Vec::new();
    for address in [shot.from, shot.to] {
        match address {
            IpAddr::V4(address) => key.extend(address.octets()),
            IpAddr::V6(address) => key.extend(address.octets()),
        }
    }
    // Each field is padded to four bytes.
    key.extend([if shot.tcp { 6 } else { 17 }, 0, 0, 0]);
    key.extend(shot.port.to_be_bytes());
    key.extend([0, 0]);
    Set::exact_keys(&sets::denied(family), vec![kind, kind, DataType::InetProto, DataType::InetService], vec![key])
}
