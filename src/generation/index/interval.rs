//! Intervals as records: the first and the last address, and where they may overlap how far all up to this one reach.

use crate::interval::{Address, Interval};

/// The bytes of a record of addresses of that many bytes.
pub(super) const fn plain_size(address: usize) -> usize {
    2 * address
}

/// The same with how far they reach.
pub(super) const fn reaching_size(address: usize) -> usize {
    3 * address
}

/// Two or three addresses as one record.
pub(super) fn write<A: Address>(interval: Interval<A>, reach: Option<A>) -> Vec<u8> {
    let addresses = [Some(interval.first()), Some(interval.last()), reach];
    addresses.into_iter().flatten().flat_map(|address| address.octets().as_ref().to_vec()).collect()
}

/// The interval of a record.
pub(super) fn read<A: Address>(record: &[u8]) -> Option<Interval<A>> {
    Interval::new(address(record, 0)?, address(record, 1)?)
}

/// How far the records reach up to this one.
pub(super) fn reach<A: Address>(record: &[u8]) -> Option<A> {
    address(record, 2)
}

fn address<A: Address>(record: &[u8], index: usize) -> Option<A> {
    let len = A::MIN.octets().as_ref().len();
    A::from_octets(record.get(index * len..(index + 1) * len)?)
}

/// Each interval of a sorted list with how far all up to it reach.
pub(super) fn reaching<A: Address>(intervals: &[Interval<A>]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut reach = A::MIN;
    intervals.iter().map(move |interval| {
        reach = reach.max(interval.last());
        write(*interval, Some(reach))
    })
}

/// Whether the two overlap or are neighbours, so that they become one in a set.
pub(super) fn touch<A: Address>(a: Interval<A>, b: Interval<A>) -> bool {
    let reaches = |a: Interval<A>, b: Interval<A>| a.last().successor().is_none_or(|behind| behind >= b.first());
    reaches(a, b) && reaches(b, a)
}

/// The smallest interval with both in it.
pub(super) fn join<A: Address>(a: Interval<A>, b: Interval<A>) -> Interval<A> {
    Interval::new(a.first().min(b.first()), a.last().max(b.last())).unwrap_or(a)
}
