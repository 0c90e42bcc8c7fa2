//! The meters: denied flows as the kernel remembers them.
//!
//! They may be hundreds of thousands, so what is read of each is what is shown of it, and no model of
//! a set is built.

use std::net::IpAddr;

use super::attribute::{Attribute, Attributes, Malformed, Result, required};
use super::element::{
    NFTA_DATA_VALUE, NFTA_LIST_ELEM, NFTA_SET_ELEM_EXPIRATION, NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_LIST_ELEMENTS,
    NFTA_SET_ELEM_TIMEOUT, encode_set,
};
use super::error::Error;
use super::frame::Frame;
use super::kernel::{ATTEMPTS, Kernel, back_off};
use super::message::{DUMP, FAMILY_INET, Kind};
use super::read::{INTERRUPTED, NO_ENTRY};
use crate::host::Flow;
use crate::ruleset::{Family, Set, TABLE_NAME, sets};

/// How often meters are read again that were growing.
const ATTEMPTS_AT_REST: u32 = 10;

/// One expression of an element, as kernels have them that know only one.
const NFTA_SET_ELEM_EXPR: u16 = 7;
/// All of them (5.11).
const NFTA_SET_ELEM_EXPRESSIONS: u16 = 11;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_COUNTER_BYTES: u16 = 1;
const NFTA_COUNTER_PACKETS: u16 = 2;

/// What a meter holds of one flow. The kernel keeps no time of its first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// The flow, by the destination that was asked for.
    pub flow: Flow,
    /// Packets and bytes; none where the kernel does not count them by flow (before 5.11).
    pub count: Option<(u64, u64)>,
    /// The time since its last packet, in milliseconds.
    pub age: u64,
}

/// How full a meter is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Meter {
    /// The set's name.
    pub name: String,
    /// How many flows were listed.
    pub flows: usize,
    /// How many it can hold.
    pub size: u32,
    /// How long a flow stays listed after its last packet, in seconds.
    pub remember: u64,
}

impl Meter {
    /// Whether further flows are denied without being remembered.
    pub fn is_full(&self) -> bool {
        self.flows >= self.size as usize
    }
}

/// All that the meters hold, and the rest of the table around them.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The table without what its sets hold.
    pub frame: Frame,
    /// The meters that are there.
    pub meters: Vec<Meter>,
    /// The flows, sorted, each once.
    pub flows: Vec<Remembered>,
}

