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
        // The host has no say in it, but for a kernel that cannot log, of which the policy in force knows.
        policy.log = self.log.clone();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Address, Container, DockerNetwork, Link, Scope};

    const BRIDGE: u32 = 5;

    /// A bridge `br-mine` of 172.20.0.0/16, with so many containers at it.
    fn facts(ports: u32) -> Facts {
        let bridge =
            Link { index: BRIDGE, name: "br-mine".to_owned(), kind: Some("bridge".to_owned()), ..Link::default() };
        let port = |index| Link { index, name: format!("veth{index}"), master: Some(BRIDGE), ..Link::default() };
        Facts {
            links: std::iter::once(bridge).chain((10..10 + ports).map(port)).collect(),
            addresses: vec![Address {
                link: BRIDGE,
                network: "172.20.0.1/16".parse().unwrap(),
                peer: None,
                scope: Scope::Global,
            }],
            ..Facts::default()
        }
    }

    fn docker(containers: &[(&str, &str)]) -> Docker {
        let container = |(name, address): &(&str, &str)| Container {
            name: (*name).to_owned(),
            addresses: vec![("mine".to_owned(), address.parse().unwrap())],
            ..Container::default()
        };
        let network = DockerNetwork {
            name: "mine".to_owned(),
            bridge: Some("br-mine".to_owned()),
            subnets: vec!["172.20.0.0/16".parse().unwrap()],
            ..DockerNetwork::default()
        };
        Docker { networks: vec![network], containers: containers.iter().map(container).collect(), ..Docker::default() }
    }

    fn config(grants: &[(&str, &str)]) -> Config {
        let grant = |(name, rest): &(&str, &str)| format!("[[grant]]\nname = '{name}'\nto = '10.0.0.1'\n{rest}\n");
        Config::parse("a", &grants.iter().map(grant).collect::<String>()).unwrap().config
    }

    fn host(docker: DockerState, ports: u32) -> Host {
        Host { facts: facts(ports), docker, ..Host::default() }
    }

    fn sources(policy: &Policy) -> Vec<String> {
        let from = |grant: &Grant| grant.from.as_ref().map_or("any".to_owned(), |from| format!("{:?}", from.ipv4));
        policy.grants.iter().map(|grant| format!("{} {}", grant.name, from(grant))).collect()
    }

    #[test]
    fn what_docker_told_stays_while_it_does_not_tell_and_somebody_is_there_to_have_it() {
        let config = config(&[("a", "from = 'container:a'"), ("b", "from = 'network:mine'"), ("c", "")]);
        let known = || DockerState::Known(docker(&[("a", "172.20.0.2")]));
        let silent = || DockerState::Unreachable("stopped".to_owned());
        let now = Timestamp::UNIX_EPOCH;
        let before = Policy::resolve(&config, &host(known(), 1), None, now).unwrap().policy;
        let all = ["a [172.20.0.2]", "b [172.20.0.0/16]", "c any"];
        assert_eq!(sources(&before), all);
        for (case, docker, ports, expected) in [
            ("the same", known(), 1, &all[..]),
            ("gone", DockerState::Known(docker(&[])), 1, &all[1..]),
            ("silent", silent(), 1, &all[..]),
            ("silent, and nobody is there", silent(), 0, &all[1..]),
            ("absent", DockerState::Absent, 1, &all[..]),
        ] {
            let after = before.follow(&config, &host(docker, ports), None, now).unwrap();
            assert_eq!(sources(&after), expected, "{case}");
        }
    }

    #[test]
    fn a_policy_that_says_the_same_is_equal_whatever_order_its_grants_came_in() {
        let config = config(&[("a", ""), ("b", ""), ("late", "from = 'container:late'")]);
        let now = Timestamp::UNIX_EPOCH;
        let nobody = host(DockerState::Known(docker(&[])), 0);
        let mut before = Policy::resolve(&config, &nobody, None, now).unwrap().policy;
        before.grants.reverse();
        assert_eq!(before.follow(&config, &nobody, None, now).unwrap(), before);
        let there = host(DockerState::Known(docker(&[("late", "172.20.0.3")])), 1);
        let after = before.follow(&config, &there, None, now).unwrap();
        assert_eq!(sources(&after), ["b any", "a any", "late [172.20.0.3]"]);
    }

    #[test]
    fn what_has_run_out_stays_for_who_takes_it_out_and_does_not_come_back() {
        let config = config(&[("a", "until = 1970-01-01T01:00:00Z")]);
        let host = host(DockerState::Absent, 0);
        let later = "1970-01-01T02:00:00Z".parse().unwrap();
        let before = Policy::resolve(&config, &host, None, Timestamp::UNIX_EPOCH).unwrap().policy;
        assert_eq!(before.follow(&config, &host, None, later).unwrap(), before);
        let tidied = before.without_grants(&["a".to_owned()]);
        assert_eq!(tidied.follow(&config, &host, None, later).unwrap(), tidied);
    }

    #[test]
    fn an_untold_container_has_no_address_on_a_bridge_to_which_nobody_is_attached() {
        let told = docker(&[("a", "172.20.0.2")]);
        assert_eq!(untold(&told, &facts(1)), told);
        assert!(untold(&told, &facts(0)).containers[0].addresses.is_empty());
        assert!(untold(&told, &Facts::default()).containers[0].addresses.is_empty());
    }
}
