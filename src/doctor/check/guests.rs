//! (N1) Does Docker's FORWARD policy cut off other people's guests?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::{Patient, Ruleset};
use super::super::rules::{Fate, fate, interface, met};
use crate::policy::{Evidence, evidently_no_container_bridge};
use crate::ruleset::{ChainPolicy, Hook, MetaKey};

/// The check.
pub const CHECK: Check =
    Check { id: "guests-cut-off", about: "guests of libvirt, LXD or Incus cut off by Docker's FORWARD policy", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset() else {
        return Vec::new();
    };
    let facts = &patient.host.facts;
    let others = evidently_no_container_bridge(facts, |_| true).into_iter().filter_map(|excluded| match excluded.reason {
        Evidence::BelongsTo(owner) => Some((excluded.name, owner)),
        _ => None,
    });
    let has_guests = |name: &str| patient.link(name).is_some_and(|link| facts.ports_of(link).next().is_some());
    let cut = others.filter(|(bridge, _)| has_guests(bridge) && is_cut_off(ruleset, bridge));
    let finding = |(bridge, owner): (String, &str)| {
        CHECK.found(
            Severity::Warning,
            format!("Docker's policy of iptables' FORWARD (drop) cuts off the guests on {bridge}, of {owner}"),
            "Docker sets it when it turns forwarding on, and nothing there accepts what that bridge forwards. The wall \
             leaves these guests alone",
            format!(
                "sudo iptables -I DOCKER-USER -i {bridge} -j ACCEPT; sudo iptables -I DOCKER-USER -o {bridge} -j ACCEPT"
            ),
        )
    };
    cut.map(finding).collect()
}

fn is_cut_off(ruleset: &Ruleset, bridge: &str) -> bool {
    let forward = ruleset.bases_on(Hook::FORWARD).find(|head| {
        let drops = head.base.as_ref().is_some_and(|base| base.policy == ChainPolicy::Drop);
        head.family == "ip" && head.table == "filter" && head.name == "FORWARD" && drops
    });
    let Some(forward) = forward.filter(|head| ruleset.rules_of("ip", "filter", &head.name).is_some()) else {
        return false;
    };
    // A jump with a condition may accept it as well.
    !met(ruleset, forward).into_iter().any(|rule| {
        let names_it = [MetaKey::IIFNAME, MetaKey::OIFNAME].into_iter().any(|key| {
            interface(rule, key).is_some_and(|(is, name)| is && (name == bridge || bridge.starts_with(name.as_str())))
        });
        names_it && matches!(fate(rule), Fate::Accepts | Fate::Jumps(_))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, iif, link, ruleset_of};
    use super::*;
    use crate::ruleset::Verdict;

    fn with_guest(patient: &mut Patient) {
        patient.host.facts.links.push(link(40, "virbr0", Some("bridge"), None));
        patient.host.facts.links.push(link(41, "vnet0", Some("tun"), Some(40)));
    }

    #[test]
    fn guests_are_cut_off_unless_something_accepts_them() {
        assert!(fires(&CHECK, with_guest)[0].contains("guests on virbr0, of libvirt"));
        let accepted = fires(&CHECK, |patient| {
            with_guest(patient);
            let forward = ruleset_of(patient).rules.iter_mut().find(|rules| rules.chain == "FORWARD").unwrap();
            forward.rules.insert(0, iif("virbr0", Verdict::Accept));
        });
        assert_eq!(accepted.len(), 0);
    }
}
