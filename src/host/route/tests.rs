//! Route messages as the kernel sends them.

use std::net::IpAddr;

use netlink_packet_core::Emitable;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteNextHop};

use super::*;

/// A unicast IPv4 route of the main table, with these attributes.
fn message(destination_prefix_length: u8, attributes: Vec<RouteAttribute>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = destination_prefix_length;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.kind = RouteType::Unicast;
    message.header.protocol = RouteProtocol::Kernel;
    message.attributes = attributes;
    message
}

fn decoded(message: &RouteMessage) -> Vec<Route> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    Route::decode(&bytes).unwrap()
}

fn address(text: &str) -> RouteAddress {
    match text.parse().unwrap() {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    }
}

fn via(link: u32, gateway: Option<&str>) -> Vec<RouteAttribute> {
    let gateway = gateway.map(|gateway| RouteAttribute::Gateway(address(gateway)));
    [RouteAttribute::Oif(link)].into_iter().chain(gateway).collect()
}

fn to(network: &str) -> RouteAttribute {
    RouteAttribute::Destination(address(network))
}

#[test]
fn a_default_route_has_no_destination() {
    let route = &decoded(&message(0, via(2, Some("10.0.0.1"))))[0];
    assert!(route.is_default() && !route.is_on_link());
    let everywhere = "0.0.0.0/0".parse().unwrap();
    let expected =
        Route { link: 2, destination: everywhere, gateway: true, table: Route::MAIN, origin: Origin::Kernel };
    assert_eq!(*route, expected);
}

#[test]
fn a_default_route_over_several_links_is_on_each() {
    let hop = |link, gateway: Option<&str>| {
        let mut hop = RouteNextHop::default();
        hop.interface_index = link;
        hop.attributes = gateway.map(|gateway| RouteAttribute::Gateway(address(gateway))).into_iter().collect();
        hop
    };
    let hops = RouteAttribute::MultiPath(vec![hop(2, Some("10.0.0.1")), hop(3, None), hop(4, Some("10.2.0.1"))]);
    let read = decoded(&message(0, vec![hops]));
    let read: Vec<_> = read.iter().map(|route| (route.link, route.gateway)).collect();
    assert_eq!(read, [(2, true), (3, false), (4, true)]);
}

#[test]
fn the_network_of_a_link_is_kept_and_one_behind_a_router_is_not() {
    let network = [vec![to("10.0.0.0")], via(2, None)].concat();
    assert!(decoded(&message(24, network))[0].is_on_link());
    let behind = [vec![to("10.0.0.0")], via(2, Some("10.1.0.1"))].concat();
    assert_eq!(decoded(&message(24, behind)), []);
}

#[test]
fn only_kernel_and_advertisement_say_what_is_on_the_link() {
    for (protocol, on_link) in [
        (RouteProtocol::Kernel, true),
        (RouteProtocol::Ra, true),
        (RouteProtocol::Boot, false),
        (RouteProtocol::Static, false),
    ] {
        let mut tunnel = message(1, [vec![to("128.0.0.0")], via(2, None)].concat());
        tunnel.header.protocol = protocol;
        assert_eq!(decoded(&tunnel)[0].is_on_link(), on_link, "{protocol:?}");
    }
}

#[test]
fn a_table_above_255_is_known() {
    let mut large = message(0, [via(2, None), vec![RouteAttribute::Table(51820)]].concat());
    large.header.table = 252;
    assert_eq!(decoded(&large)[0].table, 51820);
}

#[test]
fn what_is_no_route_of_packets_is_passed_over() {
    let plain = || message(0, via(2, None));
    let mut local = plain();
    local.header.kind = RouteType::Unreachable;
    let mut cloned = plain();
    cloned.header.flags = RouteFlags::Cloned;
    let mut multicast = plain();
    multicast.header.address_family = AddressFamily::Other(128);
    for passed_over in [local, cloned, multicast, message(0, vec![])] {
        assert_eq!(decoded(&passed_over), [], "{passed_over:?}");
    }
}

#[test]
fn hops_cut_short_are_an_error() {
    for bytes in [&[8, 0, 0, 0, 1, 0, 0][..], &[7, 0, 0, 0, 1, 0, 0, 0], &[0, 0, 0, 0, 1, 0, 0, 0]] {
        assert!(next_hops(bytes).is_err(), "{bytes:?}");
    }
}
