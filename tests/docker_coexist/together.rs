//! A program and the wall on one host.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::matrix::Line;
use crate::program::{Act, Program, Takes};
use crate::support::lab::{ENFORCE, Guard, HOST, LAN, Lab, Row, Verdict, WAN, from, of_tcp, of_tcp_at};

/// What the lab has and no host that people have: a log that is not its own, and other tests' processes.
const OF_THE_LAB: &str = "--ignore log --ignore rootless --ignore guard";

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The host, and who is on it.
struct Host<'p> {
    lab: Lab,
    program: &'p Program,
}

/// Does all of it.
pub fn live(program: &Program) -> Line {
    let began = Instant::now();
    let host = Host { lab: Lab::up(program.with), program };
    let Program { start, reload, stop, .. } = program;
    (program.prepare)(&host.lab);
    let version = host.version();

    // Before dockwall.
    host.perform(start);
    let mut settled = *start;
    if start.takes != Takes::Nothing {
        host.lab.control("dockerd restart");
        settled = Act { takes: Takes::Nothing, found: &[], ..*start };
    }
    host.expect_alive("before the wall");
    host.expect_rows("before the wall", &(program.rows)(Verdict::Ok));
    let mut cells = vec![host.commands_change_nothing()];
    host.expect("with the wall", &settled, true);
    cells.push(host.act("reload", reload, true));
    cells.push(host.act("stop", stop, false));

    // After it, and with a guard, which owns the table.
    let before = host.lab.snapshot();
    let guard = host.guard();
    let after = host.lab.snapshot();
    assert!(before == after, "{}, guard:\n{}", program.name, before.difference(&after));
    cells.push(host.act("start, guarded", start, true));
    cells.push(host.act("reload, guarded", reload, true));
    cells.push(host.act("stop, guarded", stop, false));
    drop(guard);
    cells.push(host.remove());
    host.expect_clean_logs();
    Line { name: program.name, version, cells, took: began.elapsed() }
}

