//! What a set holds, as one number that is brought up to date by the elements that come and go.
//!
//! Each element is hashed by itself, and the hashes are added up, so that neither their order matters nor what else
//! there is: of a hundred thousand elements and one more, one is hashed. It stands against accidents. Whoever can change
//! the table can write another mark as well.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Elements, KeyBox};
use crate::interval::{Address, Interval};

/// The sum of the hashes of elements, each 64 bits of it by themselves and modulo 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sum([u64; WORDS]);

const WORDS: usize = 4;

/// What a set holds: what lasts, and what runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSum {
    /// Of the elements that stay.
    pub lasting: Sum,
    /// Of those that run out.
    pub passing: Sum,
}

impl Sum {
    /// Whether it is of no element at all.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn each(self, other: Self, join: fn(u64, u64) -> u64) -> Self {
        let mut joined = self.0;
        joined.iter_mut().zip(other.0).for_each(|(word, other)| *word = join(*word, other));
        Self(joined)
    }

    fn add(&mut self, parts: &[&[u8]]) {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        let hash = hash.finalize();
        for (word, bytes) in self.0.iter_mut().zip(hash.as_slice().as_chunks().0) {
            *word = word.wrapping_add(u64::from_be_bytes(*bytes));
        }
    }
}

impl SetSum {
    /// With the elements of `other` as well.
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::wrapping_add)
    }

    /// Without the elements of `other`, which are among them.
    pub fn minus(self, other: Self) -> Self {
        self.each(other, u64::wrapping_sub)
    }

    fn each(self, other: Self, join: fn(u64, u64) -> u64) -> Self {
        Self { lasting: self.lasting.each(other.lasting, join), passing: self.passing.each(other.passing, join) }
    }
}

impl Elements {
    /// The sum of them.
    pub fn sum(&self) -> SetSum {
        let mut sum = SetSum::default();
        match self {
            Self::Ipv4(intervals) => add_intervals(&mut sum.lasting, intervals),
            Self::Ipv6(intervals) => add_intervals(&mut sum.lasting, intervals),
            Self::Exact(keys) => keys.iter().for_each(|key| sum.lasting.add(&[key])),
            Self::Boxes(boxes) => boxes.iter().for_each(|element| add_box(&mut sum, element)),
        }
        sum
    }
}

fn add_intervals<A: Address>(sum: &mut Sum, intervals: &[Interval<A>]) {
    for interval in intervals {
        sum.add(&[interval.first().octets().as_ref(), interval.last().octets().as_ref()]);
    }
}

fn add_box(sum: &mut SetSum, element: &KeyBox) {
    match element.expiry.map(|expiry| expiry.at.as_nanosecond()) {
        None => sum.lasting.add(&[&element.first, &element.last]),
        Some(until) => sum.passing.add(&[&element.first, &element.last, &until.to_be_bytes()]),
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

impl FromStr for Sum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no sum: it has {} hexadecimal digits", 16 * WORDS);
        let mut words = [0; WORDS];
        if text.len() != 16 * WORDS {
            return Err(wrong());
        }
        for (index, word) in words.iter_mut().enumerate() {
            let digits = text.get(16 * index..16 * (index + 1)).ok_or_else(wrong)?;
            *word = u64::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(words))
    }
}

impl From<Sum> for String {
    fn from(sum: Sum) -> Self {
        sum.to_string()
    }
}

impl TryFrom<String> for Sum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::networks;

    fn sum(written: &[&str]) -> SetSum {
        Elements::Ipv4(networks(written).ipv4).sum()
    }

    #[test]
    fn what_comes_and_goes_is_added_and_taken_off() {
        let all = sum(&["10.0.0.1", "10.0.0.3", "10.0.0.5-10.0.0.9"]);
        assert_eq!(sum(&["10.0.0.5-10.0.0.9"]).plus(sum(&["10.0.0.1", "10.0.0.3"])), all);
        assert_eq!(all.minus(sum(&["10.0.0.3"])), sum(&["10.0.0.1", "10.0.0.5-10.0.0.9"]));
        assert!(all.minus(all).lasting.is_nothing());
    }

    #[test]
    fn another_element_is_another_sum() {
        assert_ne!(sum(&["10.0.0.1"]), sum(&["10.0.0.2"]));
        assert_ne!(sum(&["10.0.0.1-10.0.0.4"]), sum(&["10.0.0.1", "10.0.0.4"]));
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let all = sum(&["10.0.0.1"]).lasting;
        assert_eq!(all.to_string().parse(), Ok(all));
        let written = all.to_string();
        for wrong in ["", "0", &written.replace(|letter: char| letter.is_ascii_hexdigit(), "g"), &format!("{written}0")]
        {
            assert!(wrong.parse::<Sum>().is_err(), "{wrong}");
        }
    }
}
