//! A healthy machine, and what checks say when it is not.

use std::path::PathBuf;

use jiff::Timestamp;

use super::finding::Check;
use super::patient::{Configuration, History, Patient, Ruleset, Units};
use super::{CHECKS, Netfilter, examine};
use crate::config::{Config, Mode, Protocol};
use crate::generation::{Author, Generation};
use crate::host::{
    Address, Container, Docker, DockerNetwork, DockerState, Facts, Host, Link, Origin, Published, Resolver,
    ResolverOrigin, Route, Scope, Settings, Unit,
};
use crate::netlink::{ChainHead, ChainRules, Live};
use crate::observe::Status;
use crate::policy::Policy;
use crate::ruleset::{
    Base, ChainPolicy, CmpOp, Expr, Features, Hook, MetaKey, PayloadBase, Register, Rule, Verdict, compile,
    interface_key,
};

/// A link without a kind is a device.
pub fn link(index: u32, name: &str, kind: Option<&str>, master: Option<u32>) -> Link {
    Link {
        index,
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        master,
        has_device: kind.is_none(),
        up: true,
        ..Link::default()
    }
}

pub fn address(link: u32, network: &str) -> Address {
    Address { link, network: network.parse().unwrap(), peer: None, scope: Scope::Global }
}

pub fn head(family: &'static str, table: &str, chain: &str) -> ChainHead {
    ChainHead { family, table: table.to_owned(), name: chain.to_owned(), base: None }
}

pub fn base(family: &'static str, table: &str, chain: &str, hook: Hook, policy: ChainPolicy) -> ChainHead {
    let base = Base { kind: "filter".to_owned(), hook, priority: 0, policy };
    ChainHead { base: Some(base), ..head(family, table, chain) }
}

pub fn chain_rules(family: &'static str, table: &str, chain: &str, rules: Vec<Rule>) -> ChainRules {
    ChainRules { family, table: table.to_owned(), chain: chain.to_owned(), rules }
}

fn rule(expressions: Vec<Expr>) -> Rule {
    Rule { expressions, ..Rule::default() }
}

fn by_interface(key: MetaKey, name: &str, verdict: Verdict) -> Rule {
    rule(vec![
        Expr::Meta { key, register: Register::R1 },
        Expr::Cmp { register: Register::R1, op: CmpOp::Eq, data: interface_key(name) },
        Expr::COUNTER,
        Expr::Verdict(verdict),
    ])
}

pub fn oif(name: &str, verdict: Verdict) -> Rule {
    by_interface(MetaKey::OIFNAME, name, verdict)
}

pub fn iif(name: &str, verdict: Verdict) -> Rule {
    by_interface(MetaKey::IIFNAME, name, verdict)
}

pub fn drop_all() -> Rule {
    rule(vec![Expr::COUNTER, Expr::Verdict(Verdict::Drop)])
}

pub fn jump(chain: &str) -> Rule {
    rule(vec![Expr::COUNTER, Expr::Verdict(Verdict::Jump(chain.to_owned()))])
}

fn dnat(port: u16) -> Rule {
    let payload = Expr::Payload { base: PayloadBase::TRANSPORT, offset: 2, len: 2, register: Register::R1 };
    let port = Expr::Cmp { register: Register::R1, op: CmpOp::Eq, data: port.to_be_bytes().to_vec() };
    rule(vec![payload, port, Expr::Raw { name: "nat".to_owned(), data: Vec::new() }])
}

