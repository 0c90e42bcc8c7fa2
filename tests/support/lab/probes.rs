//! Tables of probes, each with the verdict that it must have.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use super::{CONTAINERS, HOST, HOST_FROM_WAN, LAN, Lab, WAN, addresses, all_of, published_at};

/// Milliseconds after which nobody says any more that an answer was only slow.
const LONG: u32 = 5000;

/// How a probe ended, in the words of `traffic probe --help`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same came back.
    Ok,
    /// Nothing came back.
    Timeout,
    /// Another word.
    Other(String),
}

impl From<&str> for Verdict {
    fn from(word: &str) -> Self {
        match word {
            "ok" => Self::Ok,
            "timeout" => Self::Timeout,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.pad("ok"),
            Self::Timeout => f.pad("timeout"),
            Self::Other(word) => f.pad(word),
        }
    }
}

/// One line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is asked.
    pub place: String,
    /// What is asked, as a line for `traffic probes`.
    pub probe: String,
    /// How it has to end.
    pub verdict: Verdict,
}

/// The rows of a place that all have to end alike.
pub fn from(place: &str, probes: impl IntoIterator<Item = String>, verdict: Verdict) -> Vec<Row> {
    let row = |probe| Row { place: place.to_owned(), probe, verdict: verdict.clone() };
    probes.into_iter().map(row).collect()
}

/// Every question that anybody in the lab can ask anybody, with what that Docker makes of it: the
/// Internet, the neighbours and the host are open, the networks are apart.
fn of_matrix(docker: u32) -> Vec<Row> {
    let mut rows = Vec::new();
    for place in CONTAINERS {
        let around = LAN.iter().chain(&WAN).chain(&HOST).flat_map(|address| all_of(address));
        rows.extend(from(place, around, Verdict::Ok));
        for other in CONTAINERS.into_iter().filter(|other| *other != place) {
            let same_network = place.starts_with("web") && other.starts_with("web");
            let verdict = if same_network { Verdict::Ok } else { Verdict::Timeout };
            rows.extend(from(place, addresses(other).into_iter().flat_map(all_of), verdict));
        }
    }
    rows.extend(from("lan", HOST.into_iter().flat_map(published_at), Verdict::Ok));
    rows.extend(from("lan", HOST.into_iter().flat_map(all_of), Verdict::Ok));
    // Straight to the container: only what is published is open, on the container's own port.
    for (container, address) in CONTAINERS.into_iter().flat_map(|one| addresses(one).map(|address| (one, address))) {
        let asked = all_of(address).into_iter();
        let asked = asked.filter(|probe| container != "web-1" || probe.starts_with("ping"));
        rows.extend(from("lan", asked, straight_to(address, docker)));
    }
    rows.extend(from("wan", HOST_FROM_WAN.into_iter().flat_map(published_at), Verdict::Ok));
    rows.extend(from("host", CONTAINERS.into_iter().flat_map(addresses).flat_map(all_of), Verdict::Ok));
    rows
}

/// What becomes of who asks a container from outside, at its own address and what is not published. Docker drops what
/// nothing accepts on the way to any of them, from 26 on by IPv4 only (measured with 20.10.24 and 26.1.5).
fn straight_to(address: &str, docker: u32) -> Verdict {
    if docker >= 26 && address.contains(':') { Verdict::Ok } else { Verdict::Timeout }
}

impl Lab {
    /// The matrix without a wall, as the Docker of this lab makes it.
    pub fn matrix(&self) -> Vec<Row> {
        let version = self.exec("host", "docker version --format {{.Server.Version}}");
        of_matrix(version.split('.').next().unwrap().trim().parse().unwrap())
    }

    /// How each probe of a place ends.
    #[track_caller]
    pub fn probes(&self, place: &str, probes: &[&str]) -> Vec<(String, Verdict)> {
        self.probes_within(place, probes, 1200)
    }

    #[track_caller]
    fn probes_within(&self, place: &str, probes: &[&str], milliseconds: u32) -> Vec<(String, Verdict)> {
        let mut command = self.command(place, &format!("traffic probes --timeout {milliseconds} -"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(probes.join("\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command:?} failed");
        let answered = String::from_utf8(output.stdout).unwrap();
        let verdicts = probes.iter().zip(answered.lines()).map(|(probe, line)| {
            let word = line.strip_prefix(probe).unwrap_or_else(|| panic!("{line} is no answer to {probe}"));
            ((*probe).to_owned(), word.trim().into())
        });
        let verdicts: Vec<_> = verdicts.collect();
        assert_eq!(verdicts.len(), probes.len(), "{place} left probes out:\n{answered}");
        verdicts
    }

    /// Asks all of them and compares.
    ///
    /// # Panics
    /// When some end otherwise, with those.
    #[track_caller]
    pub fn expect(&self, when: &str, rows: &[Row]) {
        let found = self.ask(rows);
        let wrong: Vec<_> = rows.iter().zip(&found).filter(|(row, found)| row.verdict != **found).collect();
        assert!(wrong.is_empty(), "{when}: {} of {} probes end otherwise:\n{}", wrong.len(), rows.len(), table(&wrong));
        assert!(!rows.is_empty());
    }

    /// How each of them ends.
    #[track_caller]
    pub fn ask(&self, rows: &[Row]) -> Vec<Verdict> {
        let mut found = self.verdicts(rows, 1200);
        let late: Vec<usize> = (0..rows.len())
            .filter(|index| found[*index] != rows[*index].verdict && may_be_late(&found[*index]))
            .collect();
        let again: Vec<Row> = late.iter().map(|index| rows[*index].clone()).collect();
        for (index, verdict) in late.into_iter().zip(self.verdicts(&again, LONG)) {
            found[index] = verdict;
        }
        found
    }

    /// The verdicts in the order of the rows; every place asks at the same time.
    fn verdicts(&self, rows: &[Row], milliseconds: u32) -> Vec<Verdict> {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            places.entry(&row.place).or_default().push(index);
        }
        let mut verdicts = vec![Verdict::Timeout; rows.len()];
        thread::scope(|scope| {
            let asked: Vec<_> = places
                .iter()
                .map(|(place, indices)| {
                    let probes: Vec<&str> = indices.iter().map(|index| rows[*index].probe.as_str()).collect();
                    scope.spawn(move || self.probes_within(place, &probes, milliseconds))
                })
                .collect();
            for (indices, asked) in places.values().zip(asked) {
                for (index, (_, verdict)) in indices.iter().zip(asked.join().unwrap()) {
                    verdicts[*index] = verdict;
                }
            }
        });
        verdicts
    }
}

/// Whether a busy machine may be all that is behind it: an answer came late, or, by the kernel's words, a neighbour's
/// address did. Any other word is somebody's answer, and one too many where there must be none.
fn may_be_late(found: &Verdict) -> bool {
    *found == Verdict::Timeout || *found == "unreachable".into()
}

fn table(rows: &[(&Row, &Verdict)]) -> String {
    let mut text = String::new();
    for (row, found) in rows {
        writeln!(text, "✗ {:8} {:36} expected {:10} found {found}", row.place, row.probe, row.verdict).unwrap();
    }
    text
}
