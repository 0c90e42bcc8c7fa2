//! All that was read of the machine, once, for the checks to judge.

use std::path::PathBuf;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;

use crate::config::{Config, Edit};
use crate::generation::{Generation, Trial};
use crate::host::{DaemonSettings, Engine, Host, Leftovers, Link, Rootless, Settings, Unit};
use crate::netlink::{ChainHead, ChainRules, Flowtable, ForeignChain, Live};
use crate::observe::Wall;
use crate::policy::{Policy, Resolved};
use crate::ruleset::{Chain, Hook};

/// The machine.
#[derive(Debug, Clone, Default)]
pub struct Patient {
    /// When it was read.
    pub now: Timestamp,
    /// The kernel's release.
    pub kernel_release: String,
    /// Links, addresses, routes, Docker's networks and containers, resolvers.
    pub host: Host,
    /// What Docker's daemon says of itself; none where none answered.
    pub engine: Option<Engine>,
    /// How Docker's daemon was told to make its rules.
    pub daemon: DaemonSettings,
    /// Settings of the kernel.
    pub settings: Settings,
    /// Runtimes of ordinary users.
    pub rootless: Vec<Rootless>,
    /// Files of what dockwall takes the place of.
    pub leftovers: Leftovers,
    /// Whether firewalld runs.
    pub has_firewalld: bool,
    /// The units; none where systemd does not run the machine.
    pub units: Option<Units>,
    /// Whether systemd-timesyncd runs and has not set the clock yet.
    pub clock_is_unset: bool,
    /// nf_tables.
    pub netfilter: Netfilter,
    /// The state directory.
    pub history: History,
    /// The configuration.
    pub configuration: Configuration,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// What.
    pub what: String,
    /// Why not, and what it takes.
    pub why: String,
}

/// dockwall's units.
#[derive(Debug, Clone, Default)]
pub struct Units {
    /// The one that raises the wall at boot.
    pub boot: Option<Unit>,
    /// The one that keeps it.
    pub guard: Option<Unit>,
}

/// What is known of nf_tables.
#[derive(Debug, Clone, Default)]
pub enum Netfilter {
    /// It may not be looked at.
    #[default]
    Unseen,
    /// The kernel has none.
    Missing,
    /// What it holds.
    Seen(Box<Ruleset>),
}

/// What the kernel holds.
#[derive(Debug, Clone)]
pub struct Ruleset {
    /// Our table.
    pub live: Live,
    /// What is to say of it.
    pub wall: Option<Wall>,
    /// The tables of others.
    pub tables: Vec<(&'static str, String)>,
    /// The heads of the chains of others.
    pub chains: Vec<ChainHead>,
    /// The rules of those chains of others that decide early: base chains of the forward and the input
    /// hook, what they jump to without a condition, and Docker's own.
    pub rules: Vec<ChainRules>,
    /// How full our meters are.
    pub meters: Vec<Meter>,
    /// All flowtables.
    pub flowtables: Vec<Flowtable>,
    /// What the kernel says to the configured policy, where it refuses it.
    pub refusal: Option<String>,
    /// Whether the kernel can keep a table for an owner.
    pub can_own: bool,
}

/// A set that packets fill.
#[derive(Debug, Clone)]
pub struct Meter {
    /// Its name.
    pub name: String,
    /// How many elements are in it.
    pub used: usize,
    /// How many it takes.
    pub size: u32,
}

/// What the state directory says.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Where it is.
    pub directory: String,
    /// The generation that the kernel says to hold, as it was kept.
    pub in_force: Option<Generation>,
    /// The generation that should be in force.
    pub wanted: Option<u64>,
    /// The last change that was or is on trial.
    pub trial: Option<Trial>,
    /// What became of the files since, where what it was made from was kept.
    pub edits: Option<Vec<(PathBuf, Edit)>>,
    /// Whether a guard runs.
    pub has_guard: bool,
    /// Since when there was nothing but audit mode.
    pub audit_since: Option<Timestamp>,
    /// When the newest generation was applied.
    pub newest: Option<Timestamp>,
    /// What is wrong with it.
    pub trouble: Vec<String>,
}

/// What the configuration says.
#[derive(Debug, Clone, Default)]
pub enum Configuration {
    /// It may not be read.
    #[default]
    Unseen,
    /// It is wrong, in these words.
    Broken(String),
    /// It is right.
    Read {
        /// As it is written.
        config: Box<Config>,
        /// What it means here, or why it cannot be resolved.
        resolved: Result<Box<Resolved>, String>,
    },
}

impl Patient {
    /// What the kernel holds, where it could be looked at.
    pub fn ruleset(&self) -> Option<&Ruleset> {
        match &self.netfilter {
            Netfilter::Seen(ruleset) => Some(ruleset),
            Netfilter::Unseen | Netfilter::Missing => None,
        }
    }

