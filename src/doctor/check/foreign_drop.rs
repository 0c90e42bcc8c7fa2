//! (N2) Does somebody else drop what leaves by the link that a granted address is behind, as a VPN's own
//! rules do?

use std::net::IpAddr;

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use super::super::rules::{Fate, fate, interface, may_come_from, met};
use crate::policy::Networks;
use crate::ruleset::{Hook, MetaKey, Rule};

/// The check.
pub const CHECK: Check = Check {
    id: "foreign-drop",
    about: "a foreign rule drops what leaves by the link of what is granted",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(ruleset), Some(policy)) = (patient.ruleset(), patient.policy()) else {
        return Vec::new();
    };
    let facts = &patient.host.facts;
    let containers: Vec<ipnet::IpNet> = facts.on_link_networks(|name| !patient.polices(name)).collect();
    let mut found = Vec::new();
    for link in patient.host.facts.links.iter().filter(|link| !link.loopback && !patient.polices(&link.name)) {
        let networks = patient.networks_of(&link.name);
        let behind = |to: &Networks| networks.iter().any(|network| to.contains(network.addr()) || holds(to, network));
        let granted = policy.exceptions().filter(|grant| {
            grant.openings.iter().any(|opening| !opening.host && behind(&opening.to))
        });
        let names: Vec<String> = granted.map(|grant| grant.name.clone()).collect();
        if names.is_empty() {
            continue;
        }
        for head in ruleset.bases_on(Hook::FORWARD).filter(|head| head.table != "firewalld") {
            if met(ruleset, head).into_iter().any(|rule| drops_what_leaves_by(rule, &link.name) && may_come_from(rule, &containers)) {
                found.push(CHECK.found(
                    Severity::Warning,
                    format!(
                        "table {} {}, from chain {} on, has a rule that drops what leaves by {}, where what is granted is ({})",
                        head.family,
                        head.table,
                        head.name,
                        link.name,
                        names.join(", ")
                    ),
                    "where that rule's other conditions are met, the grant lets through what is dropped there; it is not \
                     dockwall's rule",
                    format!("nft list table {} {}    # and ask the program that made it", head.family, head.table),
                ));
            }
        }
    }
    found
}

/// Whether one address of `to` is in the network.
fn holds(to: &Networks, network: &ipnet::IpNet) -> bool {
    let ipv4 = to.ipv4.iter().map(|interval| IpAddr::V4(interval.first()));
    let ipv6 = to.ipv6.iter().map(|interval| IpAddr::V6(interval.first()));
    ipv4.chain(ipv6).any(|address| network.contains(&address))
}

fn drops_what_leaves_by(rule: &Rule, link: &str) -> bool {
    fate(rule) == Fate::Drops && interface(rule, MetaKey::OIFNAME).is_some_and(|(is, name)| is && name == link)
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{base, chain_rules, fires, jump, oif, ruleset_of};
    use super::*;
    use crate::ruleset::{ChainPolicy, Verdict};

    #[test]
    fn a_drop_on_the_way_to_a_grant_is_told_and_one_elsewhere_is_not() {
        let with = |link: &str| {
            fires(&CHECK, |patient| {
                let ruleset = ruleset_of(patient);
                ruleset.chains.push(base("ip", "vpn", "FORWARD", Hook::FORWARD, ChainPolicy::Accept));
                ruleset.rules.push(chain_rules("ip", "vpn", "FORWARD", vec![jump("ts-forward")]));
                ruleset.rules.push(chain_rules("ip", "vpn", "ts-forward", vec![oif(link, Verdict::Drop)]));
            })
        };
        assert!(with("eth0")[0].contains("drops what leaves by eth0, where what is granted is (dns 10.57.17.5)"));
        assert_eq!(with("wg0").len(), 0);
    }
}