impl Kernel {
    /// What the meters of our table hold; none where there is no table of ours. Packets go on being
    /// counted meanwhile, so each flow is as it was at an instant of its own.
    ///
    /// # Errors
    /// As [`Kernel::read_ours`].
    pub fn remembered(&mut self) -> std::result::Result<Option<Memory>, Error> {
        'table: for attempt in 0..ATTEMPTS {
            let frame = self.read_frame()?;
            let Some(table) = &frame.live().table else {
                return Ok(None);
            };
            let (mut meters, mut flows) = (Vec::new(), Vec::new());
            for (set, family) in table.sets.iter().filter_map(|set| Some((set, family_of(set)?))) {
                let begun = flows.len();
                match self.read_meter(set, family, &mut flows) {
                    Ok(()) => meters.push(meter(set, flows.len() - begun)),
                    // The meters were made anew meanwhile.
                    Err(Error::Unreadable { errno: NO_ENTRY, .. }) => {
                        back_off(attempt);
                        continue 'table;
                    }
                    Err(error) => return Err(error),
                }
            }
            flows.sort_unstable_by_key(|remembered| remembered.flow);
            let met = flows.len();
            flows.dedup_by_key(|remembered| remembered.flow);
            // As with `Unusable::Torn`; under a flood it may not come to rest, and most of them are better than none.
            if flows.len() < met && attempt < ATTEMPTS_AT_REST {
                back_off(attempt);
                continue 'table;
            }
            return Ok(Some(Memory { frame, meters, flows }));
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Adds what one of them holds; from the start where somebody changed the ruleset meanwhile.
    fn read_meter(&mut self, set: &Set, family: Family, flows: &mut Vec<Remembered>) -> std::result::Result<(), Error> {
        let begun = flows.len();
        let what = format!("the flows in {}", set.name);
        for attempt in 0..ATTEMPTS {
            flows.truncate(begun);
            let which = |writer: &mut super::attribute::Writer| encode_set(writer, TABLE_NAME, &set.name);
            let read = self.request(Kind::GetSetElem, DUMP, FAMILY_INET, &what, which, |attributes| {
                take(attributes, family, set.timeout.unwrap_or_default(), flows)
            });
            match read {
                Err(Error::Unreadable { errno: INTERRUPTED, .. }) => back_off(attempt),
                read => return read,
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }
}

/// The family of the flows in a meter of ours; none of any other set.
fn family_of(set: &Set) -> Option<Family> {
    let is_of = |family: &Family| [sets::denied(*family), sets::denied_other(*family)].contains(&set.name);
    Family::BOTH.into_iter().find(|family| set.is_dynamic() && is_of(family))
}

fn meter(set: &Set, flows: usize) -> Meter {
    let remember = set.timeout.unwrap_or_default() / 1000;
    Meter { name: set.name.clone(), flows, size: set.size.unwrap_or(u32::MAX), remember }
}

/// Takes the flows of one message. `remember` is the set's timeout in milliseconds.
fn take(attributes: Attributes, family: Family, remember: u64, flows: &mut Vec<Remembered>) -> Result<()> {
    let Some(list) = attributes.find(NFTA_SET_ELEM_LIST_ELEMENTS)? else {
        return Ok(());
    };
    for element in list.nested() {
        let element = element?;
        if element.kind == NFTA_LIST_ELEM {
            flows.push(decode(&element, family, remember)?);
        }
    }
    Ok(())
}

fn decode(element: &Attribute, family: Family, remember: u64) -> Result<Remembered> {
    let (mut flow, mut count, mut timeout, mut left) = (None, None, remember, None);
    for attribute in element.nested() {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_SET_ELEM_KEY => {
                let value = attribute.nested().find(NFTA_DATA_VALUE)?;
                flow = value.map(|value| decode_key(value.payload, family)).transpose()?;
            }
            NFTA_SET_ELEM_TIMEOUT => timeout = attribute.u64()?,
            NFTA_SET_ELEM_EXPIRATION => left = Some(attribute.u64()?),
            NFTA_SET_ELEM_EXPR => count = counter(&attribute)?,
            NFTA_SET_ELEM_EXPRESSIONS => {
                for expression in attribute.nested() {
                    count = count.or(counter(&expression?)?);
                }
            }
            _ => {}
        }
    }
    let age = left.map_or(0, |left| timeout.saturating_sub(left));
    Ok(Remembered { flow: required(flow, "key of a flow")?, count, age })
}

/// Source, destination, protocol and, where there is one, port, each padded to 4 bytes.
fn decode_key(key: &[u8], family: Family) -> Result<Flow> {
    let cut = || Malformed(format!("a flow's key of {} bytes", key.len()));
    let (source, destination, rest) = match family {
        Family::Ipv4 => {
            let (source, rest) = key.split_first_chunk::<4>().ok_or_else(cut)?;
            let (destination, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            (IpAddr::from(*source), IpAddr::from(*destination), rest)
        }
        Family::Ipv6 => {
            let (source, rest) = key.split_first_chunk::<16>().ok_or_else(cut)?;
            let (destination, rest) = rest.split_first_chunk::<16>().ok_or_else(cut)?;
            (IpAddr::from(*source), IpAddr::from(*destination), rest)
        }
    };
    let (protocol, port) = match rest {
        [protocol, _, _, _] => (*protocol, None),
        [protocol, _, _, _, high, low, _, _] => (*protocol, Some(u16::from_be_bytes([*high, *low]))),
        _ => return Err(cut()),
    };
    Ok(Flow { source, destination, protocol, port })
}

/// Packets and bytes, where the expression is a counter.
fn counter(expression: &Attribute) -> Result<Option<(u64, u64)>> {
    let is_counter = expression.nested().find(NFTA_EXPR_NAME)?.is_some_and(|name| name.payload == b"counter\0");
    let Some(data) = expression.nested().find(NFTA_EXPR_DATA)?.filter(|_| is_counter) else {
        return Ok(None);
    };
    let number = |kind| data.nested().find(kind)?.map(|number| number.u64()).transpose();
    Ok(number(NFTA_COUNTER_PACKETS)?.zip(number(NFTA_COUNTER_BYTES)?))
}

/// Reads bytes as elements of both families: what a fuzzer throws at it.
pub(super) fn decode_any(attributes: Attributes) -> Result<()> {
    Family::BOTH.into_iter().try_for_each(|family| take(attributes, family, 0, &mut Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::super::attribute::Writer;
    use super::*;

    fn element(key: &[u8], timeout: Option<u64>, left: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |writer| {
            writer.nest(NFTA_LIST_ELEM, |writer| {
                writer.nest(NFTA_SET_ELEM_KEY, |writer| writer.bytes(NFTA_DATA_VALUE, key));
                timeout.into_iter().for_each(|timeout| writer.u64(NFTA_SET_ELEM_TIMEOUT, timeout));
                writer.u64(NFTA_SET_ELEM_EXPIRATION, left);
                writer.nest(NFTA_SET_ELEM_EXPRESSIONS, |writer| {
                    for (name, packets) in [("limit", 7), ("counter", 412)] {
                        writer.nest(1, |writer| {
                            writer.string(NFTA_EXPR_NAME, name);
                            writer.nest(NFTA_EXPR_DATA, |writer| {
                                writer.u64(NFTA_COUNTER_BYTES, 60 * packets);
                                writer.u64(NFTA_COUNTER_PACKETS, packets);
                            });
                        });
                    }
                });
            });
        });
        writer.into_bytes()
    }

    #[test]
    fn a_flow_is_read_with_its_count_and_the_age_of_its_last_packet() {
        let ipv4 = [172, 21, 0, 3, 10, 57, 17, 6, 6, 0, 0, 0, 0x15, 0x38, 0, 0];
        let other = &ipv4[..12];
        let mut ipv6 = vec![0xfd; 32];
        ipv6.extend([17, 0, 0, 0, 0, 53, 0, 0]);
        let read = |key: &[u8], family, timeout| {
            let mut flows = Vec::new();
            let bytes = element(key, timeout, 540_000);
            take(Attributes::new(&bytes), family, 600_000, &mut flows).unwrap();
            flows[0]
        };
        let first = read(&ipv4, Family::Ipv4, None);
        assert_eq!((first.flow.protocol, first.flow.port), (6, Some(5432)));
        assert_eq!((first.flow.source, first.flow.destination), ([172, 21, 0, 3].into(), [10, 57, 17, 6].into()));
        assert_eq!((first.count, first.age), (Some((412, 24_720)), 60_000));
        assert_eq!(read(other, Family::Ipv4, Some(570_000)).age, 30_000);
        assert_eq!(read(other, Family::Ipv4, None).flow.port, None);
        assert_eq!(read(&ipv6, Family::Ipv6, None).flow.port, Some(53));
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for len in [0, 3, 8, 11, 13, 17] {
            assert!(decode_key(&vec![1; len], Family::Ipv4).is_err(), "{len}");
        }
    }
}
