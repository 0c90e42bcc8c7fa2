//! What comes into the kernel's log, of packets in namespaces. The switch for it is one for the whole machine, so that
//! these run only in a guest that nobody else uses: `scripts/kernels` has them.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::support::container;

/// 1 to log the packets of every namespace, and not of the first one alone.
const ALL_NAMESPACES: &str = "/proc/sys/net/netfilter/nf_log_all_netns";

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The kernel's log from now on.
struct KernelLog(File);

impl KernelLog {
    fn open() -> Self {
        let guest = fs::read_to_string("/proc/cmdline").unwrap();
        assert!(
            guest.contains("dockwall.guest"),
            "this is for guests of scripts/kernels only: it lets all packets be logged"
        );
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let mut log = OpenOptions::new().read(true).custom_flags(nonblocking).open("/dev/kmsg").unwrap();
        log.seek(SeekFrom::End(0)).unwrap();
        Self(log)
    }

    /// The lines with `marker` that came since it was asked last.
    fn lines(&mut self, marker: &str) -> Vec<String> {
        let mut lines = Vec::new();
        // A record at a time; EPIPE where the next one was overwritten.
        let mut record = [0; 8192];
        loop {
            match self.0.read(&mut record) {
                Ok(len) => lines.push(String::from_utf8_lossy(&record[..len]).into_owned()),
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error()) => {}
                Err(_) => break,
            }
        }
        lines.retain(|line| line.contains(marker));
        lines
    }
}

/// Lets the packets of all namespaces be logged until it is dropped.
struct Everywhere;

impl Everywhere {
    fn new() -> Self {
        fs::write(ALL_NAMESPACES, "1").unwrap();
        Self
    }
}

impl Drop for Everywhere {
    fn drop(&mut self) {
        let _ = fs::write(ALL_NAMESPACES, "0");
    }
}

#[test]
#[ignore = "changes what the whole machine logs: scripts/kernels runs it in a guest"]
fn k5_k8_a_namespace_is_mute_until_all_are_logged_and_a_line_says_what_became_of_the_packet() {
    let host = Host::new("mode = \"enforce\"");
    let container = container::behind(&host.netns);
    host.expect(0, "apply");
    let mut log = KernelLog::open();
    container::is_denied(&host.netns, &container, 7);
    assert_eq!(log.lines("DOCKER_NET_"), [""; 0], "it is no more muted");
    assert!(host.expect(4, "doctor").stdout.contains("net.netfilter.nf_log_all_netns=1"));

    let _everywhere = Everywhere::new();
    for (mode, marker, port) in [("enforce", "DOCKER_NET_DROP ", 8), ("audit", "DOCKER_NET_AUDIT ", 9)] {
        host.expect(0, &format!("apply --mode {mode}"));
        log.lines("");
        container::is_denied(&host.netns, &container, port);
        let lines = log.lines("DOCKER_NET_");
        for address in container::ADDRESSES {
            let written: std::net::IpAddr = address.parse().unwrap();
            // IPv6 in full, as the kernel writes it there.
            let source = match written {
                std::net::IpAddr::V4(address) => format!("SRC={address} "),
                std::net::IpAddr::V6(address) => {
                    let parts: Vec<String> = address.segments().iter().map(|part| format!("{part:04x}")).collect();
                    format!("SRC={} ", parts.join(":"))
                }
            };
            let of_it = |line: &&String| line.contains(&source) && line.contains(&format!(" DPT={port} "));
            let line = lines.iter().find(of_it).unwrap_or_else(|| panic!("{source}: {lines:#?}"));
            assert!(line.contains(&format!("{marker}IN=docker0 ")), "{line}");
        }
    }
}

#[test]
#[ignore = "changes what the whole machine logs: scripts/kernels runs it in a guest"]
fn k2_a_flood_writes_no_more_than_the_limit_over_all_flows_and_each_packet_is_counted() {
    let host = Host::new("mode = \"enforce\"\nlog.limit = \"20/second\"\n");
    let container = container::behind(&host.netns);
    host.expect(0, "apply");
    let _everywhere = Everywhere::new();
    container::is_denied(&host.netns, &container, 7);
    let denied = || host.json(0, "status")["wall"]["denied"]["packets"].as_u64().unwrap();
    let before = denied();
    let mut log = KernelLog::open();
    let began = Instant::now();
    // Each packet is a flow of its own, to a port of its own: a limit per flow would let all of them through.
    (0..1000).for_each(|port| container::knocks(&container, 1000 + port));
    let end = Instant::now() + PATIENCE;
    while denied() < before + 2000 {
        assert!(Instant::now() < end, "{} of 2000 were counted", denied() - before);
        sleep(Duration::from_millis(50));
    }
    let seconds = began.elapsed().as_secs() + 1;
    let lines = log.lines("DOCKER_NET_DROP ").len() as u64;
    // The burst of the limit over all flows is a second's worth at the most.
    assert!((1..=20 * (seconds + 1)).contains(&lines), "{lines} lines in {seconds} s");
}
