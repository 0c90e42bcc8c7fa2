//! What gets through while the firewalls that people have beside Docker start, reload and stop: firewalld, ufw,
//! iptables-persistent, fail2ban, podman and nftables.service, all of them the real programs of Debian.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};

use support::lab::programs::{DEEDS, DOCKERD_RESTART, Deed, NFTABLES_RELOAD, NFTABLES_RESTART, UFW};
use support::lab::{ENFORCE, HOST, LAN, Lab, Sender, Verdict, WAN, from, of_tcp, published_at};

const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// Packets a second of the stream: one is half a millisecond.
const PACKETS: u32 = 2000;
/// New connections a second, of each family.
const CONNECTIONS: u32 = 1000;
/// How long is waited for what gets through after a deed.
const SETTLE: Duration = Duration::from_millis(300);
/// How often a table that the guard puts back is taken away.
const TIMES: usize = 20;

/// Who tries to get through, all the while.
struct Probers {
    stream: Sender,
    connections: [Sender; 2],
}

impl Probers {
    fn start(lab: &Lab) -> Self {
        let connect = |place: &str, address: &str| {
            // Of what stays without an answer as many are open as one second makes.
            let how = "--give-up 900 --seconds 300 --until-eof";
            lab.start(place, &format!("traffic connect {address} 7000 --rate {CONNECTIONS} {how}"))
        };
        let probers = Self {
            stream: lab.blast("app", &format!("10.57.17.6 7002 --pps {PACKETS}")),
            connections: [connect("web-1", "10.57.17.6"), connect("web-2", "fd57:17::6")],
        };
        sleep(SETTLE);
        lab.stats("lan");
        probers
    }

    /// How many connections were made, of those that were tried.
    #[track_caller]
    fn finish(self) -> u64 {
        assert!(self.stream.finish()["sent"].as_u64().unwrap() > 10_000);
        let connections = self.connections.map(Sender::finish);
        let count = |what: &str| connections.each_ref().map(|one| one[what].as_u64().unwrap());
        assert!(count("tried").iter().all(|tried| *tried > 5000), "{connections:?}");
        count("established").iter().sum()
    }
}

/// What arrived in the LAN because of it.
struct Leak {
    packets: u64,
    connections: u64,
    took: Duration,
}

impl Leak {
    #[track_caller]
    fn of(lab: &Lab, deed: impl FnOnce()) -> Self {
        lab.stats("lan");
        let began = Instant::now();
        deed();
        let took = began.elapsed();
        sleep(SETTLE);
        let stats = lab.stats("lan");
        // And not everything: fail2ban asks the LAN's resolver.
        Self { packets: stats.stream(1).packets, connections: stats.connections(7000), took }
    }

    /// The time that the stream could pass, in milliseconds.
    fn gap(&self) -> f64 {
        self.packets as f64 * 1000.0 / f64::from(PACKETS)
    }
}

/// Does it, prints what got through, and fails where anything did.
#[track_caller]
fn nothing_passes(lab: &Lab, deed: &Deed) {
    let Leak { packets, connections, took } = Leak::of(lab, || lab.perform(deed));
    let what = deed.what;
    println!("{what:52} {:4.1} s: {packets} packets and {connections} connections got through", took.as_secs_f64());
    assert_eq!((packets, connections), (0, 0), "{what}");
    let status = lab.status();
    assert_eq!(status["enforced"], true, "{what}: {status:#}");
}

/// Does it that often, prints what got through, and fails where the wall is not whole again.
#[track_caller]
fn it_is_put_back(lab: &Lab, deed: &Deed, times: usize) -> f64 {
    let leaks: Vec<Leak> = (0..times).map(|_| Leak::of(lab, || lab.perform(deed))).collect();
    let mut gaps: Vec<f64> = leaks.iter().map(Leak::gap).collect();
    gaps.sort_by(f64::total_cmp);
    let (median, longest) = (gaps[gaps.len() / 2], *gaps.last().unwrap());
    let (what, sum) = (deed.what, |count: fn(&Leak) -> u64| leaks.iter().map(count).sum::<u64>());
    println!(
        "{what:52} {times:2} times: {} packets and {} connections got through; open for {median:.1} ms (median), \
         {longest:.1} ms at the longest",
        sum(|leak| leak.packets),
        sum(|leak| leak.connections)
    );
    assert!(longest < 1000.0, "{what}: open for {longest} ms");
    let status = lab.status();
    assert_eq!(status["enforced"], true, "{what}: {status:#}");
    median
}

/// Had it been open, that would have been seen.
#[track_caller]
fn everything_passes_without_the_wall(lab: &Lab) {
    lab.dockwall("remove");
    let leak = Leak::of(lab, || {});
    assert!(leak.packets > u64::from(PACKETS / 20) && leak.connections > 0, "{} {}", leak.packets, leak.connections);
}

