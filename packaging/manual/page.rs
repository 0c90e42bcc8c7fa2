//! One man page.

use std::io;

use clap::Command;
use clap_mangen::Man;

/// The page's file name and text.
pub fn of(command: &Command) -> io::Result<(String, String)> {
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    Ok((page.get_filename(), keep_lines(&name_sections(&text))))
}

/// Calls the section that clap_mangen makes of `after_help` by what it begins with.
fn name_sections(text: &str) -> String {
    let named = text.replace(".SH EXTRA\nExit status:\n", ".SH \"EXIT STATUS\"\n");
    named.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n")
}

/// Keeps lines that begin with a space as they are: roff would fill them.
fn keep_lines(text: &str) -> String {
    let (mut kept, mut inside) = (String::new(), false);
    for line in text.lines() {
        let is_inside = line.starts_with(' ');
        match (inside, is_inside) {
            (false, true) => kept.push_str(".nf\n"),
            (true, false) => kept.push_str(".fi\n"),
            _ => {}
        }
        inside = is_inside;
        kept.push_str(line);
        kept.push('\n');
    }
    if inside {
        kept.push_str(".fi\n");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_lists_stay_in_lines() {
        let text = ".SH EXTRA\nExamples:\n  one   1\n  two   2\n.SH VERSION\n 3";
        let made = keep_lines(&name_sections(text));
        assert_eq!(made, ".SH EXAMPLES\n.nf\n  one   1\n  two   2\n.fi\n.SH VERSION\n.nf\n 3\n.fi\n");
    }
}
