//! So many in so long.

use std::fmt;
use std::str::FromStr;

use super::choice::{choose, word_of};
use super::invalid::{Invalid, quote};

/// How many packets in how long: `6/minute`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Packets, 1 to [`Rate::MOST`].
    pub count: u32,
    /// In which time.
    pub unit: RateUnit,
}

/// The time that a [`Rate`] counts in: the units that `nft` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateUnit {
    /// A second.
    Second,
    /// 60 seconds.
    Minute,
    /// 3600 seconds.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
}

impl Rate {
    /// The highest count: beyond it the kernel's nanoseconds per packet lose their meaning.
    pub const MOST: u32 = 1_000_000;

    /// The most packets a burst may have at this rate.
    ///
    /// The kernel keeps the burst as `nanoseconds per packet × burst` in 64 bits (`nft_limit_init`
    /// in `net/netfilter/nft_limit.c`): newer kernels refuse more, older ones wrap around.
    pub fn largest_burst(self) -> u64 {
        let nanoseconds_per_packet = self.unit.seconds() * 1_000_000_000 / u64::from(self.count.max(1));
        u64::MAX / nanoseconds_per_packet.max(1)
    }
}

impl RateUnit {
    const WORDS: [(&'static str, Self); 5] = [
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
    ];

    /// The length of the unit in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
            Self::Week => 604_800,
        }
    }
}

impl FromStr for Rate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((count, unit)) = text.split_once('/') else {
            return Err(Invalid::new(
                format!("{} is no rate", quote(text)),
                "write a count and a unit, such as \"6/minute\"",
            ));
        };
        let unit = choose(unit, &RateUnit::WORDS)
            .map_err(|unit| Invalid::new(format!("{}: {}", quote(text), unit.problem), unit.cure))?;
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        match count.parse() {
            Ok(0) => Err(Invalid::new(
                format!("{} would never log anything", quote(text)),
                "write at least 1, or `log.enabled = false`",
            )),
            Ok(count) if digits && count <= Self::MOST => Ok(Self { count, unit }),
            _ => Err(Invalid::new(
                format!("{}: {} is not a number from 1 to {}", quote(text), quote(count), Self::MOST),
                "write a count and a unit, such as \"6/minute\"",
            )),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

impl fmt::Display for RateUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word_of(*self, &Self::WORDS))
    }
}
