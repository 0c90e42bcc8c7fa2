//! A log: the denied packets in it, flow by flow.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};

use super::line::{Clock, read_line};
use super::{Denied, Prefixes};
use crate::host::Flow;

/// What of a line is looked at, in bytes; the kernel's own end at 1024.
const LONGEST_LINE: u64 = 64 * 1024;

/// What was in a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// The flows, by source, destination, protocol and port.
    pub flows: Vec<Denied>,
    /// How many lines there were.
    pub lines: u64,
    /// How many denied packets they told of.
    pub denied: u64,
    /// How many lines about denied packets were not understood: cut, or written into each other.
    pub broken: u64,
}

impl Clock {
    /// This machine's.
    pub fn of_this_machine() -> Self {
        let now = Timestamp::now();
        // The clock that the kernel's log goes by: it stands still while the machine sleeps.
        let up = clock_gettime(ClockId::Monotonic);
        let up = i32::try_from(up.tv_nsec).map(|nanoseconds| jiff::SignedDuration::new(up.tv_sec, nanoseconds));
        Self { now, boot: up.ok().and_then(|up| now.checked_sub(up).ok()), zone: TimeZone::system() }
    }
}

impl Log {
    /// Reads a log to its end.
    ///
    /// # Errors
    /// What reading failed with.
    pub fn read(mut input: impl BufRead, prefixes: &Prefixes, clock: &Clock) -> io::Result<Self> {
        let mut flows: HashMap<Flow, Denied> = HashMap::new();
        let (mut log, mut line) = (Self::default(), Vec::new());
        loop {
            line.clear();
            if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            log.lines += 1;
            let found = read_line(&String::from_utf8_lossy(&line), prefixes, clock);
            log.broken += found.broken as u64;
            log.denied += found.denied.len() as u64;
            for denied in found.denied {
                flows.entry(denied.flow).and_modify(|known| known.add(&denied)).or_insert(denied);
            }
        }
        log.flows = flows.into_values().collect();
        log.flows.sort_unstable_by_key(|denied| denied.flow);
        Ok(log)
    }
}
