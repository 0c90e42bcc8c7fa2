//! How long a grant holds.

use clap::Args;
use jiff::fmt::friendly::SpanParser;
use jiff::{SignedDuration, SpanRelativeTo, Timestamp};

use super::words::in_words_of_the_command_line;
use crate::config::{Invalid, read_grant_until};

/// The longest time from now; who means more means for ever.
const LONGEST: SignedDuration = SignedDuration::from_hours(100 * 365 * 24);

/// `--for` and `--until`.
#[derive(Debug, Args)]
pub struct Lifetime {
    /// For so long: 2h, 30m, 1d12h; then the kernel takes it out by itself
    #[arg(long = "for", value_name = "TIME", value_parser = read_span, conflicts_with = "until", allow_hyphen_values = true)]
    span: Option<SignedDuration>,
    /// Until then: 2030-01-31T18:00:00Z, or with another offset from UTC
    #[arg(long, value_name = "RFC3339", value_parser = read_until)]
    until: Option<Timestamp>,
}

impl Lifetime {
    /// When it is over, in whole seconds for what began at `now`; none when never.
    pub fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.span.map(|span| now.as_second().saturating_add(span.as_secs()).saturating_add(1));
        // Begun seconds count, so that it is never shorter than it was said.
        end.and_then(|second| Timestamp::from_second(second).ok()).or(self.until)
    }
}

pub(super) fn read_span(text: &str) -> Result<SignedDuration, Invalid> {
    let no_time = |_| {
        Invalid::new(
            format!("`{text}` is no time"),
            "write numbers with units up to weeks, such as 2h, 30m or 1d12h; for a date there is --until",
        )
    };
    let span = SpanParser::new().parse_span(text).map_err(no_time)?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(no_time)?;
    if span < SignedDuration::from_secs(1) {
        Err(Invalid::new(format!("`{text}` is less than a second"), "write a time from 1s on, such as 2h"))
    } else if span > LONGEST {
        Err(Invalid::new(format!("`{text}` is more than a hundred years"), "leave the option out: then it never ends"))
    } else {
        Ok(span)
    }
}

fn read_until(text: &str) -> Result<Timestamp, Invalid> {
    let until = read_grant_until(text).map_err(in_words_of_the_command_line)?;
    let over = || Invalid::new(format!("{until} is past"), "write a later time, or a time from now on with --for");
    (until > Timestamp::now()).then_some(until).ok_or_else(over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_units_of_fixed_length() {
        for (text, seconds) in [
            ("2h", 7_200),
            ("30m", 1_800),
            ("1d12h", 129_600),
            ("1 day 12 hours", 129_600),
            ("2w", 1_209_600),
            ("90s", 90),
        ] {
            assert_eq!(read_span(text).map(|span| span.as_secs()), Ok(seconds), "{text}");
        }
        for (text, said) in [
            ("0s", "less than a second"),
            ("-2h", "less than a second"),
            ("500ms", "less than a second"),
            ("2", "is no time"),
            ("", "is no time"),
            ("soon", "is no time"),
            // Of which length?
            ("1 month", "is no time"),
            ("1y", "is no time"),
            ("6000w", "more than a hundred years"),
            ("99999999999h", "is"),
        ] {
            assert!(read_span(text).unwrap_err().problem.contains(said), "{text}");
        }
    }

    #[test]
    fn an_end_is_a_whole_second_and_not_too_early() {
        let now = Timestamp::new(1_000, 1).unwrap();
        let lifetime = Lifetime { span: Some(SignedDuration::from_secs(60)), until: None };
        assert_eq!(lifetime.end(now), Timestamp::from_second(1_061).ok());
    }
}
