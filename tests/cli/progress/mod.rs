//! The sign of life: what people see who have to wait, and that nothing of it stays.

mod held;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dockwall::generation::Store;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value;

use crate::host::{DOCKWALL, Host};
use crate::support::docker::StandIn;
use crate::support::docker::scene::LINKS;
use crate::support::listing;
use crate::support::terminal::{Left, Output, Terminal};
use held::{Hold, let_go};

/// What is typed, and what was typed before.
struct Typed {
    before: &'static [&'static str],
    command: &'static str,
}

const fn typed(before: &'static [&'static str], command: &'static str) -> Typed {
    Typed { before, command }
}

const GRANT: &str = "grant 10.57.17.6 --port 5432/tcp --name db";

/// Every command that ends by itself and reads or changes more than its own words. A guard, and what is followed or
/// watched, is waited for by nobody.
const COMMANDS: &[Typed] = &[
    typed(&[], "init --stdout"),
    typed(&[], "check"),
    typed(&[], "render"),
    typed(&[], "plan"),
    typed(&[], "apply"),
    typed(&["apply"], "apply --mode audit"),
    typed(&["apply"], "apply"),
    typed(&["apply --confirm 10m"], "confirm"),
    typed(&["apply --mode audit", "apply"], "rollback"),
    typed(&["apply"], GRANT),
    typed(&["apply", "apply --mode audit"], GRANT),
    typed(&[], GRANT),
    typed(&["apply", GRANT], "revoke db"),
    typed(&[GRANT, "apply"], "revoke db"),
    typed(&["apply"], "status"),
    typed(&["apply"], "denied"),
    typed(&["apply"], "suggest"),
    typed(&["apply"], "explain 172.21.0.3 10.57.17.6:5432/tcp"),
    typed(&["apply"], "doctor"),
    typed(&["apply"], "metrics"),
    typed(&["apply"], "history"),
    typed(&["apply"], "boot"),
    typed(&["apply"], "remove"),
    typed(&[], "import direct.rules --compare"),
];

/// What a program waits for: an answer of the kernel, a disk.
const WAITS: [&str; 2] = ["sendto", "fdatasync"];

/// Where no Docker is: it is waited for no longer than two seconds, which a busy machine may take.
const NO_DOCKER: &str = "DOCKER_HOST=unix:///no/docker.sock";

/// What the spinner is drawn with: Unicode's block of Braille.
const SPINNER: std::ops::RangeInclusive<char> = '\u{2800}'..='\u{28ff}';

/// A host with a terminal.
struct Scene {
    host: Host,
    docker: String,
}

