//! How it is made.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Head, Section, hash, interval, path};
use crate::config::Mode;
use crate::generation::file_state::{FileState, boot_id};
use crate::generation::{Base, Modes, Settings, Sources, Store};
use crate::interval::{Address, Interval};
use crate::policy::{Grant, Policy};
use crate::ruleset::{PieceList, Pieces, SetSum};

/// A generation that is in force and kept whole.
pub(in crate::generation) struct Kept<'a> {
    pub base: Base,
    /// The one that was in force before it.
    pub parent: Option<u64>,
    pub policy: &'a Policy,
    pub made_from: MadeFrom,
    /// What its configuration means in each mode, where that is known.
    pub modes: Option<Modes>,
}

/// What it is to say of the files that a generation was made from.
pub(in crate::generation) struct MadeFrom {
    /// The mode of the command line, where it said one.
    mode: Option<Mode>,
    /// Where the configuration lies, or would lie.
    configuration: PathBuf,
    files: Vec<(PathBuf, FileState)>,
    revoked: Vec<String>,
}

impl MadeFrom {
    /// To be asked for as long as the texts are there; none where one of the files is another by now.
    pub(in crate::generation) fn of(sources: &Sources) -> Option<Self> {
        let files = sources.texts.all().map(|(path, text)| unchanged(path, text)).collect::<Option<_>>()?;
        let configuration = sources.texts.configuration().to_owned();
        Some(Self { mode: sources.mode, configuration, files, revoked: sources.revoked.clone() })
    }

    /// The names of the drop-ins, without what they end with.
    fn stems(&self) -> HashSet<&str> {
        let drop_ins = self.files.iter().filter(|(path, _)| *path != self.configuration);
        drop_ins.filter_map(|(path, _)| path.file_stem()?.to_str()).collect()
    }
}

/// Makes it for a generation of which the sets hold what has these sums, compiled at
/// `now`. `beside` are the names of grants in the configuration that are not in the policy. Nothing depends on its being
/// made.
pub(in crate::generation) fn note(
    store: &Store,
    kept: Kept<'_>,
    sums: BTreeMap<String, SetSum>,
    beside: &[String],
    now: Timestamp,
) {
    write(store, kept, sums, beside, now).unwrap_or_default();
}

fn write(
    store: &Store,
    kept: Kept<'_>,
    sums: BTreeMap<String, SetSum>,
    beside: &[String],
    now: Timestamp,
) -> Option<()> {
    let Kept { base, parent, policy, made_from, modes } = kept;
    let file = FileState::of(&store.whole_path(base.number))?;
    let mut draft = store.begin_draft().ok()?;
    let mut out = Out { writer: BufWriter::with_capacity(1 << 16, &mut draft), at: 0 };
    let names = out.names(&policy.grants, &made_from.stems(), beside).ok()?;
    let denied_ipv4 = out.plain(&policy.denied.ipv4).ok()?;
    let denied_ipv6 = out.plain(&policy.denied.ipv6).ok()?;
    let pieces = Pieces::of(policy.exceptions(), now);
    let by_source = pieces.by_source;
    let mut places = BTreeMap::new();
    for (place, list) in pieces.lists {
        places.insert(place.name(), out.list(list).ok()?);
    }
    let MadeFrom { mode, configuration, files, revoked } = made_from;
    let head = Head {
        boot: boot_id()?,
        base,
        file,
        parent,
        settings: Settings { mode, policy: policy.outline() },
        modes,
        configuration,
        files,
        revoked,
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
    holds(path, text.as_bytes()).ok()?.then(|| (path.to_owned(), state))
}

/// Whether that is all of the file, which is read piece by piece: it may be large.
fn holds(path: &Path, mut text: &[u8]) -> io::Result<bool> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    loop {
        let piece = file.fill_buf()?;
        let len = piece.len();
        match text.strip_prefix(piece) {
            Some([]) if len == 0 => return Ok(true),
            Some(rest) if len > 0 => text = rest,
            _ => return Ok(false),
        }
        file.consume(len);
    }
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
    fn names(&mut self, grants: &[Grant], stems: &HashSet<&str>, beside: &[String]) -> io::Result<Section> {
        let mut records = Vec::with_capacity(grants.len() + beside.len());
        for grant in grants {
            let begun = self.at;
            if stems.contains(grant.name.as_str()) {
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
