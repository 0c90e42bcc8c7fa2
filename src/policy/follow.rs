//! From a policy in force to what it is to be now that the host is another.

use jiff::Timestamp;

use super::evident::is_bridge;
use super::{Grant, Networks, OpenResolver, Policy, Resolved, Unresolvable};
use crate::config::{self, Config, Destination, DnsAllow, Mode, Source, Target};
use crate::host::{Docker, DockerState, Facts, Host};

impl Policy {
    /// What this policy, which is in force and was made from `config`, is to be on this host at `now`.
    ///
    /// What only Docker could tell stays as it is while Docker does not tell, as long as there may be
    /// somebody to have it: containers run on without their daemon. What has run out stays as well, for who
    /// takes it out. The grants that are in force keep their places, so that a policy that says the same is
    /// equal.
    ///
    /// # Errors
    /// [`Unresolvable`], only where `config` has a grant that is required.
    pub fn follow(
        &self,
        config: &Config,
        host: &Host,
        mode: Option<Mode>,
        now: Timestamp,
    ) -> Result<Self, Unresolvable> {
        let Resolved { mut policy, resolvers, .. } = Self::resolve(config, host, mode, now)?;
        let mut resolved = std::mem::take(&mut policy.grants);
        for before in &self.grants {
            match resolved.iter().position(|grant| grant.name == before.name) {
                Some(place) => policy.grants.push(resolved.remove(place)),
                None => policy.grants.extend(self.kept(before, config, host, now)),
            }
        }
        policy.grants.append(&mut resolved);
        if matches!(host.docker, DockerState::Unreachable(_)) && config.dns == DnsAllow::Auto {
            // Those of single containers, which nothing else tells.
            let used = |open: &&OpenResolver| !resolvers.iter().any(|used| used.address == open.address);
            policy.resolvers.extend(self.resolvers.iter().filter(used).cloned());
            policy.resolvers.sort_unstable();
        }
        Ok(policy)
    }

    /// What is left of a grant in force that cannot be resolved now.
    fn kept(&self, before: &Grant, config: &Config, host: &Host, now: Timestamp) -> Option<Grant> {
        if before.until.is_some_and(|until| until <= now) {
            return Some(before.clone());
        }
        let written = config.grants.iter().find(|grant| grant.name == before.name)?;
        if host.docker.known().is_some() {
            return None;
        }
        let from = match (&written.from, &before.from) {
            (Some(Source::Container(_) | Source::Label { .. }), Some(from)) => Some(still_there(from, &host.facts)),
            (_, from) => from.clone(),
        };
        let has_ports = |config::Grant { to, .. }: &config::Grant| {
            *to != Destination::Published || populated(&host.facts).any(|link| self.polices(&link.name))
        };
        let is_some = from.as_ref().is_none_or(|from| !from.is_empty());
        (is_some && has_ports(written)).then(|| Grant { from, ..before.clone() })
    }
}

/// What is known of Docker while it does not tell: its containers are those that it told last, but for the
/// addresses on bridges to which nobody is attached any more.
pub fn untold(docker: &Docker, facts: &Facts) -> Docker {
    let mut docker = docker.clone();
    let bridge_of = |name: &str| docker.networks.iter().find(|network| network.name == name)?.bridge.as_deref();
    let is_empty = |name: &str| bridge_of(name).is_some_and(|bridge| !populated(facts).any(|link| link.name == bridge));
    let empty: Vec<String> =
        docker.networks.iter().map(|network| network.name.clone()).filter(|name| is_empty(name)).collect();
    for container in &mut docker.containers {
        container.addresses.retain(|(network, _)| !empty.contains(network));
    }
    docker
}

/// The bridges with at least one port: every running container has one.
fn populated(facts: &Facts) -> impl Iterator<Item = &crate::host::Link> {
    facts.links.iter().filter(|link| is_bridge(link) && facts.ports_of(link).next().is_some())
}

/// Those of the addresses that are in a network of such a bridge.
fn still_there(addresses: &Networks, facts: &Facts) -> Networks {
    let around: Networks =
        populated(facts).flat_map(|link| facts.on_link_networks(|name| name != link.name)).map(Target::from).collect();
    let ipv4 = addresses.ipv4.iter().filter(|one| around.contains(one.first().into())).copied();
    let ipv6 = addresses.ipv6.iter().filter(|one| around.contains(one.first().into())).copied();
    Networks { ipv4: ipv4.collect(), ipv6: ipv6.collect() }
}