impl Scene {
    fn new(docker: &str, before: &[&str]) -> Self {
        let host = Host::new("mode = \"enforce\"\n[deny]\nranges = [\"internal\"]\n");
        let mut ip = host.netns.command("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(ip.stdin.as_mut().unwrap(), LINKS.as_bytes()).unwrap();
        assert!(ip.wait().unwrap().success());
        fs::write(host.directory.path().join("direct.rules"), "ipv4 filter DOCKER-USER 0 -j DROP -d 10.0.0.0/8\n")
            .unwrap();
        let scene = Self { host, docker: docker.to_owned() };
        for command in before {
            let ended = scene.host.run_under(&["env", &scene.docker], command);
            assert_eq!(ended.status, 0, "{command}: {}", ended.stderr);
        }
        scene
    }

    /// Types the command, with words before the program's own.
    fn types(&self, command: &str, starter: &[String], output: Output, variables: &[&str]) -> Terminal {
        let mut run = self.host.netns.command("setsid");
        // Where the tests run in a shell's background Ctrl-C is nothing to them.
        let default = "--default-signal=INT";
        run.args(["--ctty", "env", default, "TERM=xterm", &self.docker]).args(variables).args(starter).arg(DOCKWALL);
        run.arg("--config").arg(self.host.configuration()).arg("--state-dir").arg(self.host.state());
        run.args(command.split(' ')).current_dir(self.host.directory.path());
        run.env_remove("NO_COLOR").env_remove("SUDO_USER").env_remove("SSH_CONNECTION");
        Terminal::start(run, output)
    }

    /// The same, held there, and what the sign says; none where it ended before.
    fn types_held(&self, command: &str, hold: Hold) -> (Terminal, Option<String>) {
        self.types_under(command, &hold.starter())
    }

    fn types_under(&self, command: &str, starter: &[String]) -> (Terminal, Option<String>) {
        let began = Instant::now();
        let mut terminal = self.types(command, starter, Output::Terminal, &[]);
        let sign = terminal.wait_for(sign_on);
        if sign.is_some() {
            assert!(began.elapsed() >= Duration::from_secs(1), "{command}: sooner than after a second");
        }
        (terminal, sign)
    }
}

/// What a sign on the screen says is being done.
fn sign_on(screen: &str) -> Option<String> {
    let line = screen.lines().find(|line| line.starts_with(|letter| SPINNER.contains(&letter)))?;
    let (what, elapsed) = line.trim_start_matches(|letter| SPINNER.contains(&letter)).trim().rsplit_once(' ')?;
    elapsed.ends_with('s').then(|| what.to_owned())
}

/// The screen without what differs from one run to the next: times, and how wide a column of them is.
fn without_times(screen: &str, scene: &Scene) -> Vec<String> {
    let screen = screen.replace(scene.host.directory.path().to_str().unwrap(), "DIRECTORY");
    let words = |line: &str| {
        let words = line.split_whitespace().map(|word| word.replace(|letter: char| letter.is_ascii_digit(), "#"));
        words.collect::<Vec<_>>().join(" ").replace("##", "#").replace("##", "#")
    };
    screen.lines().map(words).collect()
}

/// What it looks like where nobody has to wait, and how often it does each of these calls.
fn usual(typed: &Typed) -> (Left, Vec<String>, Vec<usize>) {
    let scene = Scene::new(NO_DOCKER, typed.before);
    let trace = scene.host.directory.path().join("trace");
    let trace_of = format!("--trace={}", WAITS.join(","));
    let starter = ["strace", "-DDD", "-f", "--quiet=all", &format!("--output={}", trace.display()), &trace_of];
    let starter = starter.map(ToOwned::to_owned);
    let left = scene.types(typed.command, &starter, Output::Terminal, &[]).left();
    let traced = fs::read_to_string(trace).unwrap();
    let most_of_a_thread = |call: &str| {
        let of_threads = traced.lines().filter(|line| line.contains(&format!(" {call}(")));
        let mut threads: Vec<&str> = of_threads.map(|line| line.split(' ').next().unwrap()).collect();
        threads.sort_unstable();
        threads.chunk_by(|one, other| one == other).map(<[_]>::len).max().unwrap_or_default()
    };
    let counts = WAITS.iter().map(|call| most_of_a_thread(call)).collect();
    let screen = without_times(&left.screen, &scene);
    (left, screen, counts)
}

/// The first of them, the last, and one in between.
fn some_of(count: usize) -> Vec<usize> {
    let mut some = vec![1, count.div_ceil(2), count];
    some.retain(|nth| (1..=count).contains(nth));
    some.dedup();
    some
}

/// Works on all of them, so many at once, since most of the time is spent waiting.
fn each<T: Sync>(these: &[T], work: impl Fn(&T) + Sync) {
    const AT_ONCE: usize = 16;
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(one) = these.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(one)
                }
            });
        }
    });
}

