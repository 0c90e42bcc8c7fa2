//! Boxes of numbers, and how to make overlapping ones disjoint: the kernel's sets with an interval
//! in each field refuse an element that overlaps another one (EEXIST, `nft_pipapo_insert`).

use super::{DataType, Expiry, KeyBox};

/// The most fields that a key has: source, destination, protocol, port.
pub const FIELDS: usize = 4;

/// The lowest and the highest number of a field, both included.
pub type Bounds = (u128, u128);

/// A box: an interval in each field. A key with fewer fields has `(0, 0)` in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    let mut elements: Vec<KeyBox> = done.iter().map(|(region, expiry)| region.element(key, *expiry)).collect();
    elements.sort_unstable();
    elements
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
