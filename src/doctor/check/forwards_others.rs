//! (C15) Does the host forward between networks that are none of containers', for everybody?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::{Patient, Ruleset};
use super::super::rules::terminal;
use crate::host::Link;
use crate::ruleset::{ChainPolicy, Hook};

/// The check.
pub const CHECK: Check = Check {
    id: "forwards-others",
    about: "the host forwards between its other interfaces, without a limit",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset() else {
        return Vec::new();
    };
    let families = [
        ("IPv4", patient.settings.forwards_ipv4, "ip", true),
        ("IPv6", patient.settings.forwards_ipv6, "ip6", false),
    ];
    let mut found = Vec::new();
    for (name, forwards, family, ipv4) in families {
        let links: Vec<String> =
            patient.host.facts.links.iter().filter(|link| leads_elsewhere(patient, link, ipv4)).map(|link| link.name.clone()).collect();
        let hidden = patient.has_legacy() || patient.settings.legacy_tables.is_none();
        if forwards != Some(true) || links.len() < 2 || hidden || is_limited(ruleset, family) {
            continue;
        }
        found.push(CHECK.found(
            Severity::Warning,
            format!("the host forwards {name} between {}, and no chain limits that", listed(links)),
            "a neighbour in one of these networks reaches the others through this host, a VPN's among them. The wall is \
             for what comes from containers, and lets it pass",
            "nft add table inet forwarding; nft 'add chain inet forwarding forward { type filter hook forward priority 0; \
             policy accept; }'    # and drop there what is not meant; or turn forwarding off where no container needs it",
        ));
    }
    found
}

/// Whether it is up and has an address that others reach, and is neither a container's nor a guest's.
fn leads_elsewhere(patient: &Patient, link: &Link, ipv4: bool) -> bool {
    let kind = link.kind.as_deref();
    let is_bare_bridge = kind == Some("bridge") && !patient.host.facts.carries_default_route(link) && {
        let mut ports = patient.host.facts.ports_of(link);
        !ports.any(|port| port.has_device || matches!(port.kind.as_deref(), Some("vlan" | "bond" | "team")))
    };
    let mut addresses = patient.host.facts.addresses.iter();
    let has_address = addresses.any(|address| {
        let own = address.network.addr();
        address.link == link.index && own.is_ipv4() == ipv4 && address.scope == crate::host::Scope::Global
    });
    link.up && !link.loopback && !is_bare_bridge && kind != Some("dummy") && !patient.polices(&link.name) && has_address
}

/// Whether some chain on the forward hook drops what it does not accept.
fn is_limited(ruleset: &Ruleset, family: &str) -> bool {
    ruleset.bases_on(Hook::FORWARD).filter(|head| head.family == family || head.family == "inet").any(|head| {
        let drops = head.base.as_ref().is_some_and(|base| base.policy == ChainPolicy::Drop);
        let rules = ruleset.rules_of(head.family, &head.table, &head.name);
        drops || rules.is_none_or(|rules| terminal(ruleset, rules).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{address, fires, link, ruleset_of};
    use super::*;
    use crate::host::Link;

    fn with_vpn(patient: &mut Patient) {
        patient.host.facts.links.push(Link { up: true, ..link(30, "wg0", Some("wireguard"), None) });
        patient.host.facts.addresses.push(address(30, "10.8.0.1/24"));
    }

    #[test]
    fn two_uplinks_without_a_limit_are_told() {
        let open = |patient: &mut Patient| {
            with_vpn(patient);
            ruleset_of(patient).chains.retain(|head| head.name != "FORWARD");
        };
        let found = fires(&CHECK, open);
        assert!(found.len() == 1 && found[0].contains("forwards IPv4 between eth0, wg0"), "{found:?}");
        // Docker's own policy of FORWARD limits it.
        assert_eq!(fires(&CHECK, with_vpn).len(), 0);
        let off = fires(&CHECK, |patient| {
            open(patient);
            patient.settings.forwards_ipv4 = Some(false);
        });
        assert_eq!(off.len(), 0);
    }
}
