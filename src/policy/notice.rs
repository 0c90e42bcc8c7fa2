//! What people should know about a policy before they apply it.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::Serialize;

use super::evident::is_bridge;
use super::resolve::Unresolved;
use super::{Evidence, Excluded, Reach, UsedResolver, evidently_no_container_bridge};
use crate::config::{Config, DnsAllow, Origin};
use crate::host::{Facts, Link};

/// Something that works otherwise than one would think, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its kind.
    pub kind: NoticeKind,
    /// What is so.
    pub problem: String,
    /// What to do.
    pub cure: String,
    /// The place in the configuration that it is about.
    #[serde(skip)]
    pub origin: Option<Origin>,
}

/// The kinds of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A grant is left out, since a name in it stands for nothing here.
    UnresolvedName,
    /// Containers will not be able to look up names.
    NoResolution,
    /// A container network and another network of the host share addresses.
    Overlap,
    /// A bridge is not policed, and nothing shows whose it is.
    UnpolicedBridge,
    /// A way out of the host is written as a container interface.
    PolicedUplink,
}

/// What is to say of resolvers and of grants that are left out.
pub(super) fn notices(config: &Config, resolvers: &[UsedResolver], unresolved: &[Unresolved]) -> Vec<Notice> {
    let left_out = unresolved.iter().map(|(grant, reason)| Notice {
        kind: NoticeKind::UnresolvedName,
        problem: format!("the grant `{}` is left out: {reason}", grant.name),
        cure: "start what is missing and run `dockwall apply` again".to_owned(),
        origin: Some(grant.origin),
    });
    left_out.chain(no_resolution(config, resolvers)).collect()
}

/// Only where none of the resolvers can be asked does resolution break as a whole.
fn no_resolution(config: &Config, resolvers: &[UsedResolver]) -> Option<Notice> {
    let closed: Vec<String> =
        resolvers.iter().filter(|used| used.reach == Reach::Closed).map(|used| used.address.to_string()).collect();
    if closed.is_empty() {
        return None;
    }
    // What only `dns.allow` names nobody asks.
    let asked = resolvers.iter().filter(|used| used.origin.is_some()).count();
    let some = if closed.len() == asked { "will look up no name at all" } else { "will wait for answers" };
    let key = match config.dns {
        DnsAllow::None => "`dns.allow = \"none\"`",
        _ => "`dns.allow`",
    };
    Some(Notice {
        kind: NoticeKind::NoResolution,
        problem: format!("containers {some}: {key} leaves their resolver {} denied", closed.join(", ")),
        cure: "write `dns.allow = \"auto\"`, or list the resolvers that they may ask".to_owned(),
        origin: None,
    })
}

/// The ways out of the host that the configuration names as container interfaces: what leaves by them
/// counts as a flow between containers, which the wall leaves to Docker.
pub(super) fn policed_uplinks(facts: &Facts, is_policed: impl Fn(&str) -> bool) -> Vec<Notice> {
    let uplinks = evidently_no_container_bridge(facts, is_policed);
    let notice = |uplink: Excluded| Notice {
        kind: NoticeKind::PolicedUplink,
        problem: format!(
            "{} is policed as a container interface and {}: what containers send out by it is not denied",
            uplink.name, uplink.reason
        ),
        cure: format!("take {} out of `containers.interfaces`", uplink.name),
        origin: None,
    };
    uplinks.into_iter().filter(|uplink| !matches!(uplink.reason, Evidence::BelongsTo(_))).map(notice).collect()
}

/// The bridges that may be a container runtime's and are not policed: of one that is not known, or of a
/// Docker that does not run now and cannot be asked for their names. `is_settled` takes those that are
/// policed or excluded by the configuration.
pub(super) fn unpoliced_bridges(facts: &Facts, is_settled: impl Fn(&str) -> bool) -> Vec<Notice> {
    let others = evidently_no_container_bridge(facts, |name| !is_settled(name));
    let is_other = |link: &&Link| others.iter().any(|other| other.name == link.name);
    let bridges = facts.links.iter().filter(|link| is_bridge(link) && !is_settled(&link.name) && !is_other(link));
    let notice = |link: &Link| Notice {
        kind: NoticeKind::UnpolicedBridge,
        problem: format!("the bridge {} is not policed: nothing shows whose it is", link.name),
        cure: format!(
            "if there are containers on it, start Docker where it is Docker's, or name it in `containers.interfaces`; \
             if not, write `containers.exclude = [\"{}\"]`",
            link.name
        ),
        origin: None,
    };
    bridges.map(notice).collect()
}

/// The container networks that share addresses with networks around the host: then what is meant for
/// the one may go to the other.
pub(super) fn overlaps(facts: &Facts, is_policed: impl Fn(&str) -> bool) -> Vec<Notice> {
    let networks = |policed: bool| -> BTreeSet<(IpNet, &str)> {
        let links = facts.links.iter().filter(|link| !link.loopback && is_policed(&link.name) == policed);
        let of_link = |link: &Link| facts.on_link_networks(|name| name != link.name).collect::<Vec<_>>();
        links.flat_map(|link| of_link(link).into_iter().map(|network| (network, link.name.as_str()))).collect()
    };
    let around = networks(false);
    let overlap = |(network, link): (IpNet, &str)| {
        let (theirs, other) =
            around.iter().find(|(theirs, _)| theirs.contains(&network) || network.contains(theirs))?;
        Some(Notice {
            kind: NoticeKind::Overlap,
            problem: format!("{network} of {link} overlaps {theirs} of {other}"),
            cure: "give the Docker network another subnet: `docker network create --subnet`".to_owned(),
            origin: None,
        })
    };
    networks(true).into_iter().filter_map(overlap).collect()
}
