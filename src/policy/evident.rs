//! What a pattern takes in by its name and is evidently no container bridge.

use std::fmt;

use crate::host::{Facts, Link};

/// Who makes bridges of such names. The kernel does not know whose a bridge is.
const OWNERS: [(&str, &str); 3] = [("virbr", "libvirt"), ("lxdbr", "LXD"), ("incusbr", "Incus")];

/// Kinds of links that lead out of the host, whatever is below them. A veth or a tap is as often a
/// container's or a virtual machine's, and proves nothing.
const OUTWARD: [&str; 3] = ["vlan", "bond", "team"];

/// A link that is not policed although a pattern matches its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// The link's name.
    pub name: String,
    /// Why it is not policed.
    pub reason: Evidence,
}

/// What shows that a link is no container bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The host itself goes out over it.
    CarriesDefaultRoute,
    /// It is a bridge with this port, which is a physical device, a vlan or a bond.
    HasPhysicalPort(String),
    /// It is itself a physical device, a vlan or a bond.
    LeadsOut,
    /// It is a bridge of this program, for virtual machines or system containers.
    BelongsTo(&'static str),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CarriesDefaultRoute => f.write_str("carries a default route"),
            Self::HasPhysicalPort(port) => write!(f, "has the port {port}, which leads out of the host"),
            Self::LeadsOut => f.write_str("leads out of the host itself, as a physical device, a vlan or a bond"),
            Self::BelongsTo(owner) => write!(f, "belongs to {owner}"),
        }
    }
}

/// The links whose names are guessed to be container bridges' and that evidently are none, each with
/// the strongest reason, by index.
pub fn evidently_no_container_bridge(facts: &Facts, is_guessed: impl Fn(&str) -> bool) -> Vec<Excluded> {
    let excluded = |link: &Link| Some(Excluded { name: link.name.clone(), reason: evidence(facts, link)? });
    facts.links.iter().filter(|link| is_guessed(&link.name)).filter_map(excluded).collect()
}

fn evidence(facts: &Facts, link: &Link) -> Option<Evidence> {
    if facts.carries_default_route(link) {
        return Some(Evidence::CarriesDefaultRoute);
    }
    if leads_out(link) {
        return Some(Evidence::LeadsOut);
    }
    if !is_bridge(link) {
        return None;
    }
    if let Some(port) = facts.ports_of(link).find(|port| leads_out(port)) {
        return Some(Evidence::HasPhysicalPort(port.name.clone()));
    }
    let owner = OWNERS.iter().find(|(prefix, _)| link.name.starts_with(prefix));
    owner.map(|(_, owner)| Evidence::BelongsTo(owner))
}

/// Whether the kernel calls it a bridge.
pub(super) fn is_bridge(link: &Link) -> bool {
    link.kind.as_deref() == Some("bridge")
}

