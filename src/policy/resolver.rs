//! Which resolvers containers may ask.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Grant, Networks, Opening, Policy, Service};
use crate::config::{Config, DnsAllow, Ports, Protocol, Target};
use crate::host::{Host, ResolverOrigin};

/// The port of name servers (RFC 1035, section 4.2).
const DNS: u16 = 53;

/// A resolver that is let through the wall: port 53, TCP and UDP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenResolver {
    /// Its address.
    pub address: IpAddr,
    /// Whether it is the host.
    pub host: bool,
}

impl OpenResolver {
    /// The exception that it is.
    pub fn grant(&self) -> Grant {
        let port = |protocol| Service::Ports(Ports { protocol, first: DNS, last: DNS });
        Grant {
            name: format!("dns {}", self.address),
            from: None,
            openings: vec![Opening {
                to: Networks::from_iter([Target::from(self.address)]),
                host: self.host,
                services: vec![port(Protocol::Tcp), port(Protocol::Udp)],
            }],
            until: None,
        }
    }
}

/// A resolver that containers use, and what becomes of their questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedResolver {
    /// Its address.
    pub address: IpAddr,
    /// Where it is written; none when only `dns.allow` names it, and nothing says that anybody asks it.
    pub origin: Option<ResolverOrigin>,
    /// What becomes of questions to it.
    pub reach: Reach,
}

/// What becomes of containers' questions to a resolver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// It is in no denied range.
    Free,
    /// It is in a denied range, and its port 53 is granted.
    Granted,
    /// It is the host, and its port 53 is granted.
    GrantedOnHost,
    /// It is denied, and `dns.allow` does not open it.
    Closed,
}

impl Reach {
    fn new(closed: bool, open: bool, on_host: bool) -> Self {
        match (closed, open, on_host) {
            (false, _, _) => Self::Free,
            (true, false, _) => Self::Closed,
            (true, true, true) => Self::GrantedOnHost,
            (true, true, false) => Self::Granted,
        }
    }
}

/// The resolvers of this host under `denied`, those that are the host itself under `deny.host`.
pub fn used_resolvers(config: &Config, host: &Host, denied: &Networks) -> Vec<UsedResolver> {
    let listed = match &config.dns {
        DnsAllow::List(addresses) => addresses.as_slice(),
        _ => &[],
    };
    let opens = |address, _| config.dns == DnsAllow::Auto || listed.contains(&address);
    judged(host, listed.iter().copied(), denied, config.host, opens)
}

/// The resolvers of this host under a policy in force, then what else the policy opens.
pub fn resolvers_under(policy: &Policy, host: &Host) -> Vec<UsedResolver> {
    let opens = |address, on_host| policy.resolvers.contains(&OpenResolver { address, host: on_host });
    let opened = policy.resolvers.iter().map(|resolver| resolver.address);
    judged(host, opened, &policy.denied, policy.host, opens)
}

/// The resolvers that the host says, then those `named` that it does not. `opens` says whether an address
/// is let through, which is or is not one of the host's own.
fn judged(
    host: &Host,
    named: impl Iterator<Item = IpAddr>,
    denied: &Networks,
    closes_host: bool,
    opens: impl Fn(IpAddr, bool) -> bool,
) -> Vec<UsedResolver> {
    let own: Vec<IpAddr> = host.facts.own_addresses().collect();
    let is_found = |address: &IpAddr| host.resolvers.iter().any(|resolver| resolver.address == *address);
    let found = host.resolvers.iter().map(|resolver| (resolver.address, Some(resolver.origin.clone())));
    let unasked = named.filter(|address| !is_found(address)).map(|address| (address, None));
    let used = |(address, origin)| {
        let on_host = own.contains(&address);
        let closed = if on_host { closes_host } else { denied.contains(address) };
        UsedResolver { address, origin, reach: Reach::new(closed, opens(address, on_host), on_host) }
    };
    found.chain(unasked).map(used).collect()
}

/// Those that the policy has to open.
pub fn open_resolvers(used: &[UsedResolver]) -> Vec<OpenResolver> {
    let mut open: Vec<OpenResolver> = used
        .iter()
        .filter(|used| matches!(used.reach, Reach::Granted | Reach::GrantedOnHost))
        .map(|used| OpenResolver { address: used.address, host: used.reach == Reach::GrantedOnHost })
        .collect();
    open.sort_unstable();
    open.dedup();
    open
}
