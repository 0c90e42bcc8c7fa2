//! Boxes of numbers, and how to make overlapping ones disjoint: the kernel's sets with an interval
//! in each field refuse an element that overlaps another one (EEXIST, `nft_pipapo_insert`).

use super::{DataType, Expiry, KeyBox};

/// The most fields that a key has: source, destination, protocol, port.
pub const FIELDS: usize = 4;

/// The lowest and the highest number of a field, both included.
pub type Bounds = (u128, u128);

/// A box: an interval in each field. A key with fewer fields has `(0, 0)` in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Region(pub [Bounds; FIELDS]);

impl Region {
    /// Whether the two share a point.
    fn touches(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a.0 <= b.1 && b.0 <= a.1)
    }

    /// What of it is not in `other`, as disjoint boxes: cut off field by field, below and above.
    fn without(mut self, other: &Self) -> Vec<Self> {
        if !self.touches(other) {
            return vec![self];
        }
        let mut pieces = Vec::new();
        for (index, (low, high)) in other.0.into_iter().enumerate() {
            let Some((first, last)) = self.0.get(index).copied() else {
                break;
            };
            let below = low.checked_sub(1).filter(|end| first <= *end).map(|end| (first, end));
            let above = high.checked_add(1).filter(|start| *start <= last).map(|start| (start, last));
            for bounds in [below, above].into_iter().flatten() {
                pieces.push(self.with(index, bounds));
            }
            self = self.with(index, (first.max(low), last.min(high)));
        }
        pieces
    }

    fn with(mut self, index: usize, bounds: Bounds) -> Self {
        if let Some(field) = self.0.get_mut(index) {
            *field = bounds;
        }
        self
    }

    /// The element of a set whose key has these fields.
    fn element(&self, key: &[DataType], expiry: Option<Expiry>) -> KeyBox {
        let bytes = |pick: fn(&Bounds) -> u128| {
            key.iter().zip(&self.0).flat_map(move |(field, bounds)| field_bytes(pick(bounds), *field)).collect()
        };
        KeyBox { first: bytes(|bounds| bounds.0), last: bytes(|bounds| bounds.1), expiry }
    }
}

/// A number as a field of a key has it: in network order, padded to 4 bytes.
pub fn field_bytes(number: u128, field: DataType) -> Vec<u8> {
    let all = number.to_be_bytes();
    let len = field.len() as usize;
    let mut bytes = all.get(all.len().saturating_sub(len)..).unwrap_or_default().to_vec();
    bytes.resize(len.next_multiple_of(4), 0);
    bytes
}

/// The regions as disjoint elements, sorted. Where some overlap, the one that stays longest holds:
/// what never runs out first, then what runs out last.
pub fn disjoint(mut regions: Vec<(Region, Option<Expiry>)>, key: &[DataType]) -> Vec<KeyBox> {
    regions.sort_unstable_by(|(a, until_a), (b, until_b)| match (until_a, until_b) {
        (Some(until_a), Some(until_b)) => until_b.cmp(until_a).then(a.cmp(b)),
        _ => until_a.is_some().cmp(&until_b.is_some()).then(a.cmp(b)),
    });
    let mut elements = Vec::with_capacity(regions.len());
    for group in groups(regions.into_iter().enumerate().collect()) {
        let apart = cut(group.into_iter().map(|(_, region)| region));
        elements.extend(apart.iter().map(|(region, expiry)| region.element(key, *expiry)));
    }
    elements.sort_unstable();
    elements
}

/// A region with when it runs out, and its rank among all.
type Ranked = (usize, (Region, Option<Expiry>));

/// The regions in groups that share no point, each in the order of the ranks: thousands of them are most often apart
/// from each other in some field, and are not compared one by one then.
fn groups(regions: Vec<Ranked>) -> Vec<Vec<Ranked>> {
    // With each group the field that it was parted by last, and how many have not parted it since.
    let (mut open, mut done) = (vec![(regions, 0, 0)], Vec::new());
    while let Some((mut group, field, tried)) = open.pop() {
        if group.len() < 2 || tried == FIELDS {
            group.sort_unstable_by_key(|(rank, _)| *rank);
            done.push(group);
            continue;
        }
        let parts = part(group, field);
        let tried = if parts.len() == 1 { tried + 1 } else { 1 };
        open.extend(parts.into_iter().map(|part| (part, (field + 1) % FIELDS, tried)));
    }
    done
}

