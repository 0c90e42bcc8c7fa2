//! Who waits for the end of a trial: a timer of systemd's, or a process of our own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use super::context::Context;
use super::exit::Outcome;
use super::paint;
use super::progress::aside;
use crate::generation::{Trial, expire};
use crate::host::{ServiceManager, Timer};

/// How often the keeper looks whether it is still needed.
const LOOK: Duration = Duration::from_secs(1);
/// What the keeper says when it has left the session of who started it.
const READY: &str = "ready";

/// Who can wait here.
#[derive(Debug)]
pub enum Keeper {
    /// systemd, which no end of a session reaches, nor of any process but the first.
    Manager(ServiceManager),
    /// A process in a session of its own. It shares the control group of who starts it, and ends with that.
    Process,
}

impl Keeper {
    /// The best one. To be called while all capabilities are still there.
    pub fn find() -> Self {
        ServiceManager::find().map_or(Self::Process, Self::Manager)
    }

    /// Starts it, and returns when it is out of reach of what may happen to this process.
    pub fn start(&self, context: &Context, trial: &Trial, within: Duration) -> anyhow::Result<()> {
        let command = command(context, trial, within)?;
        if let Self::Manager(manager) = self {
            let unit = format!("dockwall-trial-{}", trial.began.as_microsecond());
            let description = format!("dockwall goes back to {} unless somebody confirms", trial.way_back());
            let timer = Timer { unit: &unit, description: &description, after: within, at: trial.deadline };
            let words = command.iter().map(String::as_str).chain(["--as-service"]);
            match manager.run_later(&timer, words) {
                Ok(()) => return Ok(()),
                Err(error) => aside(|| {
                    anstream::eprintln!(
                        "{}: systemd sets no timer ({error}): a process of this session waits instead, which logging out \
                         may end",
                        paint::notable("warning")
                    );
                }),
            }
        }
        start_process(&command)
    }
}

/// `dockwall expire …` for that trial.
fn command(context: &Context, trial: &Trial, within: Duration) -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe().context("cannot find this program to start the one that goes back")?;
    let directory = std::path::absolute(context.store.directory())?;
    let utf8 = |path: std::path::PathBuf| {
        path.into_os_string().into_string().map_err(|path| anyhow::anyhow!("{} is no UTF-8", path.display()))
    };
    let until = uptime().saturating_add(within).as_millis().to_string();
    Ok(vec![
        utf8(program)?,
        "--state-dir".to_owned(),
        utf8(directory)?,
        "expire".to_owned(),
        trial.began.to_string(),
        until,
    ])
}

fn start_process(command: &[String]) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("no program")?;
    let mut keeper = Command::new(program);
    keeper.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut keeper = keeper.spawn().context("cannot start the process that goes back")?;
    let mut said = String::new();
    if let Some(stdout) = keeper.stdout.take() {
        BufReader::new(stdout).read_line(&mut said)?;
    }
    anyhow::ensure!(said.trim() == READY, "the process that goes back did not start; nothing was changed");
    Ok(())
}

/// Go back when nobody confirms in time. Started by `apply --confirm`.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct Expire {
    /// When the trial began
    began: Timestamp,
    /// Its end, in milliseconds since the machine started
    until: u64,
    /// Stay in the session that it was given
    #[arg(long)]
    as_service: bool,
}

impl Expire {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        if !self.as_service {
            // A session of its own, which neither a terminal's end nor a signal to the old session reaches.
            rustix::process::setsid().context("cannot leave the session")?;
            writeln!(std::io::stdout(), "{READY}")?;
        }
        let end = Duration::from_millis(self.until);
        loop {
            let left = end.saturating_sub(uptime());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(LOOK));
            let trial = context.store.trial()?;
            if !trial.is_some_and(|trial| trial.began == self.began && trial.is_open()) {
                return Ok(Outcome::Done);
            }
        }
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = lock.acquire(|| {})?;
        expire(&mut kernel, &context.store, self.began, context.features())?;
        Ok(Outcome::Done)
    }
}

/// The time since the machine started, with the time that it slept.
fn uptime() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
}
