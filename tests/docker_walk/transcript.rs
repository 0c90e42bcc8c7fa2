//! What was typed, and what came of it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::document::{self, Block};
use crate::support::lab::Lab;

/// As wide as a document is read.
const COLUMNS: u16 = 100;

/// The commands so far, as blocks.
pub struct Transcript<'l> {
    lab: &'l Lab,
    blocks: Vec<Block>,
}

impl<'l> Transcript<'l> {
    /// An empty one.
    pub fn new(lab: &'l Lab) -> Self {
        Self { lab, blocks: Vec::new() }
    }

    /// Types a command at a terminal of the host; returns what it shows.
    ///
    /// # Panics
    /// When it ends with another status.
    #[track_caller]
    pub fn run(&mut self, status: i32, typed: &str) -> String {
        let (shown, ended) = self.type_in(COLUMNS, typed);
        assert_eq!(ended, Some(status), "{typed}\n{shown}");
        let lines = shown.lines().map(ToOwned::to_owned).collect();
        self.blocks.push(Block { head: format!("$ sudo {typed}"), lines });
        shown
    }

    /// Writes down what happened.
    pub fn tell(&mut self, head: &str, lines: &[String]) {
        let lines = lines.iter().map(|line| format!("  {line}")).collect();
        self.blocks.push(Block { head: head.to_owned(), lines });
    }

    /// Writes it to `target/walk-through.txt`, and compares it with the document.
    #[track_caller]
    pub fn judge(&self) {
        let text: Vec<String> = self.blocks.iter().map(Block::text).collect();
        let target = Path::new(env!("CARGO_BIN_EXE_dockwall")).ancestors().nth(2).unwrap();
        std::fs::write(target.join("walk-through.txt"), text.join("\n")).unwrap();
        document::judge(&self.blocks);
    }

    /// What a command shows at a terminal of that width. Nothing is written down.
    pub fn shown_at(&self, columns: u16, typed: &str) -> String {
        self.type_in(columns, typed).0
    }

    fn type_in(&self, columns: u16, typed: &str) -> (String, Option<i32>) {
        let program = Path::new(env!("CARGO_BIN_EXE_dockwall")).parent().unwrap();
        let name = self.lab.name();
        let command = format!(
            "stty cols {columns} rows 50; exec '{}/scripts/lab' --name {name} exec host sh -c 'PATH={}:$PATH; {}'",
            env!("CARGO_MANIFEST_DIR"),
            program.display(),
            typed.replace('\'', r"'\''"),
        );
        let mut script = Command::new("timeout");
        script.args(["--kill-after=5", "120", "script", "--quiet", "--return", "--command", &command, "/dev/null"]);
        // Without what this process itself may have been started by.
        script.env("TERM", "xterm").env("NO_COLOR", "1").env_remove("SUDO_USER").env_remove("SSH_CONNECTION");
        let output = script.stdin(Stdio::null()).output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        (shown.lines().map(|line| settled(line) + "\n").collect(), output.status.code())
    }
}

/// What stays of a line on the terminal: a sign of life is wiped away.
fn settled(line: &str) -> String {
    let last = line.rsplit("\x1b[2K").next().unwrap_or_default();
    anstream::adapter::strip_str(last).to_string().trim_end().to_owned()
}
