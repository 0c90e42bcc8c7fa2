//! Killed at random moments: the kernel holds the old rules or the new ones whole, the state directory opens, and
//! the next command works.

use std::collections::HashMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dockwall::generation::Store;
use dockwall::netlink::Live;
use dockwall::ruleset::{Features, compile};
use jiff::Timestamp;

use crate::host::{DOCKWALL, Host};
use crate::support::{Netns, listing};

/// How often something is killed, over all.
const KILLS: usize = 500;
/// So many hosts at once, to be done in the time.
const HOSTS: usize = 4;
/// No command takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Repeats a run: the number that it printed.
const SEED: &str = "DOCKWALL_SEED";

/// Marsaglia's xorshift: good enough to be early and late.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// From nothing to a bit more than `all`.
    fn moment(&mut self, all: Duration) -> Duration {
        all * (self.below(1200) as u32) / 1000
    }
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Killed {
    Apply,
    OnTrial,
    Confirm,
    Expire,
    Rollback,
    Grant,
    Revoke,
    Boot,
    Guard,
}

const ALL: [Killed; 9] = [
    Killed::Apply,
    Killed::OnTrial,
    Killed::Confirm,
    Killed::Expire,
    Killed::Rollback,
    Killed::Grant,
    Killed::Revoke,
    Killed::Boot,
    Killed::Guard,
];

/// A host under attack.
struct Victim {
    host: Host,
    store: Store,
    /// Where whole tables are made to be compared.
    scratch: Netns,
    /// What `nft` prints of a whole table, by its digest.
    whole: HashMap<String, Vec<String>>,
    /// How long a command takes.
    typical: Duration,
    random: Random,
    mode: &'static str,
}

/// How many found the old rules, and how many the new ones.
type Landed = HashMap<(Killed, bool), usize>;

impl Victim {
    fn new(seed: u64) -> Self {
        let host = Host::new("deny.ranges = [\"10.0.0.0/8\", \"fd00::/8\"]");
        let store = Store::new(&host.state());
        let (scratch, random) = (Netns::new(), Random(seed));
        let (whole, typical) = (HashMap::new(), Duration::from_millis(20));
        let mut victim = Self { host, store, scratch, whole, typical, random, mode: "audit" };
        victim.complete("apply");
        victim
    }

    fn spawn(&self, arguments: &str) -> Child {
        let mut command = Command::new(DOCKWALL);
        command.arg("--config").arg(self.host.configuration()).arg("--state-dir").arg(self.host.state());
        command.args(arguments.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.host.netns.enter(|| command.spawn().unwrap())
    }

    /// Runs it to its end, which is a good one.
    fn complete(&mut self, arguments: &str) {
        let began = Instant::now();
        let status = end(&mut self.spawn(arguments));
        self.typical = (self.typical * 3 + began.elapsed()) / 4;
        if !status.success() {
            let again = self.host.run(arguments);
            panic!("{arguments} ended with {status}; again: {} {}", again.status, again.stderr);
        }
    }

    /// Another mode than is in force.
    fn other_mode(&self) -> &'static str {
        if self.mode == "audit" { "enforce" } else { "audit" }
    }

    fn has_grant(&self) -> bool {
        self.host.directory.path().join("grants.d/site.toml").exists()
    }

    /// Makes all ready for it, and says what is to be run.
    fn prepare(&mut self, killed: Killed) -> String {
        let other = self.other_mode();
        match killed {
            Killed::Apply => format!("apply --mode {other}"),
            Killed::OnTrial => format!("apply --mode {other} --confirm 10m"),
            Killed::Confirm | Killed::Expire => {
                self.complete(&format!("apply --mode {other} --confirm 10m"));
                let began = self.store.trial().unwrap().unwrap().began;
                if killed == Killed::Confirm { "confirm".to_owned() } else { format!("expire {began} 0 --as-service") }
            }
            Killed::Rollback => "rollback".to_owned(),
            Killed::Grant => {
                if self.has_grant() {
                    self.complete("revoke site");
                }
                "grant 10.1.2.3 --port 5432/tcp --name site".to_owned()
            }
            Killed::Revoke => {
                if !self.has_grant() {
                    self.complete("grant 10.1.2.3 --port 5432/tcp --name site");
                }
                "revoke site".to_owned()
            }
            Killed::Boot | Killed::Guard => {
                self.host.netns.load("flush ruleset");
                if killed == Killed::Boot { "boot".to_owned() } else { "guard".to_owned() }
            }
        }
    }

