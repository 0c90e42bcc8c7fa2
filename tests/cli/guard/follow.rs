//! Following a Docker that makes and removes much, answers late, or goes away.

use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{Guard, PATIENCE, UNOWNED, await_that, dump, median};
use crate::host::Host;
use crate::support::docker::StandIn;

/// How many containers and networks have a grant of their own.
const NAMED: u32 = 10;

/// A host with a Docker, and grants by all kinds of names in force.
struct Scene {
    host: Host,
    docker: StandIn,
}

impl Scene {
    fn new() -> Self {
        // The table is not owned: tests damage it.
        let mut configuration = format!("mode = \"enforce\"\n{UNOWNED}\n");
        let mut grant = |name: String, from: String, last: u32| {
            writeln!(configuration, "[[grant]]\nname = \"{name}\"\nto = \"10.1.2.{last}\"\nfrom = \"{from}\"").unwrap();
        };
        for index in 0..NAMED {
            grant(format!("container-{index}"), format!("container:c{index}"), index);
            grant(format!("network-{index}"), format!("network:net{index}"), 50 + index);
            grant(format!("label-{index}"), format!("label:tier={index}"), 100 + index);
        }
        let scene = Self { host: Host::new(&configuration), docker: StandIn::new() };
        scene.docker.create_network("backend", "172.21.0.0/16");
        scene.run("apply");
        scene
    }

    /// Runs it with this Docker.
    #[track_caller]
    fn run(&self, arguments: &str) -> String {
        let ended = self.host.run_under(&["env", &self.docker.variable()], arguments);
        assert_eq!(ended.status, 0, "{arguments}: {}", ended.stderr);
        ended.stdout
    }

    fn guard(&self) -> Guard {
        let socket = format!("unix://{}", self.docker.socket().display());
        Guard::start_with(&self.host, |command| {
            command.env("DOCKER_HOST", socket);
        })
    }

    /// How many changes an apply would make now.
    fn planned(&self) -> usize {
        let planned: Value = serde_json::from_str(&self.run("--json plan")).unwrap();
        planned["changes"].as_array().unwrap().len()
    }

    /// Waits until the table is what an apply would make of it, then applies: nothing is another after it.
    #[track_caller]
    fn expect_as_applied(&self) {
        await_that("what an apply would make", || self.planned() == 0);
        let followed = elements(&self.host);
        self.run("apply");
        assert_eq!(elements(&self.host), followed);
        self.host.netns.load("delete table inet dockwall");
        self.run("apply");
        assert_eq!(elements(&self.host), followed, "a table made anew");
    }

    /// Whether the kernel has that element.
    fn has(&self, element: &str) -> bool {
        self.host.netns.list().contains(element)
    }
}

/// What the kernel holds, whatever order the elements of its sets were made in.
fn elements(host: &Host) -> Vec<Vec<String>> {
    let sorted = |block: &String| {
        let separators = [',', '\n', '{', '}'];
        let mut parts: Vec<String> = block.split(separators).map(|part| part.trim().to_owned()).collect();
        parts.sort_unstable();
        parts
    };
    dump(host).iter().map(sorted).collect()
}

/// Resident memory in KiB.
fn memory(guard: &Guard) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", guard.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// One change of the storm: networks and containers come and go, those with a grant and others, each time
/// at another address.
fn change(docker: &StandIn, number: u32) {
    let (index, round) = (number / 4 % (2 * NAMED), number / (8 * NAMED));
    let name = |kind: &str| format!("{kind}{index}");
    match (number % 4, round % 2) {
        (0, 0) => docker.create_network(&name("net"), &format!("172.{}.{}.0/24", 30 + index, round % 250)),
        (1, 0) => docker.start(&name("c"), &format!("172.21.{}.{}", round % 250, 2 + index), &index.to_string()),
        (0, _) => docker.remove_network(&name("net")),
        (1, _) => docker.end(&name("c")),
        (2, 0) => docker.start(&name("other"), &format!("172.21.{}.{}", round % 250, 100 + index), "none"),
        (2, _) => docker.end(&name("other")),
        (_, 0) => docker.create_network(&name("more"), &format!("172.{}.{}.0/24", 60 + index, round % 250)),
        (..) => docker.remove_network(&name("more")),
    }
}

