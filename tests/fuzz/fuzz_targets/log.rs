//! Whatever stands in a log: never a panic, and what is taken for a denied packet is whole in itself.
#![no_main]

use dockwall::observe::{Clock, Prefixes, read_line};
use jiff::Timestamp;
use jiff::tz::TimeZone;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let clock = Clock { now: Timestamp::UNIX_EPOCH, boot: Some(Timestamp::UNIX_EPOCH), zone: TimeZone::UTC };
    let mut prefixes = Prefixes::default();
    prefixes.add("p", None);
    for denied in read_line(text, &prefixes, &clock).denied {
        assert_eq!(denied.flow.source.is_ipv4(), denied.flow.destination.is_ipv4());
        assert!(text.contains("SRC=") && text.contains("DST=") && text.contains("PROTO="));
    }
});
