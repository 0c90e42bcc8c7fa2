//! The objects of our table as the bytes that the kernel sends, read past the code under test.

use std::collections::BTreeMap;

use dockwall::netlink::attribute::{Attribute, Attributes, Writer};
use dockwall::netlink::message::{self, DONE, DUMP, ERROR, FAMILY_INET, Kind, Messages};
use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};

use super::Netns;

/// The attributes of each object, by type, without those that only number it.
pub type Object = BTreeMap<u16, Vec<u8>>;

/// The rules of our table, in the order in which the kernel holds them.
pub fn rules(netns: &Netns) -> Vec<Object> {
    // NFTA_RULE_TABLE; NFTA_RULE_HANDLE, NFTA_RULE_POSITION and NFTA_RULE_PAD.
    dump(netns, Kind::GetRule, 1, &[3, 6, 8])
}

/// The declarations of its sets, the kernel's choice of a kind of set among them.
pub fn sets(netns: &Netns) -> Vec<Object> {
    // NFTA_SET_TABLE; NFTA_SET_PAD and NFTA_SET_HANDLE, and NFTA_SET_USERDATA: nft keeps a hint there
    // for listing concatenations, which is different from version to version. NFTA_SET_NELEMS: nft
    // puts an end at the lowest address, which ends nothing.
    dump(netns, Kind::GetSet, 1, &[14, 16, 13, 20])
}

/// Its chains.
pub fn chains(netns: &Netns) -> Vec<Object> {
    // NFTA_CHAIN_TABLE; NFTA_CHAIN_HANDLE and NFTA_CHAIN_PAD.
    dump(netns, Kind::GetChain, 1, &[2, 9])
}

/// The rules without what versions of `nft` write otherwise than this program and mean the same:
///
/// - behind the protocol in a key for a set with an interval in each field, 1.0 writes `byteorder reg N =
///   hton(reg N, 2, 1)`, which turns numbers of 2 bytes around in a field of 1 byte, which are none;
/// - for an interval 1.1 writes `range eq reg N A B`, where before it were `cmp gte reg N A` and `cmp lte reg N B`;
/// - of what `fib … present` loads, 1.1.7 compares the first byte, where before it were all four.
pub fn normal(mut rules: Vec<Object>) -> Vec<Object> {
    // NFTA_RULE_EXPRESSIONS.
    rules.iter_mut().filter_map(|rule| rule.get_mut(&4)).for_each(|expressions| {
        let all: Vec<Raw> = Attributes::new(expressions).map(|expression| Raw::read(&expression.unwrap())).collect();
        let mut normal: Vec<Raw> = Vec::new();
        for expression in all {
            let behind_fib = normal.last().is_some_and(|before| before.name == "fib");
            match expression.name.as_str() {
                "byteorder" if expression.is_no_op() => {}
                "range" => normal.extend(expression.into_compares()),
                "cmp" if behind_fib => normal.push(expression.widened()),
                _ => normal.push(expression),
            }
        }
        *expressions = normal.iter().flat_map(|expression| list_member(&expression.bytes())).collect();
    });
    rules
}

/// An expression: `NFTA_EXPR_NAME`, and `NFTA_EXPR_DATA` as its attributes by their types.
struct Raw {
    name: String,
    data: Object,
}

impl Raw {
    fn read(attribute: &Attribute) -> Self {
        let attributes = attribute.nested();
        let data = attributes.find(2).unwrap().map(|data| object(data.nested(), &[])).unwrap_or_default();
        Self { name: attributes.find(1).unwrap().unwrap().string().unwrap(), data }
    }

    fn bytes(&self) -> Vec<u8> {
        let data: Vec<u8> = self.data.iter().flat_map(|(kind, payload)| with_header(*kind, payload)).collect();
        [with_header(1, self.name.as_bytes()), with_header(2, &data)].concat()
    }

    fn number(&self, kind: u16) -> u32 {
        u32::from_be_bytes(self.data[&kind].as_slice().try_into().unwrap())
    }

    /// From NFTA_BYTEORDER_SREG to NFTA_BYTEORDER_SIZE; NFT_BYTEORDER_HTON is 1.
    fn is_no_op(&self) -> bool {
        self.number(1) == self.number(2) && [3, 4, 5].map(|kind| self.number(kind)) == [1, 1, 2]
    }

    /// NFTA_RANGE_SREG, _OP, _FROM_DATA and _TO_DATA; NFTA_CMP_SREG, _OP and _DATA. NFT_CMP_LTE is 3 and NFT_CMP_GTE 5.
    fn into_compares(self) -> [Self; 2] {
        assert_eq!(self.number(2), 0, "the range is not NFT_RANGE_EQ");
        [(5u32, 3), (3, 4)].map(|(op, bound)| {
            let data = [(1, self.data[&1].clone()), (2, op.to_be_bytes().to_vec()), (3, self.data[&bound].clone())];
            Self { name: "cmp".to_owned(), data: data.into() }
        })
    }

    /// NFTA_DATA_VALUE of one byte is one of four.
    fn widened(mut self) -> Self {
        if let [5, 0, 1, 0, present, ..] = self.data[&3][..] {
            self.data.insert(3, with_header(1, &u32::from(present).to_ne_bytes()));
        }
        self
    }
}

fn list_member(payload: &[u8]) -> Vec<u8> {
    // NFTA_LIST_ELEM.
    with_header(1, payload)
}

/// The attribute with its header.
fn with_header(kind: u16, payload: &[u8]) -> Vec<u8> {
    let len = (4 + payload.len()) as u16;
    let mut bytes = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn dump(netns: &Netns, kind: Kind, in_table: u16, numbering: &[u16]) -> Vec<Object> {
    let socket = netns.enter(|| {
        let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
        socket.bind_auto().unwrap();
        socket
    });
    let ours = |writer: &mut Writer| writer.string(in_table, "dockwall");
    socket.send(&message::append(Vec::new(), kind.number(), DUMP, 1, FAMILY_INET, 0, ours), 0).unwrap();
    let mut objects = Vec::new();
    loop {
        let mut datagram = Vec::with_capacity(64 * 1024);
        socket.recv(&mut datagram, 0).unwrap();
        for message in Messages(&datagram) {
            match message.kind {
                DONE => return objects,
                ERROR => panic!("the kernel does not list {kind:?}"),
                _ => objects.push(object(message.attributes(), numbering)),
            }
        }
    }
}

fn object(attributes: Attributes, numbering: &[u16]) -> Object {
    let attributes: Vec<Attribute> = attributes.map(Result::unwrap).collect();
    let defining = attributes.iter().filter(|attribute| !numbering.contains(&attribute.kind));
    defining.map(|attribute| (attribute.kind, attribute.payload.to_vec())).collect()
}