#[test]
fn in_two_thousand_changes_no_name_is_missed_and_memory_stays_what_it_was() {
    let scene = Scene::new();
    let guard = scene.guard();
    let mut warm = 0;
    // An odd number of rounds, so that everything is there at the end.
    let rounds = 27;
    let asked = scene.docker.asked();
    let began = Instant::now();
    for number in 0..rounds * 8 * NAMED {
        change(&scene.docker, number);
        if number % 8 == 7 {
            sleep(Duration::from_millis(20));
        }
        if number == 3 * 8 * NAMED {
            warm = memory(&guard);
        }
        if number == rounds * 4 * NAMED {
            // As where it reads too slowly, and the daemon gives up.
            scene.docker.cut();
        }
    }
    let changes = rounds * 8 * NAMED;
    let took = began.elapsed();
    scene.expect_as_applied();
    for index in 0..NAMED {
        for (from, to) in [
            (format!("172.21.26.{}", 2 + index), format!("10.1.2.{index}")),
            (format!("172.21.26.{}", 2 + index), format!("10.1.2.{}", 100 + index)),
            (format!("172.{}.26.0/24", 30 + index), format!("10.1.2.{}", 50 + index)),
        ] {
            assert!(scene.has(&format!("{from} . {to}")), "{from} {to}: {}", scene.host.netns.list());
        }
    }
    let after = memory(&guard);
    let told = guard.told();
    let revisions = told.iter().filter(|told| told["event"] == "followed").count();
    println!(
        "{changes} changes in {took:.1?}: asked {} times, revised {revisions} times; {warm} KiB after {} changes, {after} KiB \
         after all",
        scene.docker.asked() - asked,
        3 * 8 * NAMED
    );
    assert!(after - warm < 4096, "{warm} KiB, then {after} KiB");
    let history: Value = serde_json::from_str(&scene.run("--json history")).unwrap();
    assert_eq!(history.as_array().unwrap().len(), 1);
}