impl Host<'_> {
    /// The first number of what it says of itself.
    fn version(&self) -> String {
        let said = self.lab.exec("host", self.program.version);
        let words = said.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', 'v']));
        let number = words.into_iter().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        number.unwrap_or_else(|| panic!("{}: no version in {said}", self.program.name)).to_owned()
    }

    fn perform(&self, act: &Act) {
        for step in act.steps {
            match step.strip_prefix("lab ") {
                Some(command) => self.lab.control(command),
                None => self.lab.exec("host", step),
            };
        }
    }

    /// The objects of our table, with the kernel's numbers: what is made anew has another one. Without the mark, which
    /// is new when the guard puts in what it followed, and without what it followed.
    fn objects(&self) -> Vec<String> {
        let listed = self.lab.exec("host", "nft -t -s -a list table inet dockwall");
        let objects = listed.trim_end().trim_end_matches('}').split("\n\n").map(|object| object.trim().to_owned());
        objects.filter(|object| !object.starts_with("chain generation {")).collect()
    }

    /// Others' tables, rules and settings, before all that dockwall does and after.
    #[track_caller]
    fn commands_change_nothing(&self) -> String {
        self.lab.configure(ENFORCE);
        let before = self.lab.snapshot();
        for command in [
            "apply --mode audit",
            "apply",
            "grant 10.57.17.5 --port 9/tcp --name other",
            "revoke other",
            "rollback",
            "remove",
            "apply",
        ] {
            self.lab.dockwall(command);
        }
        let after = self.lab.snapshot();
        assert!(before == after, "{}:\n{}", self.program.name, before.difference(&after));
        "rules equal".to_owned()
    }

    /// Does it beside the wall; says what was seen.
    #[track_caller]
    fn act(&self, what: &str, act: &Act, runs: bool) -> String {
        let when = format!("{}: {what}", self.program.name);
        let owned = self.lab.status()["hold"]["state"] == "owned";
        let ours = self.objects();
        self.perform(act);
        let taken = act.takes == Takes::Everything && !owned;
        if taken {
            assert_eq!(self.lab.try_dockwall("status").status.code(), Some(4), "{when}");
            self.lab.dockwall("apply");
        } else {
            let is_same = |object: &&String| !(owned && act.followed) || object.contains("hook ");
            assert!(ours.iter().filter(is_same).eq(self.objects().iter().filter(is_same)), "{when}: {ours:#?}");
            assert_eq!(self.lab.status()["enforced"], true, "{when}");
        }
        self.expect(&when, act, runs);
        match (act.takes, taken) {
            (Takes::Nothing, _) if owned && act.followed => "✓ the guard followed",
            (Takes::Nothing | Takes::Daemon, _) => "✓",
            (Takes::Dockers, _) | (Takes::Everything, false) => "✓ Docker's rules gone",
            (Takes::Everything, true) => "the wall gone, and Docker's rules",
        }
        .to_owned()
    }

    /// That the doctor finds what it must, and then, with Docker's rules there, that every packet fares as it must.
    #[track_caller]
    fn expect(&self, when: &str, act: &Act, runs: bool) {
        self.expect_found(when, act);
        if matches!(act.takes, Takes::Dockers | Takes::Everything) {
            self.lab.control("dockerd restart");
        }
        let mut rows = self.wall();
        if act.takes != Takes::Daemon {
            rows.extend(from("lan", of_tcp_at(self.program.published, 8080), Verdict::Ok));
        }
        if runs {
            self.expect_alive(when);
            rows.extend((self.program.rows)(Verdict::Timeout));
        }
        self.expect_rows(when, &rows);
    }

    /// What the guard follows is applied a moment later.
    #[track_caller]
    fn expect_found(&self, when: &str, act: &Act) {
        let guarded = self.lab.status()["guard"] == true;
        let mut expected: Vec<&str> = act.found.iter().copied().filter(|id| !guarded || *id != "not-applied").collect();
        expected.sort_unstable();
        let end = Instant::now() + if guarded { PATIENCE } else { Duration::ZERO };
        loop {
            let mut found = self.found();
            found.sort_unstable();
            let ids: Vec<&str> = found.iter().map(|found| found.split(':').next().unwrap()).collect();
            if ids == expected {
                return;
            }
            assert!(Instant::now() < end, "{when}: expected {expected:?}, found {found:#?}");
            sleep(Duration::from_millis(100));
        }
    }

    #[track_caller]
    fn expect_rows(&self, when: &str, rows: &[Row]) {
        if !rows.is_empty() {
            self.lab.expect(&format!("{}: {when}", self.program.name), rows);
        }
    }

    #[track_caller]
    fn expect_alive(&self, when: &str) {
        for (command, expected) in self.program.alive {
            let said = self.lab.exec("host", command);
            assert!(said.contains(expected), "{when}: `{command}` does not say `{expected}`: {said}");
        }
    }

    /// What the doctor finds: `id: what`.
    fn found(&self) -> Vec<String> {
        let output = self.lab.try_dockwall(&format!("--json doctor {OF_THE_LAB}"));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text =
            |finding: &Value| format!("{}: {}", finding["id"].as_str().unwrap(), finding["what"].as_str().unwrap());
        said["findings"].as_array().unwrap().iter().map(text).collect()
    }

    /// The LAN and the host closed to containers, the Internet open to them.
    fn wall(&self) -> Vec<Row> {
        let mut rows = from("app", of_tcp(&[&LAN[..], &HOST].concat()), Verdict::Timeout);
        rows.extend(from("web-1", ["ping 10.57.17.6", "udp fd57:17::6 7001"].map(str::to_owned), Verdict::Timeout));
        rows.extend(from("app", of_tcp(&WAN), Verdict::Ok));
        rows
    }

    /// (N9) Nobody who reads all that is in nf_tables, dockwall's table among it, stumbles over it.
    #[track_caller]
    fn expect_clean_logs(&self) {
        let state = format!("/tmp/dockwall-lab.{}", self.lab.name());
        let logs = [state.clone(), format!("{state}/unit")].into_iter().filter_map(|path| fs::read_dir(path).ok());
        let logs =
            logs.flatten().map(|entry| entry.unwrap().path()).filter(|path| path.extension() == Some("log".as_ref()));
        let mut read = 0;
        for path in logs {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            let odd = text
                .lines()
                .find(|line| ["panic", "Traceback", "inet dockwall"].iter().any(|word| line.contains(word)));
            assert_eq!(odd, None, "{}: {}", self.program.name, path.display());
            read += 1;
        }
        assert!(read > 2, "{read} logs");
    }

    #[track_caller]
    fn guard(&self) -> Guard {
        let guard = self.lab.guard();
        let end = Instant::now() + PATIENCE;
        while self.lab.status()["hold"]["state"] != "owned" {
            assert!(Instant::now() < end, "{}: {:#}", self.program.name, self.lab.status());
            sleep(Duration::from_millis(50));
        }
        guard
    }

    /// Without the wall, the LAN is open, and everything of others is as it was.
    #[track_caller]
    fn remove(&self) -> String {
        let before = self.lab.snapshot();
        self.lab.dockwall("remove");
        let after = self.lab.snapshot();
        assert!(before == after, "{}:\n{}", self.program.name, before.difference(&after));
        "rules equal".to_owned()
    }
}
