//! When a grant runs out.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use toml::de::DeValue;

use crate::config::field::Field;
use crate::config::invalid::{Invalid, quote};

/// Reads a point in time, be it in quotation marks or as TOML's own.
pub(super) fn read_until(field: &Field<'_>) -> Option<Timestamp> {
    match field.value() {
        DeValue::Datetime(datetime) => field.accept(read_time(&datetime.to_string())),
        _ => field.parsed("2030-01-31T18:00:00Z", read_time),
    }
}

/// Reads an RFC 3339 time: date, time and the offset from UTC, without which it would be another
/// point in time on every host.
///
/// # Errors
///
/// What is wrong with `text`, and what would be right.
pub fn read_time(text: &str) -> Result<Timestamp, Invalid> {
    text.parse().map_err(|_| {
        let (problem, cure) = if let Ok(date) = text.parse::<Date>()
            && !text.contains([':', 'T'])
        {
            ("is a date without a time of day", format!("write \"{date}T00:00:00Z\", or the hour that is meant"))
        } else if let Ok(datetime) = text.parse::<DateTime>() {
            ("has no offset from UTC", format!("write \"{datetime}Z\", or with an offset such as \"{datetime}+02:00\""))
        } else {
            ("is no point in time", "write date, time and offset, such as \"2030-01-31T18:00:00Z\"".to_owned())
        };
        Invalid::new(format!("{} {problem}", quote(text)), cure)
    })
}
