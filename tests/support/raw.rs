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
