//! What grants ask of the sets of exceptions, before it is brought into the form that the kernel takes: each in the
//! cheapest kind of set that can hold it.
//!
//! An address or a network that is granted whole goes into an interval set; an exact port, or an
//! exact flow, into a hash set; everything else, and what runs out, into a set with an interval in
//! each field of its key (`pipapo`, Linux 5.6).

mod list;
mod place;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;

use list::Piece;
pub use list::PieceList;
pub(super) use place::Layout;
pub use place::Place;

use super::region::{Bounds, Region, field_bytes};
use super::{DataType, Expiry, Family};
use crate::interval::{Address, Interval};
use crate::policy::{Grant, Networks, Service};

/// All pieces of some grants.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// By the set that they belong in; none of them empty.
    pub lists: BTreeMap<Place, PieceList>,
    /// How many of the grants are for certain containers only.
    pub by_source: usize,
}

impl Pieces {
    /// Those of the grants that are open at `now`.
    pub fn of<'g>(grants: impl IntoIterator<Item = Cow<'g, Grant>>, now: Timestamp) -> Self {
        let mut pieces = Self::default();
        for grant in grants.into_iter().filter(|grant| grant.is_open(now)) {
            pieces.by_source += usize::from(grant.from.is_some());
            pieces.add::<Ipv4Addr>(&grant, now);
            pieces.add::<Ipv6Addr>(&grant, now);
        }
        pieces
    }

    fn add<A: Field>(&mut self, grant: &Grant, now: Timestamp) {
        let expiry = grant.until.and_then(|until| Expiry::new(until, now));
        let sources: Vec<Option<Interval<A>>> = match &grant.from {
            Some(networks) => A::intervals(networks).iter().copied().map(Some).collect(),
            None => vec![None],
        };
        for opening in &grant.openings {
            for to in A::intervals(&opening.to) {
                for from in &sources {
                    self.add_way(&opening.services, Way { from: *from, to: *to, expiry, host: opening.host });
                }
            }
        }
    }

    fn add_way<A: Field>(&mut self, services: &[Service], way: Way<A>) {
        if services.is_empty() {
            self.add_everything(way);
        }
        for service in services {
            let protocol = u128::from(A::protocol(service));
            match service {
                Service::Ports(ports) => self.add_ports(protocol, (ports.first.into(), ports.last.into()), way),
                Service::Protocol(_) => self.add_protocols((protocol, protocol), way),
            }
        }
    }

    fn add_everything<A: Field>(&mut self, way: Way<A>) {
        match way {
            Way { from: None, to, expiry: None, host: false } => self.push(way, Layout::Address, A::piece(to)),
            _ => self.add_protocols(EVERY_PROTOCOL, way),
        }
    }

    fn add_protocols<A: Field>(&mut self, protocols: Bounds, way: Way<A>) {
        let region = Region([way.source(), way.destination(), protocols, (0, 0)]);
        self.push(way, Layout::Protocol, Piece::Box((region, way.expiry)));
    }

    fn add_ports<A: Field>(&mut self, protocol: u128, ports: Bounds, way: Way<A>) {
        let single = |bounds: Bounds| bounds.0 == bounds.1;
        let (source, destination) = (way.source(), way.destination());
        let exact = single(ports) && single(destination) && way.expiry.is_none() && !way.host;
        if exact && way.from.is_none() {
            let key = key(&way.place(Layout::Port).key(), &[destination.0, protocol, ports.0]);
            self.push(way, Layout::Port, Piece::Key(key));
        } else if exact && single(source) {
            let key = key(&way.place(Layout::Flow).key(), &[source.0, destination.0, protocol, ports.0]);
            self.push(way, Layout::Flow, Piece::Key(key));
        } else {
            let region = Region([source, destination, (protocol, protocol), ports]);
            self.push(way, Layout::Range, Piece::Box((region, way.expiry)));
        }
    }

    fn push<A: Field>(&mut self, way: Way<A>, layout: Layout, piece: Piece) {
        let place = way.place(layout);
        self.lists.entry(place).or_insert_with(|| place.no_pieces()).push(piece);
    }
}

/// An address as a type of keys.
trait Field: Address {
    const FAMILY: Family;
    fn intervals(networks: &Networks) -> &[Interval<Self>];
    fn piece(interval: Interval<Self>) -> Piece;
    fn protocol(service: &Service) -> u8;
}

impl Field for Ipv4Addr {
    const FAMILY: Family = Family::Ipv4;

    fn intervals(networks: &Networks) -> &[Interval<Self>] {
        &networks.ipv4
    }

    fn piece(interval: Interval<Self>) -> Piece {
        Piece::Ipv4(interval)
    }

    fn protocol(service: &Service) -> u8 {
        service.protocol(false)
    }
}

impl Field for Ipv6Addr {
    const FAMILY: Family = Family::Ipv6;

    fn intervals(networks: &Networks) -> &[Interval<Self>] {
        &networks.ipv6
    }

    fn piece(interval: Interval<Self>) -> Piece {
        Piece::Ipv6(interval)
    }

    fn protocol(service: &Service) -> u8 {
        service.protocol(true)
    }
}

/// Where from and where to, and how long.
#[derive(Clone, Copy)]
struct Way<A> {
    from: Option<Interval<A>>,
    to: Interval<A>,
    expiry: Option<Expiry>,
    host: bool,
}

impl<A: Field> Way<A> {
    fn source(&self) -> Bounds {
        numbers(self.from.or(Interval::new(A::MIN, A::MAX)).unwrap_or(self.to))
    }

    fn destination(&self) -> Bounds {
        numbers(self.to)
    }

    fn place(&self, layout: Layout) -> Place {
        Place { host: self.host, family: A::FAMILY, layout }
    }
}

const EVERY_PROTOCOL: Bounds = (0, u8::MAX as u128);

fn numbers<A: Address>(interval: Interval<A>) -> Bounds {
    let number =
        |address: A| address.octets().as_ref().iter().fold(0, |number, octet| number << 8 | u128::from(*octet));
    (number(interval.first()), number(interval.last()))
}

fn key(fields: &[DataType], numbers: &[u128]) -> Vec<u8> {
    fields.iter().zip(numbers).flat_map(|(field, number)| field_bytes(*number, *field)).collect()
}
