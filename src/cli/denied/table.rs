//! Denied flows as a table.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::cli::page::{self, grouped};
use crate::host::Services;
use crate::observe::{Denied, Folded, Group, Names, Place, protocol_name};

/// From so many columns on there is room for all that is known.
const WIDE: u16 = 120;
/// With fewer than so many there is none for a container's network and project.
const NARROW: u16 = 100;

/// The table of flows, at most so many.
pub fn of_flows(flows: &[Folded], most: usize, names: &Names, services: &Services) -> Vec<String> {
    let shown = flows.iter().take(most);
    // In a pipe there is room for all.
    let width = page::width().unwrap_or(u16::MAX);
    if width >= WIDE {
        let headers =
            ["from", "address", "network", "project", "image", "to", "port", "service", "packets", "bytes", "last"];
        page::row_lines(&headers, shown.map(|flow| wide(flow, names, services)))
    } else {
        let headers = ["from", "to", "port", "packets", "last"];
        page::row_lines(&headers, shown.map(|flow| narrow(flow, width >= NARROW, names, services)))
    }
}

fn wide(folded: &Folded, names: &Names, services: &Services) -> Vec<String> {
    let denied = &folded.denied;
    let place = names.place(denied.flow.source);
    let word = |word: Option<&str>| word.unwrap_or("-").to_owned();
    vec![
        word(place.container),
        denied.flow.source.to_string(),
        word(place.network),
        word(place.project),
        word(place.image),
        destination(denied, names),
        port(folded, names),
        word(service(folded, services)),
        number(denied.packets),
        number(denied.bytes),
        last(denied.last),
    ]
}

fn narrow(folded: &Folded, has_room: bool, names: &Names, services: &Services) -> Vec<String> {
    let denied = &folded.denied;
    let address = denied.flow.source;
    let name = || names.place(address).container.map_or_else(|| address.to_string(), str::to_owned);
    let service = service(folded, services).map(|service| format!(" {service}")).unwrap_or_default();
    vec![
        if has_room { source(address, names) } else { name() },
        destination(denied, names),
        format!("{}{service}", port(folded, names)),
        number(denied.packets),
        last(denied.last),
    ]
}

/// A container with its network and project, or the address that is none's.
pub fn source(address: IpAddr, names: &Names) -> String {
    let Place { container, network, project, .. } = names.place(address);
    let around: Vec<&str> = [network, project].into_iter().flatten().collect();
    let name = container.map_or_else(|| address.to_string(), str::to_owned);
    if around.is_empty() { name } else { format!("{name} ({})", around.join(", ")) }
}

/// The address, and whose it is where that is known.
pub fn destination(denied: &Denied, names: &Names) -> String {
    let address = denied.flow.destination;
    let place = names.place(address);
    match place.container {
        _ if place.host => format!("host {address}"),
        Some(container) => format!("{container} {address}"),
        None => address.to_string(),
    }
}

fn port(folded: &Folded, names: &Names) -> String {
    let denied = &folded.denied;
    let protocol = protocol_name(denied.flow.protocol);
    if let ([first, .., last], count) = (folded.ports.as_slice(), folded.ports.len()) {
        return format!("{} ports, {first}-{last}/{protocol}", grouped(count as u64));
    }
    let Some(port) = denied.flow.port else {
        return protocol;
    };
    match names.published(&denied.flow) {
        Some(published) => format!("{port}/{protocol} (published {published})"),
        None => format!("{port}/{protocol}"),
    }
}

fn service<'s>(folded: &Folded, services: &'s Services) -> Option<&'s str> {
    let flow = &folded.denied.flow;
    services.name(flow.port.filter(|_| folded.ports.is_empty())?, flow.protocol)
}

/// The table of groups, at most so many.
pub fn of_groups(by: &str, groups: &[Group], most: usize) -> Vec<String> {
    let count = |count: usize| grouped(count as u64);
    let headers = [by, "flows", "sources", "destinations", "ports", "packets", "bytes", "last"];
    page::row_lines(
        &headers,
        groups.iter().take(most).map(|group| {
            vec![
                group.name.clone(),
                count(group.flows),
                count(group.sources),
                count(group.destinations),
                count(group.ports),
                number(group.packets),
                number(group.bytes),
                last(group.last_seen),
            ]
        }),
    )
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "?".to_owned(), grouped)
}

/// How long ago.
fn last(last: Option<Timestamp>) -> String {
    last.map_or_else(|| "?".to_owned(), page::ago)
}
