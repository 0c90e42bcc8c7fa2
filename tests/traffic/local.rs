//! The addresses of this network namespace, from /proc/net.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::Address;

/// Flag of an address whose duplicate check has not ended (`include/uapi/linux/if_addr.h`).
const IFA_F_TENTATIVE: u32 = 0x40;

/// All addresses one can bind now. A family the kernel lacks has none.
pub fn addresses() -> Vec<Address> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let mut addresses = ipv4(&read("/proc/net/fib_trie"));
    addresses.extend(ipv6(&read("/proc/net/if_inet6")));
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The trie prints an address on one line and what it is on the next: `/32 host LOCAL`.
fn ipv4(trie: &str) -> Vec<Address> {
    let mut last = None;
    let mut addresses = Vec::new();
    for line in trie.lines() {
        let line = line.trim_start_matches([' ', '|', '-', '+']);
        if let Ok(ip) = line.parse::<Ipv4Addr>() {
            last = Some(ip);
        } else if line.starts_with("/32 host LOCAL") {
            addresses.extend(last.map(|ip| Address { ip: ip.into(), interface: 0 }));
        }
    }
    addresses
}

/// Lines of `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`, numbers in hexadecimal.
fn ipv6(table: &str) -> Vec<Address> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ip = Ipv6Addr::from_bits(u128::from_str_radix(fields.first()?, 16).ok()?);
        let index = u32::from_str_radix(fields.get(1)?, 16).ok()?;
        let flags = u32::from_str_radix(fields.get(4)?, 16).ok()?;
        let interface = if ip.is_unicast_link_local() { index } else { 0 };
        (flags & IFA_F_TENTATIVE == 0).then_some(Address { ip: IpAddr::V6(ip), interface })
    };
    table.lines().filter_map(parse).collect()
}
