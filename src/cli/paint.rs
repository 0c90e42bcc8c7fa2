//! Colours: they carry meaning, and never alone. `anstream` takes them out where nobody sees them.

use std::fmt::Display;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Something is as it should be.
pub fn good(text: impl Display) -> String {
    paint(AnsiColor::Green.on_default().bold(), text)
}

/// Something wants a look.
pub fn notable(text: impl Display) -> String {
    paint(AnsiColor::Yellow.on_default().bold(), text)
}

/// Something is wrong.
pub fn bad(text: impl Display) -> String {
    paint(AnsiColor::Red.on_default().bold(), text)
}

/// Something that helps but is not the point.
pub fn faint(text: impl Display) -> String {
    paint(Style::new().dimmed(), text)
}

/// Something comes.
pub fn added(text: impl Display) -> String {
    paint(AnsiColor::Green.on_default(), text)
}

/// Something goes.
pub fn removed(text: impl Display) -> String {
    paint(AnsiColor::Red.on_default(), text)
}

/// Whether colour written to standard error would be seen.
pub fn stderr_has_colour() -> bool {
    AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
