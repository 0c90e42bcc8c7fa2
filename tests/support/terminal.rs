//! A terminal of its own with a program on it, and what a person sees there.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use vt100::Parser;

/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);
const LINES: NonZero<u16> = NonZero::new(60).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(160).unwrap();

/// The terminal, and the program.
pub struct Terminal {
    child: Child,
    master: File,
    slave: OwnedFd,
    shown: Arc<Mutex<Shown>>,
    reader: JoinHandle<()>,
}

/// What came of it.
pub struct Left {
    pub status: ExitStatus,
    /// What stands on the screen at the end.
    pub screen: String,
    /// All that was written to the terminal.
    pub written: String,
    /// What the program wrote to a pipe, where standard output was one.
    pub piped: String,
    /// Whether the cursor shows, on the screen that was there before, and keys do what they did.
    pub is_sane: bool,
}

struct Shown {
    parser: Parser,
    written: Vec<u8>,
}

/// Where standard output goes. Standard error is the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Terminal,
    Pipe,
}

impl Terminal {
    /// Starts a program there. It has to lead a session of its own with its standard input as the terminal, as
    /// `setsid --ctty` makes one, for Ctrl-C to reach it.
    pub fn start(mut command: Command, output: Output) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: LINES.get(), ws_col: COLUMNS.get(), ws_xpixel: 0, ws_ypixel: 0 })
            .unwrap();
        let terminal = || Stdio::from(slave.try_clone().unwrap());
        command.stdin(terminal()).stderr(terminal());
        command.stdout(if output == Output::Pipe { Stdio::piped() } else { terminal() });
        let child = command.spawn().unwrap();
        // What it was given is closed here, so that the end of the program is the end of what is read.
        drop(command);
        let shown = Arc::new(Mutex::new(Shown { parser: Parser::new(LINES, COLUMNS, 0), written: Vec::new() }));
        let master = File::from(master);
        let (mut read, to) = (master.try_clone().unwrap(), Arc::clone(&shown));
        let reader = spawn(move || {
            let mut buffer = [0; 4096];
            // EIO once nobody has it open any more.
            while let Ok(length @ 1..) = read.read(&mut buffer) {
                let mut shown = to.lock().unwrap();
                shown.parser.process(&buffer[..length]);
                shown.written.extend(&buffer[..length]);
            }
        });
        Self { child, master, slave, shown, reader }
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.shown.lock().unwrap().parser.screen().contents()
    }

    /// The process that was started, and all that it became.
    pub fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for something on the screen. None where the program has ended before.
    pub fn wait_for<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = find(&self.screen());
            if found.is_some() || self.child.try_wait().unwrap().is_some() {
                return found;
            }
            assert!(Instant::now() < end, "it neither shows it nor ends: {}", self.screen());
            sleep(Duration::from_millis(10));
        }
    }

    /// Types it.
    pub fn press(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    /// Waits for the end of the program.
    pub fn left(mut self) -> Left {
        let piped = self.child.stdout.take().map(|mut stdout| {
            spawn(move || {
                let mut text = String::new();
                stdout.read_to_string(&mut text).unwrap();
                text
            })
        });
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= end {
                kill_process(self.process(), Signal::KILL).unwrap();
                panic!("it does not end: {}", self.screen());
            }
            sleep(Duration::from_millis(5));
        };
        let keys = tcgetattr(&self.slave).unwrap();
        drop(self.slave);
        self.reader.join().unwrap();
        let shown = self.shown.lock().unwrap();
        let screen = shown.parser.screen();
        let is_sane = !screen.hide_cursor() && !screen.alternate_screen() && is_as_ever(&keys);
        Left {
            status,
            screen: screen.contents(),
            written: String::from_utf8_lossy(&shown.written).into_owned(),
            piped: piped.map(|piped| piped.join().unwrap()).unwrap_or_default(),
            is_sane,
        }
    }
}

/// Whether lines are edited and shown as they are typed, and Ctrl-C interrupts.
fn is_as_ever(keys: &Termios) -> bool {
    use rustix::termios::{LocalModes, OutputModes};
    keys.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
        && keys.output_modes.contains(OutputModes::OPOST)
}
