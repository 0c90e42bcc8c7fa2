//! Reads the machine once. Decides nothing; what may not be looked at is noted, and stops nothing else.

use std::path::Path;

use jiff::Timestamp;

use super::STATE;
use super::check::firewalld;
use super::owner::{OwnerError, through_owner};
use super::patient::{Configuration, History, Meter, Netfilter, Patient, Ruleset, Units, Unseen};
use super::rules::{Fate, fate, is_unconditional};
use crate::config::{Config, Loaded, Mode};
use crate::generation::{Entry, Store, see};
use crate::host::{
    self, DaemonSettings, DockerState, Engine, FactsError, Host, Leftovers, Rootless, Settings, Unit, has_systemd,
    kernel_release,
};
use crate::netlink::{self, ChainHead, ChainRules, Kernel, Live, foreign_rules};
use crate::observe::Status;
use crate::policy::Policy;
use crate::ruleset::{Features, Hook, compile, diff};

/// A chain of others with more rules is left alone.
const MOST_RULES: usize = 4096;
/// So many chains of others are looked into.
const MOST_CHAINS: usize = 64;
/// Where Docker translates published ports.
const TRANSLATING: [&str; 2] = ["DOCKER", "DOCKER-INGRESS"];

/// Where to look.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The configuration file; none for the usual one.
    pub config: Option<&'a Path>,
    /// The state directory.
    pub store: &'a Store,
    /// What the kernel can do.
    pub features: Features,
    /// Whether packets are to be sent later, which takes CAP_SYS_ADMIN beside.
    pub probes: bool,
}

/// Reads all of it. Afterwards no capability is left but what is needed.
///
/// # Errors
/// [`FactsError`] where the kernel does not list its links, which everybody may see.
pub fn gather(sources: &Sources) -> Result<Patient, FactsError> {
    let root = Path::new("/");
    let mut unseen = Vec::new();
    let now = Timestamp::now();
    let configured = configuration(sources.config, &mut unseen);
    // Before capabilities go: of other users' processes not everything is for everybody.
    let (settings, rootless, leftovers) = (Settings::read(), Rootless::find(), Leftovers::read(root));
    let has_firewalld = host::has_firewalld();
    let mut host = Host::read()?;
    let engine = Engine::read();
    if let DockerState::Unreachable(reason) = &host.docker {
        unseen.push(Unseen { what: "Docker's networks and containers".to_owned(), why: reason.clone() });
    }
    if settings.legacy_tables.is_none() {
        let why = "only root may read /proc/net/ip_tables_names".to_owned();
        unseen.push(Unseen { what: "tables of iptables-legacy".to_owned(), why });
    }
    let mut netfilter = read_netfilter(sources, &mut unseen);
    let mut history = history(sources.store, &netfilter, &mut unseen);
    let made_from = history.in_force.as_ref().and_then(|generation| generation.sources.as_ref());
    history.edits = made_from
        .zip(configured.as_ref().ok().and_then(Option::as_ref))
        .map(|(then, now)| now.texts.edits_since(&then.texts));
    if host.docker.known().is_none() {
        host.remembered = history.in_force.iter().flat_map(|one| one.policy.containers.exact.iter().cloned()).collect();
    }
    let configuration = match configured {
        Ok(Some(Loaded { config, .. })) => {
            let resolved = Policy::resolve(&config, &host, None, now).map(Box::new).map_err(|error| error.to_string());
            Configuration::Read { config: Box::new(config), resolved }
        }
        Ok(None) => Configuration::Unseen,
        Err(reason) => Configuration::Broken(reason),
    };
    if let (Netfilter::Seen(ruleset), Configuration::Read { resolved: Ok(resolved), .. }) =
        (&mut netfilter, &configuration)
    {
        match refusal(sources, &ruleset.live, &resolved.policy, now) {
            Ok(refusal) => ruleset.refusal = refusal,
            Err(error) => unseen
                .push(Unseen { what: "what the kernel says to the configuration".to_owned(), why: error.to_string() }),
        }
    }
    Ok(Patient {
        now,
        kernel_release: kernel_release(),
        engine,
        daemon: DaemonSettings::read(root),
        settings,
        rootless,
        leftovers,
        has_firewalld,
        units: has_systemd(root).then(|| Units {
            boot: Unit::read(root, "dockwall.service"),
            guard: Unit::read(root, "dockwall-guard.service"),
        }),
        clock_is_unset: is_clock_unset(root),
        netfilter,
        history,
        configuration,
        host,
        unseen,
    })
}