fn host() -> Host {
    let facts = Facts {
        links: vec![
            Link { loopback: true, has_device: false, ..link(1, "lo", None, None) },
            link(2, "eth0", None, None),
            link(3, "docker0", Some("bridge"), None),
            link(4, "br-abc", Some("bridge"), None),
            link(5, "veth1", Some("veth"), Some(4)),
        ],
        addresses: vec![
            address(2, "10.57.17.2/24"),
            address(2, "fd57:17::2/64"),
            address(3, "172.17.0.1/16"),
            address(4, "172.21.0.1/16"),
            address(4, "fd00:d0c:21::1/64"),
        ],
        routes: vec![Route {
            link: 2,
            destination: "0.0.0.0/0".parse().unwrap(),
            gateway: true,
            table: Route::MAIN,
            origin: Origin::Other,
        }],
    };
    let network = |name: &str, bridge: &str, subnets: &[&str]| DockerNetwork {
        name: name.to_owned(),
        driver: "bridge".to_owned(),
        bridge: Some(bridge.to_owned()),
        subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
        ..DockerNetwork::default()
    };
    let web = Container {
        id: "web0123".to_owned(),
        name: "web".to_owned(),
        network_mode: "backend".to_owned(),
        addresses: vec![("backend".to_owned(), "172.21.0.2".parse().unwrap())],
        published: vec![Published { address: None, port: 8080, protocol: Protocol::Tcp, container_port: 80 }],
        ..Container::default()
    };
    let docker = Docker {
        version: "28.5.2".to_owned(),
        networks: vec![
            network("backend", "br-abc", &["172.21.0.0/16", "fd00:d0c:21::/64"]),
            network("bridge", "docker0", &["172.17.0.0/16"]),
        ],
        containers: vec![web],
    };
    let origin = ResolverOrigin::ResolvConf("/etc/resolv.conf".into());
    let resolvers = vec![Resolver { address: "10.57.17.5".parse().unwrap(), origin }];
    Host { facts, docker: DockerState::Known(docker), resolvers, remembered: Vec::new() }
}

/// What Docker with iptables-nft has in the kernel.
pub fn ruleset() -> Ruleset {
    let mut chains = Vec::new();
    let mut rules = Vec::new();
    for family in ["ip", "ip6"] {
        chains.push(base(family, "filter", "FORWARD", Hook::FORWARD, ChainPolicy::Drop));
        chains.push(base(family, "filter", "INPUT", Hook::INPUT, ChainPolicy::Accept));
        chains.extend(["DOCKER", "DOCKER-USER"].map(|chain| head(family, "filter", chain)));
        chains.push(head(family, "nat", "DOCKER"));
        rules.push(chain_rules(family, "filter", "FORWARD", vec![jump("DOCKER-USER")]));
        rules.push(chain_rules(family, "filter", "INPUT", Vec::new()));
        rules.push(chain_rules(family, "nat", "DOCKER", vec![dnat(8080)]));
    }
    let tables = ["ip", "ip6"].into_iter().flat_map(|family| ["filter", "nat"].map(|name| (family, name.to_owned())));
    Ruleset {
        live: Live { generation: 1, table: None, whole: true },
        wall: None,
        tables: tables.collect(),
        chains,
        rules,
        meters: Vec::new(),
        flowtables: Vec::new(),
        refusal: None,
        can_own: true,
    }
}

/// A host with Docker on which all is well, in enforce mode.
pub fn healthy() -> Patient {
    let unit = Unit {
        path: PathBuf::from("/etc/systemd/system/dockwall.service"),
        enabled: true,
        masked: false,
        before: ["network-pre.target", "docker.service"].map(String::from).into(),
    };
    let loggers = [["nf_log_ipv4", "nfnetlink_log"], ["nf_log_ipv6", "nfnetlink_log"]];
    let mut patient = Patient {
        now: "2026-06-01T12:00:00Z".parse().unwrap(),
        kernel_release: "6.12.0".to_owned(),
        host: host(),
        settings: Settings {
            forwards_ipv4: Some(true),
            forwards_ipv6: Some(true),
            bridge_calls_ipv4: Some(true),
            bridge_calls_ipv6: Some(true),
            is_initial_netns: true,
            loggers: Some(loggers.map(|names| names.map(String::from).into())),
            log_groups: Some(Vec::new()),
            legacy_tables: Some(Vec::new()),
        },
        units: Some(Units { boot: Some(unit), guard: None }),
        netfilter: Netfilter::Seen(Box::new(ruleset())),
        history: History { has_guard: true, ..History::default() },
        ..Patient::default()
    };
    re_apply(&mut patient, "");
    patient
}