    /// The number in force; none without a table. What is there is whole.
    fn in_force(&mut self) -> Option<u64> {
        let live: Live = self.host.netns.read();
        let table = live.table.as_ref()?;
        let mark = live.marker().expect("a table without a mark");
        assert!(table.digest().matches(&mark.digest), "generation {} is not whole", mark.generation);
        let generation = self.store.get(mark.generation).unwrap();
        let features = Features::of_release(&dockwall::host::kernel_release());
        let wanted = compile(&generation.policy, features, Timestamp::now()).marked(mark.generation);
        assert!(wanted.digest().matches(&mark.digest), "the disk has another generation {}", mark.generation);
        let scratch = &self.scratch;
        let whole = self.whole.entry(mark.digest.to_string()).or_insert_with(|| {
            scratch.nft("flush ruleset");
            scratch.replace(&wanted);
            unmarked(&scratch.list())
        });
        assert_eq!(&unmarked(&self.host.netns.list()), whole);
        Some(mark.generation)
    }

    /// Kills it, and says whether its work was done then.
    fn round(&mut self, killed: Killed) -> bool {
        let arguments = self.prepare(killed);
        let before = self.in_force();
        let newest = self.store.last().unwrap();
        let mut child = self.spawn(&arguments);
        std::thread::sleep(self.random.moment(self.typical));
        // One that has ended already is killed too late.
        child.kill().unwrap();
        child.wait().unwrap();
        let after = self.in_force();
        let is_new = after != before;
        match after {
            // A rollback and an expiry go to an old one, the rest to a new one, a boot to the one that is noted.
            Some(number) if is_new => assert!(number <= newest + 1, "{arguments}: {before:?}, then {after:?}"),
            Some(_) => {}
            None => assert!(before.is_none(), "{arguments} took the wall away"),
        }
        self.expect_state(&arguments);
        let done = match killed {
            Killed::Confirm => self.store.trial().unwrap().is_none(),
            _ => is_new,
        };
        // Whatever was on trial is over with this, and what was taken away is there again.
        self.mode = self.other_mode();
        self.complete(&format!("apply --mode {}", self.mode));
        let last = self.in_force().expect("no wall after an apply");
        assert_eq!(self.store.wanted().unwrap(), Some(last));
        done
    }

    /// The state directory opens, and all that is in it.
    fn expect_state(&self, arguments: &str) {
        for listed in self.store.list().unwrap() {
            let whole = listed.entry.and_then(|entry| self.store.get(entry.number));
            assert!(whole.is_ok(), "{arguments}: {whole:?}");
        }
        self.store.trial().unwrap();
        self.store.wanted().unwrap();
    }

    /// The other commands work as well, and nothing is left behind.
    fn finish(&mut self) {
        for command in ["history", "plan", "boot", "check", "remove", "boot"] {
            self.complete(command);
        }
        self.complete(&format!("apply --mode {}", self.other_mode()));
        let names = std::fs::read_dir(self.host.state()).unwrap().map(|entry| entry.unwrap().file_name());
        let hidden: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with('.')).collect();
        assert!(hidden.is_empty(), "left behind: {hidden:?}");
    }
}

/// What `nft` prints, without which generation it is.
fn unmarked(listing: &str) -> Vec<String> {
    listing::blocks(listing).into_iter().filter(|block| !block.contains("chain generation")).collect()
}

fn end(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn seed() -> u64 {
    let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64)
}

#[test]
fn killed_at_500_random_moments_the_kernel_holds_the_old_or_the_new_rules_and_the_next_command_works() {
    let seed = seed();
    eprintln!("{SEED}={seed}");
    let began = Instant::now();
    let landed: Vec<Landed> = std::thread::scope(|scope| {
        let attacks: Vec<_> = (0..HOSTS)
            .map(|index| {
                scope.spawn(move || {
                    let mut victim = Victim::new((seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
                    let mut landed = Landed::new();
                    for round in 0..KILLS / HOSTS {
                        let killed = ALL[(round + index) % ALL.len()];
                        *landed.entry((killed, victim.round(killed))).or_default() += 1;
                    }
                    victim.finish();
                    landed
                })
            })
            .collect();
        attacks.into_iter().map(|attack| attack.join().unwrap()).collect()
    });
    let count = |killed, done| landed.iter().filter_map(|landed| landed.get(&(killed, done))).sum::<usize>();
    for killed in ALL {
        eprintln!("{killed:?}: {} before it was done, {} after", count(killed, false), count(killed, true));
    }
    eprintln!("{KILLS} kills in {:.1} s", began.elapsed().as_secs_f64());
    let (old, new) =
        ALL.iter().fold((0, 0), |(old, new), &killed| (old + count(killed, false), new + count(killed, true)));
    assert_eq!(old + new, KILLS);
    assert!(old > KILLS / 10 && new > KILLS / 10, "the kills came too early or too late: {old} {new}");
}
