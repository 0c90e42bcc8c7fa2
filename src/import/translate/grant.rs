//! What a grant opens, and of which rule.

use crate::config::{Destination, Ports, Protocol, suggest_grant_name};
use crate::import::plan::{Grant, Plan};
use crate::import::space::Space;
use crate::import::span::{Family, Span, covers};

/// What is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Services {
    /// Ports.
    pub ports: Vec<Ports>,
    /// Protocols without ports, a grant each; empty beside `ports`, and where it is everything.
    pub protocols: Vec<Protocol>,
}

/// What a grant can open of it.
pub fn services(space: &Space) -> Result<Services, (String, String)> {
    if let Some(other) = space.other.first() {
        return Err((format!("a grant has no condition like `{}`", other.text), other.cure.clone()));
    }
    if space.limit.is_some() {
        let cure = "grant it without a rate, or leave the rule to iptables";
        return Err(("it lets pass only below or above a rate; a grant has none".to_owned(), cure.to_owned()));
    }
    let Some(numbers) = &space.protocols else {
        return match &space.ports {
            None => Ok(Services::default()),
            Some(_) => Err(("it has ports and no protocol".to_owned(), "say tcp or udp".to_owned())),
        };
    };
    if numbers.len() > 64 {
        let cure = "write a [[grant]] for each protocol that is to be open";
        return Err(("a grant is for protocols that it names, not for all but some".to_owned(), cure.to_owned()));
    }
    let icmp = match space.family {
        Family::V4 => 1,
        Family::V6 => 58,
    };
    let mut services = Services::default();
    for number in numbers {
        let protocol = match *number {
            number if number == icmp => Protocol::Icmp,
            1 => continue,
            number => match Protocol::from_number(number) {
                Ok(protocol) => protocol,
                Err(_) => continue,
            },
        };
        match &space.ports {
            Some(ranges) if protocol.has_ports() => {
                let ports = ranges.iter().filter(|(_, last)| *last > 0);
                services.ports.extend(ports.map(|(first, last)| Ports {
                    protocol,
                    first: (*first).max(1),
                    last: *last,
                }));
            }
            Some(_) => {}
            None => services.protocols.push(protocol),
        }
    }
    if services.ports.is_empty() && services.protocols.is_empty() {
        let cure = "write a [[grant]] of what is to be open";
        return Err(("no packet of this family has that protocol".to_owned(), cure.to_owned()));
    }
    Ok(services)
}

/// Adds what opens `to` from `from`; returns the grants' names.
pub fn add(
    plan: &mut Plan,
    line: usize,
    family: Family,
    to: &[Span],
    from: &[Span],
    services: &Services,
    comment: Option<&str>,
) -> Vec<String> {
    let to = to.iter().filter_map(|span| span.target(family)).map(Destination::Addresses);
    let from: Vec<Option<crate::config::Target>> = match covers(from, &[family.everything()]) {
        true => vec![None],
        false => from.iter().filter_map(|span| span.target(family)).map(Some).collect(),
    };
    let mut names = Vec::new();
    for to in to {
        for from in &from {
            names.extend(add_one(plan, line, to, *from, services, comment));
        }
    }
    names
}

/// The same of one destination.
pub fn add_one(
    plan: &mut Plan,
    line: usize,
    to: Destination,
    from: Option<crate::config::Target>,
    services: &Services,
    comment: Option<&str>,
) -> Vec<String> {
    let kinds: Vec<Option<Protocol>> = match services.protocols.as_slice() {
        [] => vec![None],
        protocols => protocols.iter().copied().map(Some).collect(),
    };
    let mut names = Vec::new();
    for protocol in kinds {
        let comment = comment.and_then(|comment| crate::config::read_grant_comment(comment).ok());
        let ports = Ports::merge(services.ports.clone());
        let twin =
            |grant: &&Grant| (grant.to, grant.from, &grant.ports, grant.protocol) == (to, from, &ports, protocol);
        if let Some(twin) = plan.grants.iter().find(twin) {
            names.push(twin.name.clone());
            continue;
        }
        let mut words: Vec<String> = from.iter().map(ToString::to_string).chain([to.to_string()]).collect();
        words.extend(protocol.iter().map(ToString::to_string).chain(ports.iter().take(2).map(ToString::to_string)));
        let name = suggest_grant_name(&words, |name| plan.grants.iter().any(|grant| grant.name == name));
        names.push(name.clone());
        plan.grants.push(Grant { name, to, ports, protocol, from, comment, line });
    }
    names
}
