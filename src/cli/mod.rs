//! The commands, one file each, and all that is printed.

mod apply;
mod boot;
mod changes;
mod check;
mod completion;
mod context;
mod denied;
mod doctor;
mod exit;
mod explain;
mod grant;
mod guard;
mod history;
mod import;
mod init;
mod keeper;
mod lifeline;
mod lifetime;
mod metrics;
mod page;
mod paint;
mod plan;
mod progress;
mod remove;
mod render;
mod resolvers;
mod revoke;
mod rollback;
mod status;
mod suggest;
mod trial;
mod words;

use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use context::{Context, Global};
use exit::Outcome;

/// Keeps the containers of a Docker host away from the host and from the networks around it.
///
/// dockwall programs one nftables table of its own, `inet dockwall`, and never touches another.
/// Containers lose their way to private networks and to the host; the Internet, name resolution,
/// published ports and Docker's own rules stay as they are. Begin in audit mode, which only counts
/// and logs what it would drop:
///
///   dockwall init               write a configuration for this host
///   dockwall import FILE        make it of the rules that there are: firewalld, iptables, nft
///   dockwall check              read the configuration and say what it means here
///   dockwall apply              raise the wall, in the configured mode
///   dockwall status             see what it denies, or would
///   dockwall denied             who asked for what; `suggest` tells what would allow it
///   dockwall explain web-1 10.1.2.3:5432/tcp
///                               which rule decides, why, and what would let it pass
///   dockwall grant 10.1.2.3 --port 5432/tcp
///                               leave open what has to stay, at once; `revoke` takes it back
///   dockwall apply --mode enforce --confirm 60s
///                               drop it from now on; goes back by itself without `dockwall confirm`
///   dockwall rollback           back to how it was before
///   dockwall doctor             find what would make it useless or harmful here
///   dockwall guard              a service: put it back when somebody removes or changes it
///   dockwall boot               at boot: bring back what was confirmed last
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP, verbatim_doc_comment, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    Init(init::Init),
    Import(import::Import),
    Check(check::Check),
    Render(render::Render),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Confirm(trial::Confirm),
    Expire(keeper::Expire),
    Grant(grant::Grant),
    Revoke(revoke::Revoke),
    Rollback(rollback::Rollback),
    History(history::History),
    Boot(boot::BootCommand),
    Status(status::Status),
    Denied(denied::Denied),
    Suggest(suggest::Suggest),
    Metrics(metrics::Metrics),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Guard(guard::Guard),
    Remove(remove::Remove),
}

impl Command {
    fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        match self {
            Self::Init(command) => command.run(context),
            Self::Import(command) => command.run(context),
            Self::Check(command) => command.run(context),
            Self::Render(command) => command.run(context),
            Self::Plan(command) => command.run(context),
            Self::Apply(command) => command.run(context),
            Self::Confirm(command) => command.run(context),
            Self::Expire(command) => command.run(context),
            Self::Grant(command) => command.run(context),
            Self::Revoke(command) => command.run(context),
            Self::Rollback(command) => command.run(context),
            Self::History(command) => command.run(context),
            Self::Boot(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Denied(command) => command.run(context),
            Self::Suggest(command) => command.run(context),
            Self::Metrics(command) => command.run(context),
            Self::Doctor(command) => command.run(context),
            Self::Explain(command) => command.run(context),
            Self::Guard(command) => command.run(context),
            Self::Remove(command) => command.run(context),
        }
    }
}

/// The command line's definition, of which the manual, the completions and the help are made.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// What the command line says. Of the commands only the one that is called is defined to the end, which saves a tenth of a
/// small command's work; where there is something to print, all of them are.
fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|_| {
        let matches = command().get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    })
}

pub use completion::script as completion_script;

/// Parses the command line, runs one command and turns its outcome into an exit status.
pub fn run() -> ExitCode {
    completion::answer();
    let cli = parse();
    let choice = match cli.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    choice.write_global();
    let context = Context::new(cli.global);
    if context.json {
        progress::mute();
    }
    match cli.command.run(&context) {
        Ok(outcome) => outcome.into(),
        Err(error) => exit::report(&error, &context),
    }
}
