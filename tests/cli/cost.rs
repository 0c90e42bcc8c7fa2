//! What a command asks of the kernel and of the disk: system calls, which no load of the machine changes. Who makes
//! one cheaper writes the lower number here.

use dockwall::host::kernel_release;
use dockwall::ruleset::Features;

use crate::host::Host;

/// The calls of one run.
#[derive(Debug, PartialEq, Eq)]
struct Calls {
    /// Datagrams to the kernel, each a request or a batch.
    sent: usize,
    /// Those that are batches: what they change is taken, or the kernel waits for every processor to let go of it.
    batches: usize,
    /// How often the disk was waited for.
    flushes: usize,
    /// How often a file was begun to be written before another one was waited for, so that one commit of the file
    /// system's journal does for both.
    begun: usize,
}

/// What an apply with a change costs a host without Docker and with one link.
fn apply() -> Calls {
    // Kernels before 6.9 are asked as well whether they can keep a table for an owner.
    let asked = usize::from(!Features::of_release(&kernel_release()).owner);
    Calls { sent: 7 + 2 * asked, batches: 1 + asked, flushes: 3, begun: 1 }
}

/// What one without costs.
const UNCHANGED: Calls = Calls { sent: 6, batches: 0, flushes: 0, begun: 0 };

#[track_caller]
fn calls(host: &Host, arguments: &str) -> Calls {
    let trace = host.directory.path().join("trace");
    let output = format!("--output={}", trace.display());
    let starter =
        ["strace", "--quiet=all", "-f", "--trace=sendto,sendmsg,fsync,fdatasync,sync,syncfs,fadvise64", &output];
    let ended = host.run_under(&starter, arguments);
    assert_eq!(ended.status, 0, "{arguments}: {}", ended.stderr);
    let traced = std::fs::read_to_string(&trace).unwrap();
    let count = |wanted: &dyn Fn(&str) -> bool| traced.lines().filter(|line| wanted(line)).count();
    Calls {
        sent: count(&|line| line.contains(" sendto(") || line.contains(" sendmsg(")),
        batches: count(&|line| line.contains("NFNL_MSG_BATCH_BEGIN")),
        flushes: count(&|line| line.contains("sync(")),
        begun: count(&|line| line.contains("fadvise64(")),
    }
}

#[test]
fn an_apply_sends_one_batch_and_waits_for_the_disk_three_times_once_for_two_files_together() {
    let host = Host::new("");
    assert_eq!(calls(&host, "apply"), apply());
}

#[test]
fn an_apply_without_a_change_sends_no_batch_reads_no_set_and_waits_for_no_disk() {
    for configuration in [String::new(), many(2000)] {
        let host = Host::new(&configuration);
        host.expect(0, "apply");
        assert_eq!(calls(&host, "apply"), UNCHANGED);
    }
}

#[test]
fn a_boot_sends_one_batch_and_asks_nothing_that_is_refused() {
    let host = Host::new("");
    host.expect(0, "apply");
    host.netns.load("flush ruleset");
    assert_eq!(calls(&host, "boot").batches, apply().batches);
}

#[test]
fn what_a_change_costs_does_not_depend_on_what_else_there_is() {
    let cost = |networks| {
        let host = Host::new(&many(networks));
        host.expect(0, "apply");
        ["apply --mode enforce", "rollback", "grant 10.1.2.3 --name one", "revoke one"]
            .map(|arguments| calls(&host, arguments))
    };
    let few = cost(10);
    assert_eq!(few, cost(2000));
    assert!(few.iter().all(|calls| calls.batches == apply().batches), "{few:?}");
}

/// What is read of the files in the host's directory, and what is written, in bytes.
#[track_caller]
fn bytes(host: &Host, arguments: &str) -> [usize; 2] {
    let trace = host.directory.path().join("trace");
    let output = format!("--output={}", trace.display());
    let starter = ["strace", "--quiet=all", "-f", "-y", "--trace=read,pread64,readv,write,pwrite64,writev", &output];
    let ended = host.run_under(&starter, arguments);
    assert_eq!(ended.status, 0, "{arguments}: {}", ended.stderr);
    let traced = std::fs::read_to_string(&trace).unwrap();
    let directory = format!("<{}/", host.directory.path().display());
    let of_files = || traced.lines().filter(|line| line.split(',').next().unwrap().contains(&directory));
    let moved = |call: &str| {
        let these = of_files().filter(|line| line.split_once('(').is_some_and(|(name, _)| name.contains(call)));
        these.map(|line| line.rsplit("= ").next().unwrap().parse::<usize>().unwrap()).sum()
    };
    ["read", "write"].map(moved)
}

/// The same to within what a few more steps of a search take, whatever is in the configuration, in the policy and in
/// the kernel.
#[test]
fn a_grant_and_its_revoke_read_and_write_as_much_on_top_of_ten_thousand_as_on_top_of_ten() {
    let cost = |count| {
        let host = Host::new(&(many(count) + &granted(count)));
        host.expect(0, "apply");
        let first = ["grant 10.254.2.3 --name one", "revoke one"].map(|arguments| bytes(&host, arguments));
        // One that came with an apply.
        host.expect(0, "grant 10.254.2.3 --name two");
        host.expect(0, "apply --mode enforce");
        let second = ["revoke two", "grant fd00::7 --port 80/tcp"].map(|arguments| bytes(&host, arguments));
        assert_eq!(host.json(0, "status")["wall"]["drifted"], false);
        [first, second].concat()
    };
    let (few, much) = (cost(10), cost(10_000));
    for ([read, written], [more_read, more_written]) in few.iter().zip(&much) {
        assert!(more_read.abs_diff(*read) < 4096 && *read < 30_000, "{few:?} {much:?}");
        assert!(more_written.abs_diff(*written) < 256 && *written < 10_000, "{few:?} {much:?}");
    }
}

