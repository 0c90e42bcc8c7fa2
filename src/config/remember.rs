//! How long a denied flow stays listed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::friendly::SpanParser;
use jiff::{SignedDuration, SpanRelativeTo};

use super::invalid::{Invalid, quote};

/// How long a denied flow is remembered after its last packet: whole seconds, from one second to 30
/// days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Remember(Duration);

impl Remember {
    const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// Ten minutes, the default.
    pub const DEFAULT: Self = Self(Duration::from_secs(10 * 60));

    /// The time itself.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Remember {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let no_duration = |_| {
            Invalid::new(
                format!("{} is no time", quote(text)),
                "write a number and a unit, such as \"10m\" or \"1h 30m\"",
            )
        };
        let span = SpanParser::new().parse_span(text).map_err(no_duration)?;
        let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(no_duration)?;
        let out_of_bounds =
            || Invalid::new(format!("{} is out of bounds", quote(text)), "write a time from \"1s\" to \"30d\"");
        let duration = Duration::try_from(signed).map_err(|_| out_of_bounds())?;
        if duration > Self::LONGEST || duration < Duration::from_secs(1) {
            Err(out_of_bounds())
        } else if duration.subsec_nanos() != 0 {
            Err(Invalid::new(
                format!("{} has a fraction of a second", quote(text)),
                format!("write \"{}s\"", duration.as_secs()),
            ))
        } else {
            Ok(Self(duration))
        }
    }
}

impl fmt::Display for Remember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for (written, printed) in [("10m", "10m"), ("1h 30m", "1h 30m"), ("90s", "1m 30s"), ("30d", "720h")] {
            let read = written.parse::<Remember>();
            assert_eq!(read.as_ref().map(Remember::to_string), Ok(printed.to_owned()));
            assert_eq!(printed.parse(), read);
        }
    }
}