/// Makes the configuration mean `text`, in enforce mode unless it says otherwise.
pub fn re_resolve(patient: &mut Patient, text: &str) {
    let config = Config::parse("dockwall.toml", &format!("mode = 'enforce'\n{text}")).unwrap().config;
    let resolved = Policy::resolve(&config, &patient.host, None, patient.now).unwrap();
    patient.configuration = Configuration::Read { config: Box::new(config), resolved: Ok(Box::new(resolved)) };
}

/// The same, applied.
pub fn re_apply(patient: &mut Patient, text: &str) {
    re_resolve(patient, text);
    let policy = patient.resolved().unwrap().policy.clone();
    put_in_force(patient, policy);
}

/// Makes the wall an audit.
pub fn audit(patient: &mut Patient) {
    let mut policy = patient.policy().unwrap().clone();
    policy.mode = Mode::Audit;
    put_in_force(patient, policy);
}

fn put_in_force(patient: &mut Patient, policy: Policy) {
    let table = compile(&policy, Features::ALL, patient.now).marked(1);
    ruleset_of(patient).live.table = Some(table);
    rejudge(patient);
    patient.history.wanted = Some(1);
    patient.history.in_force = Some(Generation {
        number: 1,
        applied: patient.now,
        author: Author::current(),
        parent: None,
        changes: Vec::new(),
        revised: None,
        policy,
        sources: None,
    });
}

/// Reads the wall anew off the table.
pub fn rejudge(patient: &mut Patient) {
    let ruleset = ruleset_of(patient);
    ruleset.wall = Status::of(&ruleset.live).wall;
}

pub fn ruleset_of(patient: &mut Patient) -> &mut Ruleset {
    match &mut patient.netfilter {
        Netfilter::Seen(ruleset) => ruleset,
        _ => panic!("no ruleset"),
    }
}

pub fn docker_of(patient: &mut Patient) -> &mut Docker {
    match &mut patient.host.docker {
        DockerState::Known(docker) => docker,
        _ => panic!("no Docker"),
    }
}

/// What a check says of the healthy machine with that change: severity, what and cure.
#[track_caller]
pub fn fires(check: &Check, change: impl FnOnce(&mut Patient)) -> Vec<String> {
    let mut patient = healthy();
    change(&mut patient);
    let found = (check.judge)(&patient);
    assert!(found.iter().all(|finding| finding.id == check.id));
    found.iter().map(|finding| format!("{}: {} → {}", finding.severity, finding.what, finding.cure)).collect()
}

#[test]
fn on_a_healthy_machine_nothing_is_found() {
    assert_eq!(examine(&healthy(), |_| true), []);
    let mut auditing = healthy();
    audit(&mut auditing);
    re_resolve(&mut auditing, "");
    // That the file says otherwise is all.
    let found: Vec<_> = examine(&auditing, |_| true).iter().map(|finding| finding.id).collect();
    assert_eq!(found, ["not-applied"]);
}

#[test]
fn of_what_could_not_be_looked_at_nothing_is_said() {
    assert_eq!(examine(&Patient { now: Timestamp::now(), ..Patient::default() }, |_| true), []);
}

#[test]
fn every_check_has_a_name_of_its_own() {
    let mut names: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
    assert!(
        CHECKS.iter().all(|check| check.id.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()))
    );
}

#[test]
fn the_gravest_is_told_first() {
    let mut patient = healthy();
    patient.history.has_guard = false;
    patient.settings.forwards_ipv4 = Some(false);
    ruleset_of(&mut patient).refusal = Some("no".into());
    let severities: Vec<String> = examine(&patient, |_| true).iter().map(|found| found.severity.to_string()).collect();
    assert_eq!(severities, ["error", "warning", "notice"]);
}