#[test]
fn a_docker_that_answers_after_five_seconds_delays_no_repair_and_is_followed_all_the_same() {
    let scene = Scene::new();
    let guard = scene.guard();
    let repaired = |_| {
        scene.host.netns.load("delete table inet dockwall");
        let repaired = guard.await_event("repaired");
        sleep(Duration::from_millis(30));
        repaired["milliseconds"].as_f64().unwrap()
    };
    let usual = median((0..20).map(repaired).collect());
    scene.docker.delay(Duration::from_secs(5));
    scene.docker.start("c0", "172.21.0.7", "none");
    let took = median((0..20).map(repaired).collect());
    println!("repaired in {usual:.1} ms, with a slow Docker in {took:.1} ms (medians of 20)");
    assert!(took < 50.0_f64.max(2.0 * usual), "{took} ms");
    let end = Instant::now() + 3 * PATIENCE;
    while !scene.has("172.21.0.7 . 10.1.2.0") {
        assert!(Instant::now() < end, "never followed");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_docker_that_goes_away_is_noticed_within_about_a_second_when_it_is_there_again() {
    let scene = Scene::new();
    let guard = scene.guard();
    scene.docker.start("c0", "172.21.0.7", "none");
    await_that("the grant", || scene.has("172.21.0.7 . 10.1.2.0"));
    for round in 1..=3 {
        std::fs::remove_file(scene.docker.socket()).unwrap();
        scene.docker.cut();
        guard.await_event("docker-silent");
        sleep(Duration::from_millis(1500 * round));
        scene.docker.listen();
        let began = Instant::now();
        guard.await_event("docker-speaks");
        println!("noticed {:?} after it was there", began.elapsed());
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    }
    // In its place, while the old one keeps the connection open.
    scene.docker.listen();
    sleep(Duration::from_millis(1500));
    scene.docker.start("c1", "172.21.0.8", "none");
    await_that("the grant of another daemon", || scene.has("172.21.0.8 . 10.1.2.1"));
}

#[test]
fn what_somebody_writes_and_does_not_apply_is_not_followed_and_what_is_applied_is() {
    let scene = Scene::new();
    let guard = scene.guard();
    let pending = "mode = \"audit\"\n[[grant]]\nname = \"pending\"\nto = \"10.1.2.3\"\nfrom = \"container:c1\"";
    let before = std::fs::read_to_string(scene.host.configuration()).unwrap();
    scene.host.configure(pending);
    scene.docker.start("c1", "172.21.0.9", "none");
    guard.await_event("followed");
    assert!(scene.has("172.21.0.9 . 10.1.2.1") && !scene.has("10.1.2.3"));
    scene.host.expect(0, "status");

    // A name that stands for nothing yet changes nothing but what is followed.
    let grant = "[[grant]]\nname = \"later\"\nto = \"10.1.2.200\"\nfrom = \"container:later\"\n";
    scene.host.configure(&(before.clone() + grant));
    assert!(scene.run("apply").contains("nothing to change"));
    scene.docker.start("later", "172.21.0.10", "none");
    await_that("the later grant", || scene.has("172.21.0.10 . 10.1.2.200"));
    // Revoked while it stands for nothing, it does not come back.
    scene.docker.end("later");
    await_that("the later grant closed", || !scene.has("172.21.0.10"));
    scene.host.configure(&before);
    scene.run("grant 10.1.2.201 --from label:tier=none --name by-label");
    scene.docker.end("c1");
    await_that("nobody", || !scene.has("10.1.2.201"));
    scene.run("revoke by-label");
    scene.docker.start("c1", "172.21.0.11", "none");
    await_that("c1 again", || scene.has("172.21.0.11 . 10.1.2.1"));
    assert!(!scene.has("10.1.2.201"));

    // What was in force when Docker was another is made right at once.
    scene.run("rollback --to 1");
    await_that("c1 as it is now", || scene.has("172.21.0.11 . 10.1.2.1") && !scene.has("172.21.0.9"));
    assert_eq!(scene.planned(), 0);
}

#[test]
fn a_generation_that_does_not_say_what_it_was_made_from_is_guarded_and_not_followed() {
    let scene = Scene::new();
    let file = scene.host.state().join("generation-1.json");
    let mut old: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    old.as_object_mut().unwrap().remove("sources").unwrap();
    std::fs::write(&file, old.to_string()).unwrap();
    let guard = scene.guard();
    let problem = guard.await_event("not-followed")["problem"].to_string();
    assert!(problem.contains("generation 1") && problem.contains("dockwall apply"), "{problem}");
    scene.docker.start("c1", "172.21.0.9", "none");
    scene.host.netns.load("delete table inet dockwall");
    guard.await_event("repaired");
    sleep(Duration::from_millis(1500));
    assert!(!scene.has("172.21.0.9") && guard.told().is_empty());
    scene.run("apply");
    scene.docker.start("c2", "172.21.0.10", "none");
    await_that("it follows", || scene.has("172.21.0.9 . 10.1.2.1") && scene.has("172.21.0.10 . 10.1.2.2"));
}

/// Between the file and the kernel, and anywhere else.
#[test]
fn killed_anywhere_within_a_revision_the_next_guard_ends_with_the_right_rules() {
    let scene = Scene::new();
    for round in 0..30u32 {
        let mut guard = scene.guard();
        let (name, address) = (format!("c{}", round % NAMED), format!("172.21.{}.7", round + 1));
        if round >= NAMED {
            scene.docker.end(&name);
        }
        scene.docker.start(&name, &address, "none");
        sleep(Duration::from_micros(u64::from(round) * 1500));
        guard.signal(Signal::KILL);
        guard.end(PATIENCE);
        let live = scene.host.netns.read();
        assert_eq!(live.marker().unwrap().generation, 1, "{round}");
        scene.host.expect(0, "status");
        scene.host.expect(0, "history");
    }
    let _guard = scene.guard();
    scene.expect_as_applied();
}

/// netavark makes its table anew when it is told to; a guard does neither that nor anything else with it.
#[test]
fn a13_another_programs_table_is_neither_put_back_nor_touched_by_what_a_guard_repairs_and_follows() {
    const NETAVARK: &str =
        "table inet netavark {\n\tchain NETAVARK_FORWARD {\n\t\tip daddr 10.88.0.0/16 accept\n\t}\n}";
    let scene = Scene::new();
    let guard = scene.guard();
    scene.host.netns.load(NETAVARK);
    let before = scene.host.netns.nft("-a list table inet netavark");
    let repair_and_follow = |address: &str| {
        scene.host.netns.load("delete table inet dockwall");
        guard.await_event("repaired");
        scene.docker.start("c1", address, "none");
        await_that("the grant", || scene.has(&format!("{address} . 10.1.2.1")));
    };
    repair_and_follow("172.21.0.9");
    assert_eq!(scene.host.netns.nft("-a list table inet netavark"), before);
    // As a restart of nftables.service does.
    scene.host.netns.load("flush ruleset");
    guard.await_event("repaired");
    repair_and_follow("172.21.0.10");
    assert!(!scene.has("netavark"), "it is none of ours");
}
