//! `dockwall guard`

use std::sync::Arc;

use clap::Args;

use super::context::Context;
use super::exit::Outcome;
use super::{paint, progress};
use crate::guard::{self, GuardError, Guarded, News};
use crate::host;
use crate::netlink::Kernel;

const SIGNALS: &str = "\
Signals:
  SIGTERM, SIGINT  stop; the wall stays as it is
  SIGHUP           apply the configuration anew, in its own mode, as `dockwall apply` does

Under systemd it is a service of Type=notify-reload, with WatchdogSec= if you like. One guard runs for a state directory.";

/// Keep in force what was applied: a service that puts the wall back.
///
/// It hears of every change in nf_tables, and looks by itself every 10 minutes. Where the table is gone, asleep or
/// not what was applied, the generation that should be in force is back within milliseconds, in one batch. What
/// another dockwall does stays: after `dockwall remove` there is nothing to guard until the next `apply`. Grants
/// that have run out are taken out, as a new generation.
///
/// It follows the host as well: what was applied is resolved again when Docker tells of networks and containers
/// that come, go or change, and when links, addresses, routes or resolvers do. What is another is put in force as
/// a small difference, under the same generation; edits of the configuration wait for the next `apply`, or SIGHUP.
/// While Docker does not answer, what it told last stays.
///
/// It owns the table where the kernel can keep it for an owner (Linux 6.9 and newer) and `guard.own` says so, which
/// is the default: then nobody else can change, flush or delete it. Other commands reach it through the guard, by a
/// socket in the state directory. When the guard ends, by itself or killed, the table stays as it is, and the next
/// guard owns it again; meanwhile it can be changed, which that one puts right. A table that was made without this is
/// made anew once, while another table, `dockwall-handover`, has its rules.
///
/// What it does is told on standard error, a line each; many repairs within a second are told as one, unless -v
/// is given. With --json the lines are on standard output, and each an
/// object with its `event`: guarding, waiting, unknown, repaired, repaired-often, tidied, went-back, followed,
/// followed-often, not-followed, docker-silent, docker-speaks, applied, not-reloaded, failed, overrun, deaf,
/// handed-over, not-owning, stopped.
#[derive(Debug, Args)]
#[command(after_help = SIGNALS)]
pub struct Guard {}

impl Guard {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        // Each line is of something that happened; nobody waits for it.
        progress::mute();
        host::keep_net_admin()?;
        let for_reload = context.clone();
        let guarded = Guarded {
            kernel: Kernel::open()?,
            store: context.store.clone(),
            features: context.features(),
            verbose: context.verbose,
            planned: Arc::new(move || for_reload.planned(None)),
        };
        let is_json = context.json;
        guard::run(guarded, |news| tell(news, is_json)).map_err(plain)?;
        Ok(Outcome::Done)
    }
}

/// The error that says which exit status it is.
fn plain(error: GuardError) -> anyhow::Error {
    match error {
        GuardError::Store(error) => error.into(),
        GuardError::Kernel(error) => anyhow::Error::from(error).context("cannot guard"),
        other => other.into(),
    }
}

fn tell(news: &News, is_json: bool) {
    if is_json {
        match serde_json::to_string(news) {
            Ok(line) => anstream::println!("{line}"),
            Err(error) => anstream::eprintln!("cannot print JSON: {error}"),
        }
        return;
    }
    let line = news.to_string();
    let painted = match news {
        News::Guarding { .. } | News::Applied { .. } | News::DockerSpeaks => paint::good(line),
        News::Failed { .. } | News::Deaf { .. } | News::NotReloaded { .. } | News::NotFollowed { .. } => {
            paint::bad(line)
        }
        News::Repaired { .. }
        | News::RepairedOften { .. }
        | News::Overrun
        | News::WentBack { .. }
        | News::NotOwning { .. }
        | News::DockerSilent { .. } => paint::notable(line),
        _ => paint::faint(line),
    };
    anstream::eprintln!("{painted}");
}