/// The guard on the Docker host, once `status` says so.
fn guard(lab: &Lab, hold: &str) -> Sender {
    let directory = lab.directory();
    let (config, state) = (directory.join("dockwall.toml"), directory.join("state"));
    let options = format!("--config {} --state-dir {}", config.display(), state.display());
    let guard = lab.start("host", &format!("{DOCKWALL} {options} --json guard"));
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let status = lab.status();
        if status["guard"] == true && status["hold"]["state"] == hold {
            return guard;
        }
        assert!(Instant::now() < end, "no guard: {status:#}");
        sleep(Duration::from_millis(50));
    }
}

/// The objects of our table, with the kernel's numbers: what is made anew has another one. Without the mark,
/// which is new when the guard puts in what it followed.
fn objects(lab: &Lab) -> Vec<String> {
    let listed = lab.exec("host", "nft -t -s -a list table inet dockwall");
    let objects = listed.trim_end().trim_end_matches('}').split("\n\n").map(|object| object.trim().to_owned());
    objects.filter(|object| !object.starts_with("chain generation {")).collect()
}

/// With the real programs.
#[test]
fn a2_a3_a9_a10_a12_n4_n7_of_an_owned_table_nothing_gets_through_whatever_other_firewalls_do() {
    let lab = Lab::with_programs();
    lab.apply(ENFORCE);
    let _guard = guard(&lab, "owned");
    let ours = objects(&lab);
    let probers = Probers::start(&lab);
    for deed in DEEDS.iter().chain([&UFW, &UFW, &NFTABLES_RELOAD, &NFTABLES_RESTART, &DOCKERD_RESTART]) {
        nothing_passes(&lab, deed);
        assert_eq!(objects(&lab), ours, "{}", deed.what);
    }
    let published: Vec<String> = HOST.into_iter().flat_map(published_at).collect();
    lab.expect("what Docker publishes, after all of it", &from("lan", published, Verdict::Ok));
    everything_passes_without_the_wall(&lab);
    probers.finish();
}

/// As on kernels that cannot keep a table for an owner. With the real programs.
#[test]
fn a2_a3_a9_a10_a12_n4_n7_the_guard_puts_back_what_other_firewalls_take_away() {
    let lab = Lab::with_programs();
    lab.apply(&format!("{ENFORCE}guard.own = false\n"));
    let _guard = guard(&lab, "not-to-be-owned");
    let probers = Probers::start(&lab);
    for deed in &DEEDS {
        nothing_passes(&lab, deed);
    }
    let median = it_is_put_back(&lab, &NFTABLES_RELOAD, TIMES);
    assert!(median < 50.0, "open for {median} ms");
    // It flushes twice.
    it_is_put_back(&lab, &NFTABLES_RESTART, 3);
    nothing_passes(&lab, &DOCKERD_RESTART);
    everything_passes_without_the_wall(&lab);
    probers.finish();
}

/// The table is our own, so nobody but who flushes everything takes it away. With the real programs.
#[test]
fn a2_a3_a9_a10_a12_n4_n7_without_a_guard_only_nftables_service_takes_the_wall_away_and_status_says_so() {
    let lab = Lab::with_programs();
    lab.apply(ENFORCE);
    let probers = Probers::start(&lab);
    for deed in &DEEDS {
        let ours = objects(&lab);
        nothing_passes(&lab, deed);
        assert_eq!(objects(&lab), ours, "{}", deed.what);
    }
    for deed in [NFTABLES_RELOAD, NFTABLES_RESTART] {
        let Leak { packets, connections, .. } = Leak::of(&lab, || lab.perform(&deed));
        println!("{:52} the wall is gone: {packets} packets and {connections} connections got through", deed.what);
        assert!(packets > 0 && connections > 0, "{}", deed.what);
        let status = lab.try_dockwall("status");
        assert_eq!(status.status.code(), Some(4), "{status:?}");
        assert!(String::from_utf8(status.stdout).unwrap().contains("not enforced"), "{}", deed.what);
        // It comes back by hand, and takes nothing of others.
        lab.dockwall("apply");
        sleep(SETTLE);
        nothing_passes(&lab, &DOCKERD_RESTART);
    }
    let rows = [from("app", of_tcp(&LAN), Verdict::Timeout), from("app", of_tcp(&WAN), Verdict::Ok)].concat();
    lab.expect("in the end", &rows);
    assert!(probers.finish() > 0);

    // The same without the wall, and without the connections, which would fill up the neighbour.
    let stream = lab.blast("app", &format!("10.57.17.6 7002 --pps {PACKETS}"));
    lab.dockwall("remove");
    let leaks = DEEDS.map(|deed| {
        let leak = Leak::of(&lab, || lab.perform(&deed));
        println!("{:52} without the wall: {} packets got through", deed.what, leak.packets);
        leak.packets
    });
    assert!(leaks.iter().sum::<u64>() > u64::from(PACKETS), "{leaks:?}");
    stream.finish();
}
