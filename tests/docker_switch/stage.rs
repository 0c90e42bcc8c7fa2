//! A host on which the recipe is in force by firewalld, as Debian's package has it, and dockwall is installed.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::lab::{HOST, LAN, Lab, Sender, Verdict, WAN, from, of_tcp, of_tcp_at};

const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// What the lab has and no host that people have: a log that is not its own, and other tests' processes.
const OF_THE_LAB: &str = "--ignore log --ignore rootless --ignore guard";

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Stage {
    pub lab: Lab,
    guard: RefCell<Option<Sender>>,
}

impl Stage {
    /// Brings it there.
    pub fn set() -> Self {
        let stage = Self { lab: Lab::up(&["--with", "firewalld"]), guard: RefCell::new(None) };
        let lab = &stage.lab;
        // What is typed finds both; who types is root already.
        let bin = lab.directory().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(DOCKWALL, bin.join("dockwall")).unwrap();
        fs::write(bin.join("sudo"), "#!/bin/sh\nexec \"$@\"\n").unwrap();
        fs::set_permissions(bin.join("sudo"), fs::Permissions::from_mode(0o755)).unwrap();

        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/rules/recipe.xml");
        lab.write("/etc/firewalld/direct.xml", &fs::read_to_string(recipe).unwrap());
        lab.control("unit firewalld start");
        lab.control("dockerd restart");
        // Docker 20.10 does not put it back after a reload of firewalld, and for IPv6 never did.
        for program in ["iptables", "ip6tables"] {
            lab.exec("host", &format!("{program} -w -I FORWARD -j DOCKER-USER"));
        }
        stage.expect_recipe("in the beginning");
        stage
    }

    /// That the recipe decides, with its exceptions.
    #[track_caller]
    pub fn expect_recipe(&self, when: &str) {
        let mut rows = from("host", of_tcp(&LAN), Verdict::Ok);
        for place in ["app", "web-1"] {
            rows.extend(from(place, of_tcp(&["10.57.17.6", "fd57:17::6"]), Verdict::Timeout));
            rows.extend(from(place, of_tcp(&["10.57.17.5", "fd57:17::5"]), Verdict::Ok));
            rows.extend(from(place, of_tcp(&WAN), Verdict::Ok));
        }
        self.lab.expect(&format!("{when}, by the recipe"), &rows);
    }

    /// That dockwall decides: the host is closed as well, and published ports answer the LAN.
    #[track_caller]
    pub fn expect_wall(&self, when: &str) {
        let mut rows = from("lan", of_tcp_at(&HOST, 8080), Verdict::Ok);
        for place in ["app", "web-1"] {
            rows.extend(from(place, of_tcp(&["10.57.17.6", "fd57:17::6", "2001:db8:57::6"]), Verdict::Timeout));
            rows.extend(from(place, of_tcp(&HOST), Verdict::Timeout));
            rows.extend(from(place, of_tcp(&["10.57.17.5", "fd57:17::5"]), Verdict::Ok));
            rows.extend(from(place, of_tcp(&WAN), Verdict::Ok));
        }
        self.lab.expect(&format!("{when}, by dockwall"), &rows);
    }

    /// Types a command of the document.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[track_caller]
    pub fn run(&self, command: &str) {
        if let Some(words) = command.strip_prefix("sudo systemctl ") {
            return self.systemctl(words);
        }
        let output = self.shell(command);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{command}` ended with {}:\n{said}", output.status);
    }

    fn shell(&self, command: &str) -> Output {
        let directory = self.lab.directory();
        let directory = directory.display();
        let mut run = self.lab.command("host", "sh -ec");
        run.arg(format!("cd {directory}\nPATH={directory}/bin:$PATH\n{command}")).output().unwrap()
    }

    /// What systemd would do; the lab has its units and no systemd.
    #[track_caller]
    fn systemctl(&self, words: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        let units = words.iter().filter(|word| !word.starts_with("--")).skip(1);
        for unit in units {
            match (words[0], words[1], *unit) {
                ("restart", _, "docker") => self.lab.control("dockerd restart"),
                ("kill", "--signal=KILL", unit) => self.lab.control(&format!("unit {unit} kill")),
                ("enable", "--now", "dockwall-guard") => self.start_guard(),
                ("disable", "--now", "dockwall-guard") => self.end_guard(),
                // Of the next boot.
                (_, _, "dockwall") => String::new(),
                ("enable", "--now", unit) => self.lab.control(&format!("unit {unit} start")),
                ("disable", next, unit) if next == unit => String::new(),
                other => panic!("`systemctl {words:?}`: what is that of {other:?}?"),
            };
        }
    }

    fn start_guard(&self) -> String {
        *self.guard.borrow_mut() = Some(self.lab.start("host", &format!("{DOCKWALL} guard")));
        self.await_hold("owned")
    }

    fn end_guard(&self) -> String {
        let pid = &self.status()["hold"]["processes"][0]["pid"];
        self.lab.exec("host", &format!("kill -TERM {pid}"));
        drop(self.guard.borrow_mut().take());
        self.await_hold("without-owner")
    }

    #[track_caller]
    fn await_hold(&self, state: &str) -> String {
        let end = Instant::now() + PATIENCE;
        while self.status()["hold"]["state"] != state {
            assert!(Instant::now() < end, "never {state}: {:#}", self.status());
            sleep(Duration::from_millis(50));
        }
        String::new()
    }

    /// What `dockwall status` says, by the files that the document names.
    pub fn status(&self) -> Value {
        serde_json::from_slice(&self.shell("dockwall --json status || true").stdout).unwrap()
    }

    /// That `dockwall doctor` finds this and nothing else: each its id, and what is said of it.
    #[track_caller]
    pub fn expect_found(&self, when: &str, expected: &[(&str, &str)]) {
        let output = self.shell(&format!("dockwall --json doctor {OF_THE_LAB} || true"));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = said["findings"].as_array().unwrap();
        let text =
            |finding: &Value| ["what", "why", "cure"].map(|key| finding[key].as_str().unwrap().to_owned()).join(" ");
        let ids: Vec<&str> = found.iter().map(|finding| finding["id"].as_str().unwrap()).collect();
        for (id, words) in expected {
            let told = found.iter().any(|finding| finding["id"] == *id && text(finding).contains(words));
            assert!(told, "{when}: {id} with `{words}` is missing in {found:#?}");
        }
        assert_eq!(ids.len(), expected.len(), "{when}: {found:#?}");
    }
}
