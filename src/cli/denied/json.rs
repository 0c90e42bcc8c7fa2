//! Denied flows for programs.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::source::{Found, Seen, not_covered};
use crate::config::Mode;
use crate::host::{Host, Services};
use crate::observe::{Denied, Group, Names, Place, protocol_name};

/// The answer, written as it is made: there may be hundreds of thousands of flows.
pub struct Answer<'a> {
    /// The flows, in their order.
    pub found: &'a Found,
    /// Groups in the place of flows.
    pub groups: Option<Vec<Group>>,
    /// Whose names they have.
    pub host: &'a Host,
    /// Its names.
    pub names: &'a Names<'a>,
    /// The names of ports.
    pub services: &'a Services,
    /// How many flows or groups at most.
    pub most: usize,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let docker = self.host.docker.known().is_some();
        match &self.found.seen {
            Seen::Meters { generation, mode, denied, meters } => {
                map.serialize_entry("from", "meters")?;
                map.serialize_entry("generation", generation)?;
                map.serialize_entry("mode", mode)?;
                map.serialize_entry("denied", denied)?;
                map.serialize_entry("meters", &meters.iter().map(Meter::of).collect::<Vec<_>>())?;
                map.serialize_entry("lines", &None::<u64>)?;
                map.serialize_entry("not_understood", &None::<u64>)?;
            }
            Seen::Log { lines, broken, .. } => {
                map.serialize_entry("from", "log")?;
                for key in ["generation", "mode", "denied", "meters"] {
                    map.serialize_entry(key, &None::<u64>)?;
                }
                map.serialize_entry("lines", lines)?;
                map.serialize_entry("not_understood", broken)?;
            }
        }
        map.serialize_entry("docker", &docker)?;
        map.serialize_entry("not_covered", &not_covered(self.host))?;
        match &self.groups {
            Some(groups) => {
                map.serialize_entry("groups", groups.get(..self.most.min(groups.len())).unwrap_or_default())?
            }
            None => map.serialize_entry("flows", &Flows(self))?,
        }
        map.end()
    }
}

/// How full a meter is.
#[derive(Serialize)]
struct Meter<'a> {
    #[serde(flatten)]
    meter: &'a crate::netlink::Meter,
    full: bool,
}

impl<'a> Meter<'a> {
    fn of(meter: &'a crate::netlink::Meter) -> Self {
        Self { meter, full: meter.is_full() }
    }
}

struct Flows<'a>(&'a Answer<'a>);

impl Serialize for Flows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Answer { found, names, services, most, .. } = self.0;
        serializer.collect_seq(found.flows.iter().take(*most).map(|denied| Flow { denied, names, services }))
    }
}

/// One flow.
struct Flow<'a> {
    denied: &'a Denied,
    names: &'a Names<'a>,
    services: &'a Services,
}

impl Serialize for Flow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flow = &self.denied.flow;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source", &flow.source)?;
        map.serialize_entry("destination", &flow.destination)?;
        map.serialize_entry("protocol", &protocol_name(flow.protocol))?;
        map.serialize_entry("port", &flow.port)?;
        map.serialize_entry("service", &flow.port.and_then(|port| self.services.name(port, flow.protocol)))?;
        map.serialize_entry("packets", &self.denied.packets)?;
        map.serialize_entry("bytes", &self.denied.bytes)?;
        map.serialize_entry("first_seen", &self.denied.first)?;
        map.serialize_entry("last_seen", &self.denied.last)?;
        map.serialize_entry("verdict", &verdict(self.denied.mode))?;
        map.serialize_entry("published", &self.names.published(flow))?;
        map.serialize_entry("source_is", &known(self.names.place(flow.source)))?;
        map.serialize_entry("destination_is", &known(self.names.place(flow.destination)))?;
        map.end()
    }
}

/// Nothing where nothing is known.
pub fn known(place: Place<'_>) -> Option<Place<'_>> {
    (place != Place::default()).then_some(place)
}

/// What became of the packets.
pub fn verdict(mode: Option<Mode>) -> Option<&'static str> {
    mode.map(|mode| if mode == Mode::Enforce { "dropped" } else { "audited" })
}