/// The same parted by one field: what is in different parts has no number of it in common.
fn part(mut regions: Vec<Ranked>, field: usize) -> Vec<Vec<Ranked>> {
    let bounds = |(_, (region, _)): &Ranked| region.0.get(field).copied().unwrap_or_default();
    regions.sort_unstable_by_key(bounds);
    let (mut parts, mut end): (Vec<Vec<Ranked>>, u128) = (Vec::new(), 0);
    for region in regions {
        let (first, last) = bounds(&region);
        match parts.last_mut().filter(|_| first <= end) {
            Some(part) => part.push(region),
            None => parts.push(vec![region]),
        }
        end = end.max(last);
    }
    parts
}

/// What of each region is in none before it.
fn cut(regions: impl Iterator<Item = (Region, Option<Expiry>)>) -> Vec<(Region, Option<Expiry>)> {
    let mut done: Vec<(Region, Option<Expiry>)> = Vec::new();
    for (region, expiry) in regions {
        let mut pieces = vec![region];
        for (other, _) in &done {
            if pieces.iter().any(|piece| piece.touches(other)) {
                pieces = pieces.into_iter().flat_map(|piece| piece.without(other)).collect();
            }
        }
        done.extend(pieces.into_iter().map(|piece| (piece, expiry)));
    }
    done
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const KEY: [DataType; 4] = [DataType::InetProto, DataType::InetProto, DataType::InetProto, DataType::InetProto];

    fn any_region() -> impl Strategy<Value = (Region, Option<Expiry>)> {
        let bounds = (0u128..6, 0u128..6).prop_map(|(a, b)| (a.min(b), a.max(b)));
        let at = prop::option::of(1i64..4);
        ([bounds.clone(), bounds.clone(), bounds.clone(), bounds], at).prop_map(|(fields, at)| {
            let at =
                at.map(|second| Expiry::new(Timestamp::from_second(second).unwrap(), Timestamp::UNIX_EPOCH).unwrap());
            (Region(fields), at)
        })
    }

    fn holds(region: &Region, point: [u8; 4]) -> bool {
        region.0.iter().zip(point).all(|(bounds, at)| bounds.0 <= at.into() && u128::from(at) <= bounds.1)
    }

    fn in_box(element: &KeyBox, point: [u8; 4]) -> bool {
        let fields = element.first.chunks(4).zip(element.last.chunks(4));
        fields.zip(point).all(|((first, last), at)| first[0] <= at && at <= last[0])
    }

    #[test]
    fn j3_regions_that_are_apart_in_some_field_are_not_compared_one_by_one() {
        let at = |index: u128, field: usize| {
            let mut fields = [(0, 1000); FIELDS];
            if let Some(bounds) = fields.get_mut(field) {
                *bounds = (2 * index, 2 * index);
            }
            (0, (Region(fields), None))
        };
        for field in 0..FIELDS {
            let parted = groups((0..100_000).map(|index| at(index, field)).collect());
            assert!(parted.len() == 100_000 && parted.iter().all(|group| group.len() == 1), "field {field}");
        }
        // Rows and columns: apart in two fields together.
        let grid =
            |index: u128| (0, (Region([(index % 300, index % 300), (index / 300, index / 300), (0, 9), (0, 9)]), None));
        assert_eq!(groups((0..90_000).map(grid).collect()).len(), 90_000);
    }

    proptest! {
        /// For every key: exactly one element has it where any region does, and it stays as long as
        /// the longest of them.
        #[test]
        fn j3_disjoint_boxes_hold_what_the_regions_hold_and_as_long(regions in vec(any_region(), 0..6)) {
            let elements = disjoint(regions.clone(), &KEY);
            prop_assert!(elements.is_sorted());
            for point in 0u32..6 * 6 * 6 * 6 {
                let point = [point / 216 % 6, point / 36 % 6, point / 6 % 6, point % 6].map(|field| field as u8);
                let within: Vec<_> = regions.iter().filter(|(region, _)| holds(region, point)).collect();
                let stays = within.iter().any(|(_, expiry)| expiry.is_none());
                let longest = within.iter().filter_map(|(_, expiry)| *expiry).max();
                let expected = if stays { Some(None) } else { longest.map(Some) };
                let found: Vec<_> = elements.iter().filter(|element| in_box(element, point)).collect();
                prop_assert!(found.len() <= 1);
                prop_assert_eq!(found.first().map(|element| element.expiry), expected);
            }
        }
    }
}
