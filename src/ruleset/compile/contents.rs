//! What is looked up: the denied ranges, the exceptions, the interfaces, and the meters.

use std::collections::BTreeSet;

use super::sets;
use crate::interval::{Address, Interval};
use crate::policy::{InterfaceNames, Policy};
use crate::ruleset::datatype::interface_key;
use crate::ruleset::exceptions::Exceptions;
use crate::ruleset::{DYNAMIC_SIZE, DataType, Family, Set};

/// tcp, udp, dccp, sctp and udplite (IANA): their ports are the first two fields of their headers.
const PORT_PROTOCOLS: [u8; 5] = [TCP, 17, 33, 132, 136];
/// The protocol number of TCP (IANA).
pub(super) const TCP: u8 = 6;

/// How many there can be.
const FIRST_OCTETS: u32 = 256;

pub(super) fn sets_of(policy: &Policy, exceptions: Exceptions) -> Vec<Set> {
    let mut sets = vec![
        Set::ipv4_intervals(&sets::deny(Family::Ipv4), policy.denied.ipv4.clone()),
        Set::ipv6_intervals(&sets::deny(Family::Ipv6), policy.denied.ipv6.clone()),
    ];
    sets.push(first_octets(Family::Ipv4, DataType::Ipv4Addr, &policy.denied.ipv4));
    sets.push(first_octets(Family::Ipv6, DataType::Ipv6Addr, &policy.denied.ipv6));
    sets.extend(exceptions.beyond.into_iter().map(|exception| exception.set));
    // Without a chain that looks into them they would say what does not hold.
    sets.extend(exceptions.host.into_iter().filter(|_| policy.host).map(|exception| exception.set));
    sets.push(interface_set(sets::CONTAINERS, &policy.containers));
    sets.extend((!policy.excluded.exact.is_empty()).then(|| interface_set(sets::EXCLUDED, &policy.excluded)));
    sets.extend(policy.uplinks.as_ref().map(|uplinks| interface_set(sets::UPLINKS, uplinks)));
    let protocols = PORT_PROTOCOLS.iter().map(|protocol| vec![*protocol]).collect();
    sets.push(Set::exact(sets::PORT_PROTOCOLS, DataType::InetProto, protocols));
    let remember = policy.log.remember * 1000;
    // When a meter is full, further flows are dropped all the same, only not logged.
    for (family, address) in [(Family::Ipv4, DataType::Ipv4Addr), (Family::Ipv6, DataType::Ipv6Addr)] {
        let flow = vec![address, address, DataType::InetProto];
        let port = [flow.as_slice(), &[DataType::InetService]].concat();
        sets.push(Set::dynamic(&sets::denied(family), port, DYNAMIC_SIZE, remember));
        sets.push(Set::dynamic(&sets::denied_other(family), flow, DYNAMIC_SIZE, remember));
    }
    sets
}

/// With its size told, the kernel takes a table that is never resized, and the cheapest look-up it has but for the
/// compare of a constant (`nft_hash_estimate` in `net/netfilter/nft_set_hash.c`).
fn first_octets<A: Address>(family: Family, key: DataType, denied: &[Interval<A>]) -> Set {
    let octet = |address: A| address.octets().as_ref().first().copied().unwrap_or_default();
    let octets: BTreeSet<u8> =
        denied.iter().flat_map(|interval| octet(interval.first())..=octet(interval.last())).collect();
    let address = |octet: u8| std::iter::once(octet).chain(std::iter::repeat_n(0, key.len() as usize - 1)).collect();
    let keys = octets.into_iter().map(address).collect();
    Set { size: Some(FIRST_OCTETS), ..Set::exact(&sets::first(family), key, keys) }
}

/// Whole names only: in a set a pattern's asterisk would be a letter.
fn interface_set(name: &str, interfaces: &InterfaceNames) -> Set {
    let mut keys: Vec<Vec<u8>> = interfaces.exact.iter().map(|name| interface_key(name)).collect();
    keys.sort_unstable();
    Set::exact(name, DataType::IfName, keys)
}