#[test]
fn wherever_a_command_has_to_wait_it_says_after_a_second_for_what_and_leaves_the_screen_as_if_it_had_not() {
    let held = AtomicUsize::new(0);
    each(COMMANDS, |typed| {
        let (usual, screen, counts) = usual(typed);
        let command = typed.command;
        assert!(usual.is_sane && sign_on(&usual.screen).is_none(), "{command}: {}", usual.screen);
        for (call, nth) in
            WAITS.iter().zip(counts).flat_map(|(call, count)| some_of(count).into_iter().map(move |nth| (*call, nth)))
        {
            let scene = Scene::new(NO_DOCKER, typed.before);
            let (terminal, sign) = scene.types_under(command, &Hold { call, nth }.starter_of_threads());
            let sign = sign
                .unwrap_or_else(|| panic!("{command} waits for its {nth}. {call} in silence: {}", terminal.screen()));
            assert!(sign.len() > 5, "{command} at its {nth}. {call} does not say what it does: {sign:?}");
            let_go(terminal.process());
            let left = terminal.left();
            held.fetch_add(1, Ordering::Relaxed);
            let at = format!(
                "{command}, held at its {nth}. {call} ({sign}), and as it is else:\n{}\n{}",
                left.screen, usual.screen
            );
            assert!(left.is_sane && sign_on(&left.screen).is_none(), "{at}");
            assert_eq!(without_times(&left.screen, &scene), screen, "{at}");
            assert_eq!(left.status, usual.status, "{at}");
        }
    });
    assert!(held.into_inner() > 3 * COMMANDS.len());
}

#[test]
fn whoever_asks_docker_says_so_after_a_second() {
    let docker = StandIn::with_a_scene();
    let asking = COMMANDS.iter().filter(|typed| {
        ["history", "rollback", "confirm", "boot", "remove"].iter().all(|other| *other != typed.command)
            && !typed.command.starts_with("revoke")
    });
    each(&asking.collect::<Vec<_>>(), |typed| {
        let scene = Scene::new(&docker.variable(), typed.before);
        let starter = Hold { call: "connect", nth: 1 }.starter_of_threads();
        let (terminal, sign) = scene.types_under(typed.command, &starter);
        let says_so = sign.is_some_and(|sign| sign.ends_with("asking Docker"));
        assert!(says_so, "{}: {}", typed.command, terminal.screen());
        let_go(terminal.process());
        let left = terminal.left();
        assert!(left.is_sane && sign_on(&left.screen).is_none(), "{}: {}", typed.command, left.screen);
    });
}