fn leads_out(link: &Link) -> bool {
    link.has_device || link.kind.as_deref().is_some_and(|kind| OUTWARD.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Origin, Route};

    const BRIDGE: u32 = 10;

    fn bridge(name: &str) -> Link {
        link(BRIDGE, name, Some("bridge"), None)
    }

    /// A link without a kind is a device.
    fn link(index: u32, name: &str, kind: Option<&str>, master: Option<u32>) -> Link {
        Link {
            index,
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            master,
            has_device: kind.is_none(),
            ..Link::default()
        }
    }

    fn default_route(link: u32, destination: &str, table: u32) -> Route {
        Route { link, destination: destination.parse().unwrap(), gateway: true, table, origin: Origin::Other }
    }

    /// What is said of those whose names look like a bridge's.
    fn reasons(facts: &Facts) -> Vec<String> {
        let excluded = evidently_no_container_bridge(facts, |name| name.contains("br"));
        excluded.iter().map(|excluded| format!("{} {}", excluded.name, excluded.reason)).collect()
    }

    #[test]
    fn a_bridge_with_a_default_route_is_none_of_containers() {
        for (case, link, destination, table, excluded) in [
            ("IPv4", BRIDGE, "0.0.0.0/0", Route::MAIN, true),
            ("IPv6", BRIDGE, "::/0", Route::MAIN, true),
            ("on another link", 1, "0.0.0.0/0", Route::MAIN, false),
            ("of some packets only", BRIDGE, "0.0.0.0/0", 51820, false),
        ] {
            let facts = Facts {
                links: vec![bridge("br-lan")],
                routes: vec![default_route(link, destination, table)],
                ..Facts::default()
            };
            let expected: &[&str] = if excluded { &["br-lan carries a default route"] } else { &[] };
            assert_eq!(reasons(&facts), expected, "{case}");
        }
    }

    #[test]
    fn a_port_that_leads_out_tells_and_one_of_a_container_or_a_machine_does_not() {
        for (kind, excluded) in [
            (None, true),
            (Some("vlan"), true),
            (Some("bond"), true),
            (Some("team"), true),
            (Some("veth"), false),
            (Some("tun"), false),
            (Some("dummy"), false),
            (Some("vxlan"), false),
        ] {
            // The first port tells nothing, and neither does another bridge's.
            let links = vec![
                bridge("br-lan"),
                link(11, "br-other", Some("bridge"), None),
                link(12, "veth0", Some("veth"), Some(BRIDGE)),
                link(13, "port", kind, Some(BRIDGE)),
            ];
            let expected: &[&str] =
                if excluded { &["br-lan has the port port, which leads out of the host"] } else { &[] };
            assert_eq!(reasons(&Facts { links, ..Facts::default() }), expected, "{kind:?}");
        }
    }

    #[test]
    fn other_programs_bridges_are_known_by_their_names() {
        for (name, kind, owner) in [
            ("virbr0", "bridge", Some("libvirt")),
            ("lxdbr0", "bridge", Some("LXD")),
            ("incusbr0", "bridge", Some("Incus")),
            ("br-virbr0", "bridge", None),
            ("virbr0-nic", "tun", None),
        ] {
            let facts = Facts { links: vec![link(BRIDGE, name, Some(kind), None)], ..Facts::default() };
            let expected: Vec<_> = owner.map(|owner| format!("{name} belongs to {owner}")).into_iter().collect();
            assert_eq!(reasons(&facts), expected, "{name}");
        }
    }

    #[test]
    fn what_matches_and_leads_out_itself_is_no_bridge() {
        for (kind, excluded) in [(None, true), (Some("vlan"), true), (Some("veth"), false), (Some("macvlan"), false)] {
            let facts = Facts { links: vec![link(BRIDGE, "br-lan.20", kind, None)], ..Facts::default() };
            assert_eq!(!reasons(&facts).is_empty(), excluded, "{kind:?}");
        }
    }

    #[test]
    fn what_is_no_guess_is_policed_whatever_it_looks_like() {
        let facts = Facts {
            links: vec![bridge("br-lan"), link(11, "virbr0", Some("bridge"), None)],
            routes: vec![default_route(BRIDGE, "0.0.0.0/0", Route::MAIN)],
            ..Facts::default()
        };
        assert_eq!(evidently_no_container_bridge(&facts, |name| name == "docker0"), []);
    }

    #[test]
    fn the_strongest_reason_comes_first() {
        let facts = Facts {
            links: vec![bridge("virbr0"), link(11, "eth0", None, Some(BRIDGE))],
            routes: vec![default_route(BRIDGE, "0.0.0.0/0", Route::MAIN)],
            ..Facts::default()
        };
        assert_eq!(reasons(&facts), ["virbr0 carries a default route"]);
        let facts = Facts { routes: Vec::new(), ..facts };
        assert_eq!(reasons(&facts), ["virbr0 has the port eth0, which leads out of the host"]);
    }
}