/// None where it may not be read; the error is for who wrote it.
fn configuration(path: Option<&Path>, unseen: &mut Vec<Unseen>) -> Result<Option<Loaded>, String> {
    match Config::load(path) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(error) if error.is_not_permitted() => {
            unseen.push(Unseen { what: "the configuration".to_owned(), why: error.to_string() });
            Ok(None)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// systemd-timesyncd makes its directory when it starts, and the file in it when the clock is set
/// (systemd-timesyncd.service(8)).
fn is_clock_unset(root: &Path) -> bool {
    let directory = root.join("run/systemd/timesync");
    directory.is_dir() && !directory.join("synchronized").exists()
}

fn read_netfilter(sources: &Sources, unseen: &mut Vec<Unseen>) -> Netfilter {
    let kept = if sources.probes { host::keep_net_and_sys_admin() } else { host::keep_net_admin() };
    let why = match kept {
        Err(missing) => missing.to_string(),
        Ok(()) => match Kernel::open().and_then(|mut kernel| read_ruleset(sources, &mut kernel, unseen)) {
            Ok(ruleset) => return Netfilter::Seen(Box::new(ruleset)),
            Err(netlink::Error::NoNfTables) => return Netfilter::Missing,
            Err(error) => error.to_string(),
        },
    };
    unseen.push(Unseen { what: "the wall, and the rules of others".to_owned(), why });
    Netfilter::Unseen
}

fn read_ruleset(sources: &Sources, kernel: &mut Kernel, unseen: &mut Vec<Unseen>) -> Result<Ruleset, netlink::Error> {
    let live = see(kernel, sources.store, sources.features)?;
    let chains = kernel.foreign_chains()?;
    let rules = read_rules(&chains, unseen);
    let sets = live.table.iter().filter(|table| table.is_ours()).flat_map(|table| &table.sets);
    let sized: Vec<_> = sets.filter_map(|set| Some((set.name.clone(), set.size?))).collect();
    let mut meters = Vec::new();
    for (name, size) in sized {
        let used = kernel.count_elements(&name)?;
        meters.push(Meter { name, used, size });
    }
    Ok(Ruleset {
        wall: Status::of(&live).wall,
        tables: kernel.foreign_tables()?,
        // Of a kernel from before they came there are none.
        flowtables: kernel.flowtables().unwrap_or_default(),
        live,
        chains,
        rules,
        meters,
        refusal: None,
        can_own: sources.features.owner,
    })
}

/// The rules of the base chains on the two hooks, of what they jump to without a condition, and of chains
/// that are known by name.
fn read_rules(chains: &[ChainHead], unseen: &mut Vec<Unseen>) -> Vec<ChainRules> {
    let is_early = |head: &&ChainHead| match &head.base {
        Some(base) => [Hook::FORWARD, Hook::INPUT].contains(&base.hook) && base.kind == "filter",
        None => {
            (head.family == "ip" && head.table == "nat" && TRANSLATING.contains(&head.name.as_str()))
                || (head.table == "firewalld" && firewalld::DISPATCH.contains(&head.name.as_str()))
        }
    };
    let mut wanted: Vec<(&'static str, String, String)> =
        chains.iter().filter(is_early).map(|head| (head.family, head.table.clone(), head.name.clone())).collect();
    let mut read: Vec<ChainRules> = Vec::new();
    let mut next = 0;
    while let Some((family, table, chain)) = wanted.get(next).cloned() {
        next += 1;
        if next > MOST_CHAINS {
            unseen.push(Unseen {
                what: "further chains of others".to_owned(),
                why: format!("there are more than {MOST_CHAINS}"),
            });
            break;
        }
        match foreign_rules(family, &table, &chain, MOST_RULES) {
            Ok(Some(rules)) => {
                for rule in rules.rules.iter().filter(|rule| is_unconditional(rule)) {
                    let Fate::Jumps(to) = fate(rule) else {
                        continue;
                    };
                    let to = (family, table.clone(), to.to_owned());
                    if !wanted.contains(&to) {
                        wanted.push(to);
                    }
                }
                read.push(rules);
            }
            Ok(None) => unseen.push(Unseen {
                what: format!("table {family} {table}, chain {chain}"),
                why: format!("it has more than {MOST_RULES} rules"),
            }),
            // It went meanwhile.
            Err(_) => {}
        }
    }
    read
}

/// What the kernel says to that policy, without taking it.
fn refusal(sources: &Sources, live: &Live, policy: &Policy, now: Timestamp) -> Result<Option<String>, OwnerError> {
    if live.table.as_ref().is_some_and(|table| !table.is_ours()) {
        return Ok(None);
    }
    let generation = live.marker().map_or(1, |marker| marker.generation);
    let changes = diff(live.table.as_ref(), &compile(policy, sources.features, now).marked(generation));
    match through_owner(sources.store, |kernel| kernel.rehearse(&changes, live.generation)) {
        Ok(()) => Ok(None),
        Err(OwnerError::Kernel(netlink::Error::Refused(refused))) => Ok(Some(refused.to_string())),
        Err(error) => Err(error),
    }
}

fn history(store: &Store, netfilter: &Netfilter, unseen: &mut Vec<Unseen>) -> History {
    let mut history = History { directory: store.directory().display().to_string(), ..History::default() };
    let listed = match store.list() {
        Ok(listed) => listed,
        Err(error) if error.is_not_permitted() => {
            unseen.push(Unseen { what: STATE.to_owned(), why: error.to_string() });
            return history;
        }
        Err(error) => {
            history.trouble.push(error.to_string());
            return history;
        }
    };
    let (mut entries, mut refused) = (Vec::new(), Vec::new());
    for one in listed {
        match one.entry {
            Ok(entry) => entries.push(entry),
            Err(error) if error.is_not_permitted() => refused.push(error.to_string()),
            Err(error) => history.trouble.push(error.to_string()),
        }
    }
    refused.truncate(1);
    unseen.extend(refused.into_iter().map(|why| Unseen { what: STATE.to_owned(), why }));
    history.newest = entries.iter().map(|entry| entry.applied).max();
    match store.wanted() {
        Ok(wanted) => history.wanted = wanted,
        Err(error) if error.is_not_permitted() => {}
        Err(error) => history.trouble.push(error.to_string()),
    }
    match store.trial() {
        Ok(trial) => history.trial = trial,
        Err(error) if error.is_not_permitted() => {}
        Err(error) => history.trouble.push(error.to_string()),
    }
    history.has_guard = store.has_guard();
    let marker = match netfilter {
        Netfilter::Seen(ruleset) => ruleset.live.marker(),
        _ => None,
    };
    // One that cannot be read at all is told of already.
    if let Some(entry) = marker.and_then(|marker| entries.iter().find(|entry| entry.number == marker.generation)) {
        history.audit_since = audit_since(&entries, entry);
        match store.get(entry.number) {
            Ok(generation) => history.in_force = Some(generation),
            Err(error) => history.trouble.push(error.to_string()),
        }
    }
    history
}

/// When the first of the generations was applied that were nothing but audit up to this one.
fn audit_since(entries: &[Entry], in_force: &Entry) -> Option<Timestamp> {
    let mut since = None;
    let mut next = Some(in_force);
    // No generation is its own ancestor, unless the files were tampered with.
    for _ in 0..=entries.len() {
        let Some(entry) = next.filter(|entry| entry.mode == Mode::Audit) else {
            break;
        };
        since = Some(entry.applied);
        next = entry.parent.and_then(|parent| entries.iter().find(|one| one.number == parent));
    }
    since
}
