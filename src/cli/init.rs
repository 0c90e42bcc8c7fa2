//! `dockwall init`

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::context::{Context, read_host};
use super::exit::Outcome;
use super::page::{self, Sheet};
use super::paint;
use super::progress::Progress;
use crate::config::{self, FileChangeError};
use crate::host::{self, FlowsError, open_flows};
use crate::observe::Proposal;

/// Write a configuration for this host, to begin with.
///
/// Looks at its container networks, at the networks around it, at the resolvers, and at the flows
/// that containers have open to what will be denied (which takes sudo), and writes what it found as comments
/// into a configuration in audit mode, with the grants that would keep these flows. Never over a
/// file that is there. Nothing in the kernel is changed, and Docker need not be installed yet.
///
/// With --json: {file, suggested, flows_seen, text}; file is null with --stdout.
#[derive(Debug, Args)]
pub struct Init {
    /// Print it instead of writing it
    #[arg(long)]
    stdout: bool,
}

impl Init {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let looking = Progress::start("looking at the open flows");
        let host = read_host()?;
        // Without it all but the flows can be seen.
        let permitted = host::keep_net_admin().is_ok();
        let flows = if permitted { open_flows() } else { Err(FlowsError::NotPermitted) };
        let reason = flows.as_ref().err().map(reason).unwrap_or_default();
        let seen = flows.as_deref().map_err(|_| reason.as_str());
        let proposal = Proposal::of(&host, seen, Timestamp::now())?;
        drop(looking);
        let file = (!self.stdout).then(|| context.configuration_path());
        if let Some(file) = &file {
            config::write_new_file(file, &proposal.text).map_err(|error| match error {
                FileChangeError::Exists(_) => anyhow::Error::from(error).context(
                    "edit the configuration that there is, or look at a new one with `dockwall init --stdout`",
                ),
                error => error.into(),
            })?;
        }
        if context.json {
            page::json(&json!({
                "file": file,
                "suggested": proposal.suggested,
                "flows_seen": flows.is_ok(),
                "text": proposal.text,
            }));
            return Ok(Outcome::Done);
        }
        let Some(file) = file else {
            anstream::print!("{}", proposal.text);
            return Ok(Outcome::Done);
        };
        let suggested = page::counted(proposal.suggested, "grant is suggested", "grants are suggested");
        anstream::println!("{}: {}, in audit mode; {suggested} in it", paint::good("written"), file.display());
        if flows.is_err() {
            anstream::println!("{}: the open flows could not be looked at: {reason}", paint::notable("note"));
        }
        let option = context.configuration_option();
        anstream::println!("next:");
        let mut next = Sheet::default();
        next.say(&format!("  dockwall check{option}"), "what it means here");
        next.say(&format!("  sudo dockwall apply{option}"), "raise the wall; nothing is dropped in audit mode");
        next.say("  sudo dockwall denied", "what it would deny; `suggest` writes grants for what has to stay");
        next.print();
        Ok(Outcome::Done)
    }
}

/// Why there are no flows to suggest grants from, in one line.
fn reason(error: &FlowsError) -> String {
    match error {
        FlowsError::NotPermitted => "that takes CAP_NET_ADMIN; `sudo dockwall init --stdout` shows them".to_owned(),
        FlowsError::NoConntrack => {
            format!("this kernel does not list them: {}", host::how_to_load(&["nf_conntrack_netlink"]))
        }
        FlowsError::Unreadable(error) => error.to_string(),
    }
}
