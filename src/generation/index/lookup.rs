//! How something is found in it. None where it cannot be read, or makes no sense.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::FileExt;

use jiff::Timestamp;

use super::{Index, Section, hash, interval};
use crate::interval::{Address, Interval, normalise};
use crate::policy::{Grant, Networks};
use crate::ruleset::{Expiry, PieceList, Place, Region};

/// The bytes of a name's record: its number, and where its grant is and how long.
pub(super) const NAME_SIZE: usize = 8 + 8 + 4;

/// So many records are read at once where one is followed by another.
const AT_ONCE: u64 = 32;

/// The most pieces that are looked at. What makes so many others one, or parts them, is read as a whole.
const MOST: usize = 4096;

impl Index {
    /// Whether a grant of that name may be in the policy or in the configuration; certainly not where it says no.
    pub fn has_name(&self, name: &str) -> Option<bool> {
        Some(self.records_of(name)?.next().is_some())
    }

    /// The grant of that name, where it may be revoked.
    pub fn grant(&self, name: &str) -> Option<Grant> {
        let records: Vec<Vec<u8>> = self.records_of(name)?.collect();
        records.iter().find_map(|record| {
            let at = u64::from_be_bytes(*record.get(8..)?.first_chunk()?);
            let len = u32::from_be_bytes(*record.get(16..)?.first_chunk()?);
            let mut text = vec![0; len as usize];
            self.file.read_exact_at(&mut text, at).ok()?;
            serde_json::from_slice(&text).ok().filter(|grant: &Grant| grant.name == name)
        })
    }

    fn records_of(&self, name: &str) -> Option<impl Iterator<Item = Vec<u8>>> {
        let key = hash(name).to_be_bytes();
        let first = self.partition_point(self.head.names, |record| record.get(..8) < Some(&key[..]))?;
        Some(self.from(self.head.names, first).take_while(move |record| record.starts_with(&key)))
    }

    /// Whether any of these addresses is denied.
    pub fn denies(&self, networks: &Networks) -> Option<bool> {
        Some(
            self.overlaps(self.head.denied_ipv4, &networks.ipv4)?
                || self.overlaps(self.head.denied_ipv6, &networks.ipv6)?,
        )
    }

    fn overlaps<A: Address>(&self, section: Section, intervals: &[Interval<A>]) -> Option<bool> {
        for wanted in intervals {
            let is_below = |record: &[u8]| interval::read::<A>(record).is_some_and(|one| one.last() < wanted.first());
            let next = self.from(section, self.partition_point(section, is_below)?).next();
            if next.and_then(|record| interval::read::<A>(&record)).is_some_and(|one| one.first() <= wanted.last()) {
                return Some(true);
            }
        }
        Some(false)
    }

    /// How many pieces a set has.
    pub fn count(&self, place: Place) -> usize {
        self.section(place).map_or(0, |section| section.count as usize)
    }

