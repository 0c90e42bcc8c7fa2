//! Writes dockwall's man pages and completions, from the command line's own definition.

mod page;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Command, Parser};
use clap_complete::{Shell, generate_to};

/// Write the man pages and the completions of dockwall.
///
/// DIR gets dockwall.1, a page for each command, and the completions for bash (dockwall.bash), zsh
/// (_dockwall) and fish (dockwall.fish).
#[derive(Debug, Parser)]
struct Manual {
    /// Where to; it is made where it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Manual { directory } = Manual::parse();
    write(&directory).with_context(|| format!("cannot write into {}", directory.display()))
}

fn write(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let mut command = dockwall::cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut visible(&command), PROGRAM, directory)?;
    }
    // `dockwall help` is `dockwall --help`, and no page of its own.
    command = command.disable_help_subcommand(true);
    command.build();
    let shown = command.get_subcommands().filter(|each| !each.is_hide_set());
    for each in std::iter::once(&command).chain(shown) {
        let (name, text) = page::of(each)?;
        fs::write(directory.join(name), text)?;
    }
    Ok(())
}

const PROGRAM: &str = "dockwall";

/// What completions are made of: without the commands that dockwall starts by itself, which they would
/// offer although they are hidden.
fn visible(command: &Command) -> Command {
    let shown = command.get_subcommands().filter(|each| !each.is_hide_set());
    // With any version there is an option for it.
    Command::new(PROGRAM).version("").args(command.get_arguments().cloned()).subcommands(shown.cloned())
}
