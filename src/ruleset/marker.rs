//! What the kernel itself remembers of the last apply: the generation, and a digest of the
//! ruleset by which a change by somebody else shows.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::{Chain, Rule, Set, SetSum, Table};

/// The chain that carries the marker as its comment. It is never hooked and holds no rule, so it
/// can be made anew in any batch, while the table's own comment is fixed when the table is made.
const MARKER_CHAIN: &str = "generation";

/// Which generation a table is, and what it looked like then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The generation's number.
    pub generation: u64,
    /// The digest of the table as compiled.
    pub digest: Digest,
}

/// The first 128 bits of the SHA-256 of a ruleset's text, in which the elements of a set stand as their [`SetSum`], in
/// hexadecimal; behind a `+`, where there are such, the first 64 bits of that of the elements that run out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Whether the two are of the same ruleset, but for what has run out in one of them.
    pub fn matches(&self, other: &Self) -> bool {
        self.lasting() == other.lasting()
    }

    fn lasting(&self) -> &str {
        self.0.split('+').next().unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "generation {} policy {}", self.generation, self.digest)
    }
}

impl FromStr for Marker {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split(' ').collect::<Vec<_>>().as_slice() {
            ["generation", number, "policy", digest] => {
                let generation = number.parse().map_err(|_| ())?;
                Ok(Self { generation, digest: Digest((*digest).to_owned()) })
            }
            _ => Err(()),
        }
    }
}

/// Text that is hashed piece by piece, as it is added.
#[derive(Default)]
struct Hashed {
    hash: Sha256,
    /// The piece: what formatting writes are single words, each of which would cost as much as a line.
    text: String,
}

impl Hashed {
    fn add(&mut self, text: fmt::Arguments) {
        self.text.clear();
        // Fails only where a `Display` does, and none here does.
        fmt::Write::write_fmt(&mut self.text, text).unwrap_or_default();
        self.hash.update(&self.text);
    }

    fn first_bytes(self, count: usize) -> String {
        self.hash.finalize().iter().take(count).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Table {
    /// The digest of all that decides about packets: not of counters, handles, the order in which
    /// chains and sets were made, and the marker itself.
    pub fn digest(&self) -> Digest {
        self.digest_by(|set| set.elements.sum())
    }

    /// The same where each set holds what has that sum, whatever of it is here.
    pub fn digest_by(&self, sum: impl Fn(&Set) -> SetSum) -> Digest {
        let mut sets: Vec<_> = self.sets.iter().collect();
        sets.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut chains: Vec<_> = self.chains.iter().filter(|chain| chain.name != MARKER_CHAIN).collect();
        chains.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut text = Hashed::default();
        text.add(format_args!("{} {}\n", self.name, self.is_dormant()));
        let mut passing = Hashed::default();
        let mut passes = false;
        for set in sets {
            let sum = sum(set);
            text.add(format_args!("{}\n{}\n", set.with_elements(set.elements.none()), sum.lasting));
            if !sum.passing.is_nothing() {
                passing.add(format_args!("{} {}\n", set.name, sum.passing));
                passes = true;
            }
        }
        for chain in chains {
            let rules: Vec<Rule> = chain.rules.iter().map(Rule::definition).collect();
            text.add(format_args!("{:?}\n", Chain { rules, ..chain.clone() }));
        }
        let lasting = text.first_bytes(16);
        Digest(if passes { format!("{lasting}+{}", passing.first_bytes(8)) } else { lasting })
    }

    /// The table with a marker that says it is `generation`.
    pub fn marked(self, generation: u64) -> Self {
        let digest = self.digest();
        self.carrying(&Marker { generation, digest })
    }

    /// The table with that marker, whose digest is the table's.
    pub fn carrying(mut self, marker: &Marker) -> Self {
        self.chains.retain(|chain| chain.name != MARKER_CHAIN);
        self.chains.insert(0, Chain { comment: Some(marker.to_string()), ..Chain::regular(MARKER_CHAIN, Vec::new()) });
        self
    }

    /// The marker, where there is one.
    pub fn marker(&self) -> Option<Marker> {
        self.chain(MARKER_CHAIN)?.comment.as_deref()?.parse().ok()
    }
}
