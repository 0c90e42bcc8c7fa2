//! The page: how facts, tables and JSON are laid out.

use std::io;

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde::Serialize;

/// A list of names and what is to be said of each, aligned.
#[derive(Debug, Default)]
pub struct Sheet {
    rows: Vec<(String, String)>,
}

impl Sheet {
    /// One more line.
    pub fn say(&mut self, name: &str, value: impl Into<String>) {
        self.rows.push((name.to_owned(), value.into()));
    }

    /// Prints them.
    pub fn print(&self) {
        self.lines().iter().for_each(|line| anstream::println!("{line}"));
    }

    /// The lines that are printed.
    pub fn lines(&self) -> Vec<String> {
        let mut table = table();
        for (name, value) in &self.rows {
            table.add_row([name, value]);
        }
        lines(&table)
    }
}

/// Prints rows under their headers.
pub fn rows(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    row_lines(headers, rows).iter().for_each(|line| anstream::println!("{line}"));
}

/// The lines of such a table.
pub fn row_lines(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    let mut table = table();
    table.set_header(headers);
    table.add_rows(rows);
    lines(&table)
}

/// The columns of the terminal; none in a pipe.
pub fn width() -> Option<u16> {
    table().width()
}

/// What becomes of printing: that nobody reads any more, as behind `| head`, is no failure.
pub fn unless_closed(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Prints rows without headers, their columns aligned.
pub fn columns<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) {
    let mut table = table();
    table.add_rows(rows);
    lines(&table).iter().for_each(|line| anstream::println!("{line}"));
}

/// A table without lines, as wide as the terminal; in a pipe as wide as its content.
fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn lines(table: &Table) -> Vec<String> {
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Prints a value as JSON.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => anstream::println!("{text}"),
        Err(error) => anstream::eprintln!("cannot print JSON: {error}"),
    }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things, in the singular where it is one.
pub fn counted(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// How long ago that was, in the largest unit that tells enough.
pub fn ago(then: Timestamp) -> String {
    let seconds = Timestamp::now().duration_since(then).as_secs().max(0);
    let units = [(48 * 3600, 86_400, "d"), (90 * 60, 3600, "h"), (90, 60, "min")];
    match units.iter().find(|(from, ..)| seconds >= *from) {
        Some((_, unit, name)) => format!("{} {name} ago", seconds / unit),
        None => format!("{seconds} s ago"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_time_is_told_in_one_unit() {
        for (seconds, text) in
            [(0, "0 s"), (89, "89 s"), (90, "1 min"), (5399, "89 min"), (7200, "2 h"), (172_800, "2 d")]
        {
            assert_eq!(ago(Timestamp::now() - SignedDuration::from_secs(seconds)), format!("{text} ago"));
        }
    }
}
