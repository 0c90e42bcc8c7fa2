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
    let own: Vec<IpAddr> = host.facts.own_addresses().collect();
    let listed = match &config.dns {
        DnsAllow::List(addresses) => addresses.as_slice(),
        _ => &[],
    };
    let opens = |address: &IpAddr| config.dns == DnsAllow::Auto || listed.contains(address);
    let unasked = listed.iter().filter(|address| !is_found(host, address)).map(|address| (*address, None));
    let found = host.resolvers.iter().map(|resolver| (resolver.address, Some(resolver.origin.clone())));
    let used = found.chain(unasked).map(|(address, origin)| {
        let on_host = own.contains(&address);
        let closed = if on_host { config.host } else { denied.contains(address) };
        let reach = Reach::new(closed, opens(&address), on_host);
        UsedResolver { address, origin, reach }
    });
    used.collect()
}

fn is_found(host: &Host, address: &IpAddr) -> bool {
    host.resolvers.iter().any(|resolver| resolver.address == *address)
}

/// The resolvers of this host under a policy in force, then what else the policy opens.
pub fn resolvers_under(policy: &Policy, host: &Host) -> Vec<UsedResolver> {
    let own: Vec<IpAddr> = host.facts.own_addresses().collect();
    let reach = |address: IpAddr| {
        let on_host = own.contains(&address);
        let open = policy.resolvers.iter().any(|resolver| resolver.address == address && resolver.host == on_host);
        let closed = if on_host { policy.host } else { policy.denied.contains(address) };
        Reach::new(closed, open, on_host)
    };
    let used = |(address, origin)| UsedResolver { address, origin, reach: reach(address) };
    let found = host.resolvers.iter().map(|resolver| (resolver.address, Some(resolver.origin.clone())));
    let opened = policy.resolvers.iter().map(|resolver| resolver.address);
    let unasked = opened.filter(|address| !is_found(host, address)).map(|address| (address, None));
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