#[test]
fn another_mode_and_the_way_back_read_and_write_as_much_on_top_of_ten_thousand_as_on_top_of_ten() {
    let cost = |count| {
        let host = Host::new(&(many(count) + &granted(count)));
        host.expect(0, "apply");
        let first = ["apply --mode enforce", "apply --mode enforce", "rollback", "rollback --to 2", "apply"];
        let first = first.map(|arguments| bytes(&host, arguments));
        host.expect(0, "grant 10.0.0.1 --name one");
        let second = ["apply --mode enforce", "rollback --to 1", "rollback --to 5"];
        let second = second.map(|arguments| bytes(&host, arguments));
        assert_eq!(host.json(0, "status")["wall"]["drifted"], false);
        [&first[..], &second].concat()
    };
    let (few, much) = (cost(10), cost(10_000));
    for ([read, written], [more_read, more_written]) in few.iter().zip(&much) {
        assert!(more_read.abs_diff(*read) < 4096 && *read < 30_000, "{few:?} {much:?}");
        assert!(more_written.abs_diff(*written) < 256 && *written < 10_000, "{few:?} {much:?}");
    }
}

/// Somebody else's change moves the number of the ruleset: then all is looked at, and what is wrong is put right.
#[test]
fn what_somebody_took_out_of_a_set_is_put_back_by_the_next_apply() {
    let host = Host::new(&many(2000));
    host.expect(0, "apply");
    host.netns.nft("delete element inet dockwall deny4 { 10.0.0.0/29 }");
    assert_eq!(host.json(4, "status")["wall"]["drifted"], true);
    let repaired = host.json(0, "apply");
    assert_eq!((&repaired["batches"], &repaired["generation"]), (&1.into(), &1.into()));
    host.netns.nft("add table ip somebody");
    let again = host.json(0, "apply");
    assert_eq!(again["batches"], 0);
    assert_eq!(calls(&host, "apply"), UNCHANGED);
}

/// What is sent for fixed policies, to the byte.
#[test]
fn a_batch_is_as_long_as_it_was() {
    if !(Features { owner: true, ..Features::of_release(&kernel_release()) } == Features::ALL) {
        // Older kernels are sent something else.
        return;
    }
    let bytes = |more: String| {
        let host = Host::new(&format!("[containers]\ninterfaces = [\"docker0\"]\n[dns]\nallow = \"none\"\n{more}"));
        host.json(0, "apply")["bytes"].as_u64().unwrap()
    };
    let (plain, some) = (bytes(String::new()), bytes(many(2000)));
    // As it is, and 40 bytes for each network.
    assert_eq!((plain, some), (15_792, 94_856));
}

/// What it has of memory at its peak, in KiB.
#[track_caller]
fn peak(host: &Host, arguments: &str) -> u64 {
    let written = host.directory.path().join("peak");
    let output = format!("--output={}", written.display());
    // GNU time's %M, "maximum resident set size of the process during its lifetime, in Kbytes".
    let ended = host.run_under(&["/usr/bin/time", "--format=%M", &output], arguments);
    assert_eq!(ended.status, 0, "{arguments}: {}", ended.stderr);
    std::fs::read_to_string(&written).unwrap().trim().parse().unwrap()
}

/// 56, but for some pages more or less. When it is sent: 40 bytes of the batch, which is in one piece, and 8 each of the
/// policy and of the change. Neither the configuration, of 22 bytes for each, nor what was made of it may be there any
/// more.
#[test]
fn an_apply_has_some_sixty_bytes_of_memory_for_each_network() {
    let [few, many] = [20_000, 150_000].map(|networks| peak(&Host::new(&many(networks)), "apply") * 1024);
    let each = (many - few) / 130_000;
    assert!(each <= 61, "{each} bytes for each network, {many} in all");
}

/// What is in force, and what was: a list of them holds neither.
#[test]
fn a_history_has_no_more_memory_for_more_networks() {
    let [few, many] = [20_000, 150_000].map(|networks| {
        let host = Host::new(&many(networks));
        host.expect(0, "apply");
        host.expect(0, "apply --mode enforce");
        host.configure(&(many(networks) + "[log]\nprefix = \"other: \"\n"));
        host.expect(0, "apply");
        peak(&host, "history")
    });
    assert!(many < few + 1024, "{few} KiB, and {many}");
}

/// That many networks, of which no two touch.
fn many(networks: u32) -> String {
    let network = |index: u32| format!("\"10.{}.{}.{}/29\"", index / 4096, index / 16 % 256, index % 16 * 16);
    format!("[deny]\nranges = [{}]\n", (0..networks).map(network).collect::<Vec<_>>().join(", "))
}

/// That many grants of an address, of which no two touch.
fn granted(grants: u32) -> String {
    let grant = |index: u32| {
        let to = format!("10.{}.{}.{}", 200 + index / 16384, index / 64 % 256, index % 64 * 4 + 1);
        format!("[[grant]]\nname = \"g{index}\"\nto = \"{to}\"\n")
    };
    (0..grants).map(grant).collect()
}