    /// The sets that there are.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.head.places.keys().filter_map(|name| Place::of_set(name))
    }

    /// All pieces in a set that have to do with the `wanted` ones, of those in the index and of the `added` ones: no
    /// other piece overlaps one of them or is its neighbour, so that what becomes of these in the set depends on no
    /// other.
    pub fn around(&self, place: Place, wanted: &PieceList, added: &PieceList, now: Timestamp) -> Option<PieceList> {
        let section = self.section(place);
        Some(match (wanted, added) {
            (PieceList::Ipv4(wanted), PieceList::Ipv4(added)) => {
                PieceList::Ipv4(self.touching::<Ipv4Addr>(section, wanted, added)?)
            }
            (PieceList::Ipv6(wanted), PieceList::Ipv6(added)) => {
                PieceList::Ipv6(self.touching::<Ipv6Addr>(section, wanted, added)?)
            }
            (PieceList::Keys(wanted), PieceList::Keys(added)) => PieceList::Keys(self.equal(section, wanted, added)?),
            // Of boxes there are few: with thousands of them a kernel takes seconds for each.
            (PieceList::Boxes(_), PieceList::Boxes(added)) => {
                let mut boxes = section.map_or(Some(Vec::new()), |section| self.boxes(section, now))?;
                boxes.extend(added);
                PieceList::Boxes(boxes)
            }
            _ => return None,
        })
    }

    fn section(&self, place: Place) -> Option<Section> {
        self.head.places.get(&place.name()).copied()
    }

    fn touching<A: Address>(
        &self,
        section: Option<Section>,
        wanted: &[Interval<A>],
        added: &[Interval<A>],
    ) -> Option<Vec<Interval<A>>> {
        let mut hulls = normalise(wanted.to_vec());
        loop {
            let (before, mut found) = (hulls.clone(), Vec::new());
            for hull in &before {
                found.extend(added.iter().copied().filter(|one| interval::touch(*hull, *one)));
                found.extend(section.map_or(Some(Vec::new()), |section| self.kept_around(section, *hull))?);
            }
            hulls = normalise(before.iter().chain(&found).copied().collect());
            if hulls == before {
                return Some(found);
            }
        }
    }

    /// Those of the index that touch it, and those that touch these: they follow one another.
    fn kept_around<A: Address>(&self, section: Section, mut hull: Interval<A>) -> Option<Vec<Interval<A>>> {
        let up_to = |record: &[u8]| interval::reach::<A>(record).and_then(|reach| Interval::new(A::MIN, reach));
        let touches = |record: &[u8], hull| up_to(record).is_some_and(|reach| interval::touch(reach, hull));
        let mut first = self.partition_point(section, |record| !touches(record, hull))?;
        match self.from(section, first).next() {
            Some(record) if interval::touch(interval::read(&record)?, hull) => {
                hull = interval::join(hull, interval::read(&record)?);
            }
            _ => return Some(Vec::new()),
        }
        for _ in 0..=MOST {
            let before = first.checked_sub(1).map(|before| Some((before, self.read(section, before, 1)?)));
            let Some((before, record)) =
                before.map_or(Some(None), |read| read.map(Some))?.filter(|(_, record)| touches(record, hull))
            else {
                break;
            };
            (first, hull) = (before, interval::join(hull, interval::read(&record)?));
        }
        let mut found = Vec::new();
        for record in self.from(section, first) {
            let one = interval::read(&record)?;
            if !interval::touch(one, hull) {
                break;
            }
            hull = interval::join(hull, one);
            found.push(one);
            if found.len() > MOST {
                return None;
            }
        }
        Some(found)
    }

    fn equal(&self, section: Option<Section>, wanted: &[Vec<u8>], added: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
        let mut wanted: Vec<&Vec<u8>> = wanted.iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found: Vec<Vec<u8>> = added.iter().filter(|key| wanted.contains(key)).cloned().collect();
        for (section, key) in section.into_iter().flat_map(|section| wanted.iter().map(move |key| (section, *key))) {
            let first = self.partition_point(section, |record| record < key.as_slice())?;
            found.extend(self.from(section, first).take_while(|record| record == key).take(MOST));
        }
        Some(found)
    }

    fn boxes(&self, section: Section, now: Timestamp) -> Option<Vec<(Region, Option<Expiry>)>> {
        let mut text = vec![0; section.size as usize];
        self.file.read_exact_at(&mut text, section.at).ok()?;
        let boxes: Vec<(Region, Option<Timestamp>)> = serde_json::from_slice(&text).ok()?;
        let left = |(region, until): (Region, Option<Timestamp>)| match until {
            None => Some((region, None)),
            Some(until) => Expiry::new(until, now).map(|expiry| (region, Some(expiry))),
        };
        boxes.into_iter().map(left).collect()
    }

    /// The first record that is not before what is looked for.
    fn partition_point(&self, section: Section, is_before: impl Fn(&[u8]) -> bool) -> Option<u64> {
        let (mut low, mut high) = (0, section.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(&self.read(section, middle, 1)?) { low = middle + 1 } else { high = middle }
        }
        Some(low)
    }

    /// The records from that one on, as far as they can be read.
    fn from(&self, section: Section, first: u64) -> impl Iterator<Item = Vec<u8>> {
        let starts = (first..section.count).step_by(AT_ONCE as usize);
        let read = move |start| self.read(section, start, AT_ONCE.min(section.count - start));
        let split = move |bytes: Vec<u8>| {
            bytes.chunks_exact(section.size.max(1) as usize).map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        starts.map_while(read).flat_map(split)
    }

    fn read(&self, section: Section, first: u64, count: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; (count * section.size) as usize];
        self.file.read_exact_at(&mut bytes, section.at + first * section.size).ok()?;
        Some(bytes)
    }
}
