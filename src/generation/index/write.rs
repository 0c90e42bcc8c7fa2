//! How it is made.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Head, Section, hash, interval, path};
use crate::config::Texts;
use crate::generation::file_state::{FileState, boot_id};
use crate::generation::record::NewGeneration;
use crate::generation::{Base, Modes, Settings, Store};
use crate::interval::{Address, Interval};
use crate::policy::Grant;
use crate::ruleset::{PieceList, Pieces, SetSum};

/// Makes it for a generation that is in force and kept whole, of which the sets hold what has these sums, compiled at
/// `now`. `beside` are the names of grants in the configuration that are not in the policy. Nothing depends on its being
/// made.
pub(in crate::generation) fn note(
    store: &Store,
    generation: &NewGeneration,
    sums: BTreeMap<String, SetSum>,
    beside: &[String],
    modes: Option<Modes>,
    now: Timestamp,
) {
    write(store, generation, sums, beside, modes, now).unwrap_or_default();
}

fn write(
    store: &Store,
    generation: &NewGeneration,
    sums: BTreeMap<String, SetSum>,
    beside: &[String],
    modes: Option<Modes>,
    now: Timestamp,
) -> Option<()> {
    let (policy, sources) = (generation.policy, generation.sources?);
    let files = sources.texts.all().map(|(path, text)| unchanged(path, text)).collect::<Option<_>>()?;
    let file = FileState::of(&store.whole_path(generation.number))?;
    let mut draft = store.begin_draft().ok()?;
    let mut out = Out { writer: BufWriter::with_capacity(1 << 16, &mut draft), at: 0 };
    let names = out.names(&policy.grants, &sources.texts, beside).ok()?;
    let denied_ipv4 = out.plain(&policy.denied.ipv4).ok()?;
    let denied_ipv6 = out.plain(&policy.denied.ipv6).ok()?;
    let pieces = Pieces::of(policy.exceptions(), now);
    let by_source = pieces.by_source;
    let mut places = BTreeMap::new();
    for (place, list) in pieces.lists {
        places.insert(place.name(), out.list(list).ok()?);
    }
    let head = Head {
        boot: boot_id()?,
        base: Base { number: generation.number, applied: generation.applied, revised: None },
        file,
        parent: generation.parent,
        settings: Settings { mode: sources.mode, policy: policy.outline() },
        modes,
        configuration: sources.texts.configuration().to_owned(),
        files,
        revoked: sources.revoked.clone(),
        sums,
        by_source,
        ends: policy.next_end(now),
        names,
        denied_ipv4,
        denied_ipv6,
        places,
    };
    out.end(&head).ok()?;
    draft.persist(path(store)).ok()?;
    Some(())
}

/// By which that file shows that it was written since that was its text; none where it is another already.
fn unchanged(path: &Path, text: &str) -> Option<(PathBuf, FileState)> {
    let state = FileState::of(path)?;
    (std::fs::read(path).ok()? == text.as_bytes()).then(|| (path.to_owned(), state))
}

struct Out<W: Write> {
    writer: W,
    at: u64,
}

impl<W: Write> Out<W> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.writer.write_all(bytes)
    }

    fn section(&mut self, size: usize, records: impl Iterator<Item = Vec<u8>>) -> io::Result<Section> {
        let mut section = Section { at: self.at, count: 0, size: size as u64 };
        for record in records {
            debug_assert_eq!(record.len(), size);
            section.count += 1;
            self.bytes(&record)?;
        }
        Ok(section)
    }

    /// What each name's grant is, where it is one that can be revoked: its drop-in is called like it.
    fn names(&mut self, grants: &[Grant], texts: &Texts, beside: &[String]) -> io::Result<Section> {
        let stems: HashMap<&str, ()> =
            texts.drop_ins().filter_map(|(path, _)| Some((path.file_stem()?.to_str()?, ()))).collect();
        let mut records = Vec::with_capacity(grants.len() + beside.len());
        for grant in grants {
            let begun = self.at;
            if stems.contains_key(grant.name.as_str()) {
                self.bytes(&serde_json::to_vec(grant)?)?;
            }
            records.push((hash(&grant.name), begun, (self.at - begun) as u32));
        }
        records.extend(beside.iter().map(|name| (hash(name), self.at, 0)));
        records.sort_unstable();
        let record = |(hash, at, len): (u64, u64, u32)| {
            [&hash.to_be_bytes()[..], &at.to_be_bytes(), &len.to_be_bytes()].concat()
        };
        self.section(super::lookup::NAME_SIZE, records.into_iter().map(record))
    }

    fn plain<A: Address>(&mut self, intervals: &[Interval<A>]) -> io::Result<Section> {
        let size = interval::plain_size(A::MIN.octets().as_ref().len());
        self.section(size, intervals.iter().map(|one| interval::write(*one, None)))
    }

    fn list(&mut self, list: PieceList) -> io::Result<Section> {
        match list {
            PieceList::Ipv4(list) => self.reaching(list),
            PieceList::Ipv6(list) => self.reaching(list),
            PieceList::Keys(mut list) => {
                list.sort_unstable();
                self.section(list.first().map_or(0, Vec::len), list.into_iter())
            }
            PieceList::Boxes(list) => {
                let until: Vec<_> = list.iter().map(|(region, expiry)| (region, expiry.map(|one| one.at))).collect();
                let (at, text) = (self.at, serde_json::to_vec(&until)?);
                self.bytes(&text)?;
                Ok(Section { at, count: list.len() as u64, size: text.len() as u64 })
            }
        }
    }

    fn reaching<A: Address>(&mut self, mut list: Vec<Interval<A>>) -> io::Result<Section> {
        list.sort_unstable();
        self.section(interval::reaching_size(A::MIN.octets().as_ref().len()), interval::reaching(&list))
    }

    fn end(mut self, head: &Head) -> io::Result<()> {
        let text = serde_json::to_vec(head)?;
        self.bytes(&text)?;
        self.bytes(&(text.len() as u64).to_be_bytes())?;
        self.writer.flush()
    }
}