    /// Our table, where there is one.
    pub fn wall(&self) -> Option<&Wall> {
        self.ruleset()?.wall.as_ref()
    }

    /// The configuration as it is written.
    pub fn config(&self) -> Option<&Config> {
        match &self.configuration {
            Configuration::Read { config, .. } => Some(config),
            _ => None,
        }
    }

    /// What the configuration means here.
    pub fn resolved(&self) -> Option<&Resolved> {
        match &self.configuration {
            Configuration::Read { resolved: Ok(resolved), .. } => Some(resolved),
            _ => None,
        }
    }

    /// The policy that holds: the one in force, else the one that the configuration means.
    pub fn policy(&self) -> Option<&Policy> {
        let in_force = self.history.in_force.as_ref().map(|generation| &generation.policy);
        in_force.or_else(|| self.resolved().map(|resolved| &resolved.policy))
    }

    /// How what is in force comes to be what the host is like now. What a guard follows it does by itself.
    pub fn cure_by_following(&self) -> &'static str {
        match self.history.has_guard {
            true => {
                "journalctl -u dockwall-guard    # says why the guard has not followed yet; `sudo dockwall apply` does as \
                 well"
            }
            false => "sudo dockwall apply    # a guard would have followed by itself",
        }
    }

    /// Docker's networks that have a bridge here, by name.
    pub fn docker_bridges(&self) -> impl Iterator<Item = (&crate::host::DockerNetwork, &str)> {
        let networks = self.host.docker.known().into_iter().flat_map(|docker| &docker.networks);
        networks.filter_map(|network| Some((network, network.bridge.as_deref()?)))
    }

    /// Whether that interface is policed, by what is in force or would be.
    pub fn polices(&self, interface: &str) -> bool {
        self.policy()
            .is_some_and(|policy| policy.polices(interface) || (policy.bridges && self.is_taken_by_kind(interface)))
    }

    fn is_taken_by_kind(&self, interface: &str) -> bool {
        let excluded = self.policy().is_some_and(|policy| policy.excluded.contains(interface));
        !excluded && self.link(interface).is_some_and(|link| link.kind.as_deref() == Some("bridge"))
    }

    /// The link of that name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.host.facts.links.iter().find(|link| link.name == name)
    }

    /// The networks of a link's addresses.
    pub fn networks_of(&self, link: &str) -> Vec<IpNet> {
        let networks = self.host.facts.on_link_networks(|name| name != link);
        let mut networks: Vec<IpNet> = networks.collect();
        networks.sort();
        networks.dedup();
        networks
    }

    /// The major version of Docker.
    pub fn docker_major(&self) -> Option<u32> {
        self.host.docker.known()?.version.split('.').next()?.parse().ok()
    }

    /// Whether Docker makes native nftables tables of its own.
    pub fn docker_is_native(&self) -> bool {
        let says = self.engine.as_ref().and_then(|engine| engine.firewall.as_deref());
        says.is_some_and(|says| says.starts_with("nftables"))
            || self.daemon.firewall_backend.as_deref() == Some("nftables")
            || self.ruleset().is_some_and(|ruleset| ruleset.has_table("ip", "docker-bridges"))
    }

    /// Whether iptables-legacy has tables here; not where that may not be seen.
    pub fn has_legacy(&self) -> bool {
        self.settings.legacy_tables.as_ref().is_some_and(|tables| !tables.is_empty())
    }
}

impl Ruleset {
    /// Whether somebody has that table.
    pub fn has_table(&self, family: &str, table: &str) -> bool {
        self.tables.iter().any(|(other, name)| *other == family && name == table)
    }

    /// Whether somebody has that chain.
    pub fn has_chain(&self, family: &str, table: &str, chain: &str) -> bool {
        self.chains.iter().any(|head| head.family == family && head.table == table && head.name == chain)
    }

    /// The rules of that chain, where they were read.
    pub fn rules_of(&self, family: &str, table: &str, chain: &str) -> Option<&ChainRules> {
        self.rules.iter().find(|rules| rules.family == family && rules.table == table && rules.chain == chain)
    }

    /// The base chains of others, of type filter, on a hook.
    pub fn bases_on(&self, hook: Hook) -> impl Iterator<Item = &ChainHead> {
        let on =
            move |head: &&ChainHead| head.base.as_ref().is_some_and(|base| base.hook == hook && base.kind == "filter");
        self.chains.iter().filter(on)
    }

    /// The base chains of others.
    pub fn foreign_bases(&self) -> Vec<ForeignChain> {
        let base = |head: &ChainHead| {
            let base = head.base.clone()?;
            Some(ForeignChain { family: head.family, table: head.table.clone(), name: head.name.clone(), base })
        };
        self.chains.iter().filter_map(base).collect()
    }

    /// A chain of ours.
    pub fn own_chain(&self, name: &str) -> Option<&Chain> {
        self.live.table.as_ref()?.chain(name)
    }
}
