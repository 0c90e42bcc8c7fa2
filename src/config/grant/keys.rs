//! Every key of a `[[grant]]`, a line each.

use std::collections::HashMap;

use jiff::Timestamp;
use toml::de::DeValue;

use super::name::{read_comment, read_name};
use super::until::read_until;
use super::{Destination, Grant, Ports, Protocol, Source};
use crate::config::coverage::Coverage;
use crate::config::diagnostic::Kind;
use crate::config::field::Field;
use crate::config::invalid::{Invalid, quote};
use crate::config::section::Section;
use crate::config::target::Target;

/// The names of the grants of all files read so far, each with the place of its table.
pub(in crate::config) type GrantNames = HashMap<String, String>;

/// The `[[grant]]` tables of any file: the only thing that a file of `grants.d` holds.
pub(in crate::config) fn read_grants(
    top: &mut Section<'_>,
    names: &mut GrantNames,
    denied: &Coverage<'_>,
) -> Vec<Grant> {
    top.sections("grant", |grant| read_grant(grant, names, denied))
}

fn read_grant(section: &mut Section<'_>, names: &mut GrantNames, denied: &Coverage<'_>) -> Option<Grant> {
    let name = section.required("name", "postgres", read_name);
    let to = section.required("to", "10.1.2.3", str::parse);
    let ports = section.field("ports").and_then(read_ports).unwrap_or_default();
    let protocol = section.field("protocol").and_then(read_protocol);
    let from = section.parsed("from", "container:web", str::parse);
    let until = section.field("until").and_then(|field| read_until(&field));
    let required = section.flag("required", false);
    let comment = section.parsed("comment", "the database", read_comment);
    if let (Some(name), Some(field)) = (&name, section.field("name")) {
        field.accept(claim_name(names, name, section.place()));
    }
    refuse_contradictions(section, to, from.as_ref());
    if let (Some(to), Some(field)) = (to, section.field("to"))
        && let Some(invalid) = needless(to, denied)
    {
        field.report(Kind::NoEffect, invalid);
    }
    if let (Some(until), Some(field)) = (until, section.field("until"))
        && until <= Timestamp::now()
    {
        let problem = format!("the grant has run out at {until}, so it has no effect");
        field.report(Kind::NoEffect, Invalid::new(problem, "remove the grant, or write a later time"));
    }
    Some(Grant { name: name?, to: to?, ports, protocol, from, until, required, comment, origin: section.origin() })
}

/// An empty list is no list of ports: the grant would be for all of them.
fn read_ports(field: Field<'_>) -> Option<Vec<Ports>> {
    if field.is_empty_list() {
        let cure = "write the ports, or remove the key to grant every port and protocol";
        return field.accept(Err(Invalid::new("an empty list of ports would grant nothing", cure)));
    }
    field.items("5432/tcp", |text, _| text.parse::<Ports>()).map(Ports::merge)
}

/// A name, or a number with or without quotation marks.
fn read_protocol(field: Field<'_>) -> Option<Protocol> {
    match field.value() {
        DeValue::Integer(_) => {
            let number = field.number(0..=u8::MAX.into()).and_then(|number| u8::try_from(number).ok())?;
            field.accept(Protocol::from_number(number))
        }
        _ => field.parsed("icmp", str::parse),
    }
}

fn claim_name(names: &mut GrantNames, name: &str, place: String) -> Result<(), Invalid> {
    match names.get(name) {
        Some(first) => Err(Invalid::new(
            format!("the grant {} is already at {first}", quote(name)),
            "give one of the two another name",
        )),
        None => {
            names.insert(name.to_owned(), place);
            Ok(())
        }
    }
}

/// What is possible key by key, but not together.
fn refuse_contradictions(section: &mut Section<'_>, to: Option<Destination>, from: Option<&Source>) {
    if let (Some(field), Some(_)) = (section.field("protocol"), section.field("ports")) {
        field.report(
            Kind::Value,
            Invalid::new(
                "`protocol` and `ports` exclude each other",
                "keep `ports`, which name their protocols, and give the other protocol a grant of its own",
            ),
        );
    } else if let (Some(field), Some(Destination::Published)) = (section.field("protocol"), to) {
        field.report(
            Kind::Value,
            Invalid::new(
                "published ports have their protocols already",
                "remove the key, or choose among the published ports with `ports`",
            ),
        );
    }
    if let (Some(Destination::Addresses(to)), Some(Source::Addresses(from)), Some(field)) =
        (to, from, section.field("from"))
        && is_ipv6(to) != is_ipv6(*from)
    {
        field.report(
            Kind::Value,
            Invalid::new(
                format!("{} and {} are of different families, no packet has both", quote(from), quote(to)),
                format!("write {} addresses here, or a name such as \"network:backend\"", family(to)),
            ),
        );
    }
}

fn is_ipv6(target: Target) -> bool {
    matches!(target, Target::V6(_))
}

fn family(target: Target) -> &'static str {
    if is_ipv6(target) { "IPv6" } else { "IPv4" }
}

/// Why a grant to what is not denied has no effect.
fn needless(to: Destination, denied: &Coverage<'_>) -> Option<Invalid> {
    match to {
        Destination::Addresses(target) if !denied.touches(target) => Some(Invalid::new(
            format!("nothing in {} is denied, so this grant has no effect", quote(target)),
            "remove the grant, or add the network to `deny.ranges`",
        )),
        Destination::Host | Destination::Published if !denied.host() => Some(Invalid::new(
            "the host is not denied, so this grant has no effect",
            "remove the grant, or write `deny.host = true`",
        )),
        _ => None,
    }
}
