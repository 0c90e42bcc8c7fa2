//! The commands of `docs/switching-over.md`, block by block, as they are typed at a shell.

use std::path::Path;

const DOCUMENT: &str = "docs/switching-over.md";

/// Commands that stand together, each with its continued lines.
pub type Block = Vec<String>;

/// The blocks between two headings.
///
/// # Panics
/// When there is no such heading.
#[track_caller]
pub fn blocks(from: &str, to: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT)).unwrap();
    let section = text.split_once(&format!("{from}\n")).unwrap_or_else(|| panic!("no heading `{from}`")).1;
    let section = section.split_once(&format!("{to}\n")).unwrap_or_else(|| panic!("no heading `{to}`")).0;
    read(section)
}

fn read(section: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in section.lines() {
        match (line.strip_prefix("    $ "), line.strip_prefix("    > ")) {
            (Some(command), _) => {
                if !inside {
                    blocks.push(Vec::new());
                }
                blocks.last_mut().unwrap().push(command.to_owned());
                inside = true;
            }
            (_, Some(more)) => {
                let command = blocks.last_mut().unwrap().last_mut().unwrap();
                *command += "\n";
                *command += more;
            }
            _ => inside = false,
        }
    }
    blocks
}

#[test]
fn a_block_is_what_stands_together_and_a_command_goes_on() {
    let blocks = read("one:\n\n    $ a\n    $ for b in c; do\n    >   d\n    > done\n\ntwo:\n\n    $ e\n");
    assert_eq!(blocks, [vec!["a".to_owned(), "for b in c; do\n  d\ndone".to_owned()], vec!["e".to_owned()]]);
}
