//! Writes dockwall's man pages and completions, from the command line's own definition.

mod page;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;

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
    for (shell, name) in [("bash", "dockwall.bash"), ("zsh", "_dockwall"), ("fish", "dockwall.fish")] {
        let script = dockwall::cli::completion_script(shell)?.with_context(|| format!("no completions for {shell}"))?;
        fs::write(directory.join(name), script)?;
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
