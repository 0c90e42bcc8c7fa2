//! The grant that would let a denied packet pass. Each that is proposed was tried on the model first.

use jiff::Timestamp;

use super::{Asked, Met, Who};
use crate::config::{self, Destination, Mode, Origin, Ports, Protocol, Source, Target};
use crate::host::Host;
use crate::policy::{Policy, resolve_grant};
use crate::ruleset::explain::{Fate, Flow, Rates, walk};
use crate::ruleset::{Features, Hook, compile};

/// The narrowest grant with which the packet passes where denied packets are dropped; none where no grant
/// is of any use.
pub fn remedy(asked: &Asked, met: &Met, policy: &Policy, host: &Host, now: Timestamp) -> Option<config::Grant> {
    let source = asked.source.as_source().parse::<Source>().ok();
    // A grant for certain sources is not for one that the packet's link has nobody for.
    let candidates = [source.map(Some), Some(None)].into_iter().flatten();
    let grants =
        candidates.flat_map(|from| destinations(asked, met).into_iter().map(move |to| grant(to, from.clone(), asked)));
    grants.into_iter().find(|grant| {
        let Ok(resolved) = resolve_grant(grant, host) else {
            return false;
        };
        let granted = Policy { mode: Mode::Enforce, ..policy.with_grant(resolved) };
        let table = compile(&granted, Features::ALL, now);
        walk(&table, &met.packet, now, Rates::Within).fate == Fate::Passes
    })
}

/// Where to, the narrowest first.
fn destinations(asked: &Asked, met: &Met) -> Vec<Destination> {
    let address = match met.packet.flow {
        Flow::Tracked(flow) if flow.translated => flow.destination,
        _ => met.packet.destination,
    };
    let address = Destination::Addresses(Target::from(address));
    // What is for everybody on the link has no address of the host's.
    let is_host = met.packet.hook == Hook::INPUT || asked.destination.who == Who::Host;
    if is_host { vec![address, Destination::Host] } else { vec![address] }
}

fn grant(to: Destination, from: Option<Source>, asked: &Asked) -> config::Grant {
    let ports = asked
        .service
        .and_then(|service| service.port.map(|port| Ports { protocol: service.protocol, first: port, last: port }));
    let protocol: Option<Protocol> = asked.service.filter(|_| ports.is_none()).map(|service| service.protocol);
    config::Grant {
        name: "to allow what is asked".to_owned(),
        to,
        ports: ports.into_iter().collect(),
        protocol,
        from,
        until: None,
        required: false,
        comment: None,
        origin: Origin::BuiltIn,
    }
}

/// The arguments of `dockwall grant` that make it.
pub fn arguments(grant: &config::Grant) -> String {
    let ports = grant.ports.iter().map(|ports| format!(" --port {ports}"));
    let protocol = grant.protocol.map(|protocol| format!(" --protocol {protocol}"));
    let from = grant.from.as_ref().map(|from| format!(" --from {from}"));
    let options: String = ports.chain(protocol).chain(from).collect();
    format!("{}{options}", grant.to)
}
