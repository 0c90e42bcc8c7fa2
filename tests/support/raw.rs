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

/// The rules without the one thing that nft 1.0.6 puts into them and this program does not: behind the
/// protocol in a key for a set with an interval in each field it writes `byteorder reg N = hton(reg N, 2, 1)`.
/// That turns numbers of 2 bytes around in a field of 1 byte, which are none.
pub fn without_no_ops(mut rules: Vec<Object>) -> Vec<Object> {
    // NFTA_RULE_EXPRESSIONS.
    rules.iter_mut().filter_map(|rule| rule.get_mut(&4)).for_each(|expressions| {
        let all = Attributes::new(expressions).map(|expression| padded(&expression.unwrap()));
        *expressions = all.filter(|expression| !is_no_op(expression)).collect::<Vec<_>>().concat();
    });
    rules
}

/// The attribute with its header, as a member of a list.
fn padded(attribute: &Attribute) -> Vec<u8> {
    let len = (4 + attribute.payload.len()) as u16;
    // NFTA_LIST_ELEM.
    let mut bytes = [len.to_ne_bytes(), 1u16.to_ne_bytes()].concat();
    bytes.extend_from_slice(attribute.payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Whether it is that expression, for whatever register.
fn is_no_op(expression: &[u8]) -> bool {
    let attributes = Attributes::new(expression.get(4..).unwrap_or_default());
    let (Some(name), Some(data)) = (attributes.find(1).unwrap(), attributes.find(2).unwrap()) else {
        return false;
    };
    // NFTA_BYTEORDER_SREG to NFTA_BYTEORDER_SIZE; NFT_BYTEORDER_HTON is 1.
    let number = |kind| data.nested().find(kind).unwrap().unwrap().u32().unwrap();
    name.string().unwrap() == "byteorder" && number(1) == number(2) && [number(3), number(4), number(5)] == [1, 1, 2]
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