#[test]
fn what_is_waited_for_is_named_and_once_it_comes_the_command_goes_on() {
    let scene = Scene::new(NO_DOCKER, &[]);
    // A file on a disk that takes its time.
    let written = fs::read_to_string(scene.host.configuration()).unwrap();
    fs::remove_file(scene.host.configuration()).unwrap();
    mknodat(CWD, scene.host.configuration(), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let mut terminal = scene.types("check", &[], Output::Terminal, &[]);
    assert!(terminal.wait_for(|screen| sign_on(screen).filter(|sign| sign == "reading the configuration")).is_some());
    fs::write(scene.host.configuration(), &written).unwrap();
    let left = terminal.left();
    assert!(left.status.success() && left.is_sane && sign_on(&left.screen).is_none(), "{}", left.screen);

    // Another dockwall.
    fs::remove_file(scene.host.configuration()).unwrap();
    fs::write(scene.host.configuration(), &written).unwrap();
    let mut lock = Store::new(&scene.host.state()).prepare().unwrap();
    let held = lock.acquire(|| {}).unwrap();
    let waiting = "waiting for another dockwall to finish";
    let mut terminal = scene.types("apply", &[], Output::Terminal, &[]);
    assert!(terminal.wait_for(|screen| sign_on(screen).filter(|sign| sign == waiting)).is_some());
    drop(held);
    let left = terminal.left();
    assert!(left.status.success() && left.is_sane, "{}", left.screen);
    assert!(left.screen.contains(&format!("{waiting} …\napplied: generation 1")), "{}", left.screen);
}

/// Docker never answers, which takes each of them two seconds.
#[test]
fn no_sign_comes_into_a_pipe_before_json_or_onto_a_terminal_that_nothing_can_be_drawn_on() {
    let late = StandIn::new();
    late.delay(Duration::from_secs(600));
    each(&["check", "plan", "apply", "status", "denied", "doctor"], |command| {
        let scene = Scene::new(&late.variable(), &["apply --mode audit"]);
        let piped = scene.host.run_under(&["env", "TERM=xterm", &scene.docker], command);
        assert!(!piped.stderr.contains('\x1b') && sign_on(&piped.stderr).is_none(), "{command}: {}", piped.stderr);
        let left = scene.types(command, &[], Output::Terminal, &["TERM=dumb"]).left();
        assert!(!left.written.contains(|letter| SPINNER.contains(&letter)), "{command}: {:?}", left.written);
        let left = scene.types(&format!("--json {command}"), &[], Output::Pipe, &[]).left();
        assert_eq!(left.written, "", "{command}");
        serde_json::from_str::<Value>(&left.piped).unwrap_or_else(|error| panic!("{command}: {error}: {}", left.piped));
    });
}

#[test]
fn without_colour_the_sign_is_drawn_without_colour() {
    let scene = Scene::new(NO_DOCKER, &[]);
    let hold = Hold { call: "sendto", nth: 1 }.starter();
    let mut terminal = scene.types("plan", &hold, Output::Terminal, &["NO_COLOR=1"]);
    assert!(terminal.wait_for(sign_on).is_some());
    let_go(terminal.process());
    let left = terminal.left();
    let is_colour = |rest: &str| {
        rest.find(|letter: char| !"0123456789;".contains(letter)).is_some_and(|end| rest[end..].starts_with('m'))
    };
    assert!(!left.written.split("\x1b[").skip(1).any(is_colour), "{:?}", left.written);
}

/// What changes something.
const CHANGING: &[Typed] = &[
    typed(&[], "apply"),
    typed(&["apply"], "apply --mode audit"),
    typed(&["apply --mode audit", "apply"], "rollback"),
    typed(&["apply"], GRANT),
    typed(&["apply", "apply --mode audit"], GRANT),
    typed(&["apply", GRANT], "revoke db"),
    typed(&["apply"], "boot"),
    typed(&["apply"], "remove"),
];

/// The kernel's table; nothing where there is none.
fn table(scene: &Scene) -> Vec<String> {
    Some(scene.host.netns.list()).filter(|list| !list.is_empty()).map(|list| listing::blocks(&list)).unwrap_or_default()
}

#[test]
fn ctrl_c_while_it_waits_leaves_the_terminal_as_it_was_and_the_old_rules_or_the_new_ones() {
    each(CHANGING, |typed| {
        let command = typed.command;
        let scene = Scene::new(NO_DOCKER, typed.before);
        let old = table(&scene);
        let ended = scene.host.run_under(&["env", &scene.docker], command);
        assert_eq!(ended.status, 0, "{command}: {}", ended.stderr);
        let new = table(&scene);
        let (_, _, counts) = usual(typed);
        for (call, nth) in
            WAITS.iter().zip(counts).flat_map(|(call, count)| some_of(count).into_iter().map(move |nth| (*call, nth)))
        {
            let scene = Scene::new(NO_DOCKER, typed.before);
            let (mut terminal, sign) = scene.types_held(command, Hold { call, nth });
            assert!(sign.is_some(), "{command}, {call} {nth}");
            terminal.press(b"\x03");
            held::let_go_once_hit(terminal.process());
            let left = terminal.left();
            let at = format!("{command}, interrupted at its {nth}. {call}: {}", left.screen);
            assert_eq!(left.status.signal(), Some(Signal::INT.as_raw()), "{at}");
            assert!(left.is_sane, "{at}");
            let found = table(&scene);
            assert!(found == old || found == new, "{at}: {found:#?}");
            let status = scene.host.run("--json status");
            let status: Value = serde_json::from_str(&status.stdout).unwrap();
            assert!(status["wall"]["drifted"] != true, "{at}: {status}");
            scene.host.expect(0, "history");
            for command in ["apply", "status", "plan"] {
                let ended = scene.host.run_under(&["env", &scene.docker], command);
                assert_eq!(ended.status, 0, "{at}, then {command}: {}", ended.stderr);
            }
        }
    });
}
