//! From the words of the command line to pairs of addresses.

use std::net::{IpAddr, ToSocketAddrs};

use super::Explain;
use crate::host::{self, Host, Way};
use crate::observe::explain::{Asked, End, Found, Missed, Place, Routes, Unknown, Who, find, unknown_source};

/// What is asked; or what never comes to a hook, with the ends as far as they are known.
pub enum Question {
    /// A packet between two addresses.
    Of(Asked),
    /// Packets of a container that has nothing to do with the host's hooks.
    Missed {
        /// The source, in words.
        source: String,
        /// The destination, in words.
        destination: String,
        /// Why.
        why: Missed,
    },
}

/// How many addresses of a name are explained.
const MOST_ADDRESSES: usize = 4;

/// Resolves the ends, each pair of one family.
///
/// # Errors
/// [`Unknown`] where a name stands for nothing, or the ends have no family in common.
pub fn resolve(asked: &Explain, host: &Host) -> Result<Vec<Question>, Unknown> {
    let incoming = asked.incoming.as_deref();
    let missed =
        |source: String, why| vec![Question::Missed { source, destination: asked.destination.place.to_string(), why }];
    let sources = match find(&asked.source, host, incoming)? {
        Found::Ends(ends) => ends,
        Found::OnHost(container) => {
            return Ok(missed(format!("container {container}"), Missed::HostNetwork(container)));
        }
        Found::Beside { container, network, driver } => {
            return Ok(missed(format!("container {container} on {network}"), Missed::Beside { network, driver }));
        }
        Found::Elsewhere(name) => return Err(unknown_source(&name, host)),
    };
    let bridge = sources.first().and_then(|source| bridge_of(source, host));
    let destinations = match find(&asked.destination.place, host, incoming.or(bridge))? {
        Found::Ends(ends) => ends,
        // Its ports are the host's.
        Found::OnHost(_) => match find(&Place::Host, host, incoming.or(bridge))? {
            Found::Ends(ends) => ends,
            Found::OnHost(_) | Found::Beside { .. } | Found::Elsewhere(_) => Vec::new(),
        },
        Found::Beside { container, network, .. } => {
            return Err(Unknown {
                problem: format!(
                    "container {container} is on {network}, on the host's own link: its address is one of that network's"
                ),
                cure: "write its address there".to_owned(),
            });
        }
        Found::Elsewhere(name) => look_up(&name, host)?,
    };
    let pairs: Vec<Question> = pair(&sources, &destinations)
        .take(MOST_ADDRESSES)
        .map(|(source, destination)| {
            Question::Of(Asked {
                source: source.clone(),
                destination: destination.clone(),
                service: asked.destination.service,
                incoming: asked.incoming.clone(),
                outgoing: asked.outgoing.clone(),
                answers: asked.reply,
            })
        })
        .collect();
    match (pairs.is_empty(), sources.first(), destinations.first()) {
        (true, Some(source), Some(destination)) => Err(Unknown {
            problem: format!("{source} and {destination} have no family of addresses in common"),
            cure: "give both an IPv4 or an IPv6 address".to_owned(),
        }),
        _ => Ok(pairs),
    }
}

/// Each destination with the first source of its family; of the host, and of a container, one a family.
fn pair<'a>(sources: &'a [End], destinations: &'a [End]) -> impl Iterator<Item = (&'a End, &'a End)> {
    let family = |end: &End| end.address.is_ipv6();
    let is_repeated = move |(index, destination): &(usize, &End)| {
        let before = destinations.iter().take(*index);
        !matches!(destination.who, Who::Named(_))
            && before.into_iter().any(|other| family(other) == family(destination))
    };
    let once = destinations.iter().enumerate().filter(move |destination| !is_repeated(destination));
    once.filter_map(move |(_, destination)| {
        Some((sources.iter().find(|source| family(source) == family(destination))?, destination))
    })
}

fn bridge_of<'a>(end: &End, host: &'a Host) -> Option<&'a str> {
    let networks = &host.docker.known()?.networks;
    networks.iter().find(|network| Some(network.name.as_str()) == end.network())?.bridge.as_deref()
}

/// The addresses that the host's own resolver gives a name. A container may be given others.
fn look_up(name: &str, host: &Host) -> Result<Vec<End>, Unknown> {
    let found =
        (name, 0).to_socket_addrs().map(|found| found.map(|found| found.ip().to_canonical()).collect::<Vec<IpAddr>>());
    let mut addresses = found.unwrap_or_default();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        let Unknown { problem, cure } = unknown_source(name, host);
        return Err(Unknown { problem: format!("{problem}, and the host's resolver knows no `{name}` either"), cure });
    }
    Ok(addresses.into_iter().map(|address| End { address, who: Who::Named(name.to_owned()) }).collect())
}

/// The kernel's routes. What it does not say is not known.
pub struct Kernels;

impl Routes for Kernels {
    fn way(&self, source: IpAddr, incoming: u32, destination: IpAddr) -> Option<Way> {
        host::way(source, incoming, destination).ok().flatten()
    }

    fn link_to(&self, address: IpAddr) -> Option<String> {
        host::route_to(address).ok().flatten()
    }

    fn forwards(&self, ipv6: bool) -> bool {
        host::forwards(ipv6)
    }
}
