//! What versions of `nft` write differently and mean the same.

use dockwall::config::Target;
use serde_json::Value;

use crate::support::listing;

/// A listing as blocks, without what differs: a burst of five packets, which 1.0 does not mention; `fib … check`, as
/// 1.1.7 writes `fib … oif` where only being there is asked for; and how many elements there are, which 1.1.7 says
/// behind the size.
pub fn of_text(listing: &str) -> Vec<String> {
    let listing = listing.replace(" burst 5 packets", "").replace(" . iif oif missing", " . iif check missing");
    let without_count = |line: &str| line.split("\t# count ").next().unwrap_or_default().to_owned() + "\n";
    let listing: String = listing.lines().map(without_count).collect();
    listing::blocks(&listing)
}

/// The objects, each a line that begins with its kind and place, rules in their order. Beside what differs in text,
/// without comments of tables, sets and chains and the flag `dynamic`, which 1.0 leaves out; without the time that is
/// left and how many elements there are; and what 1.1.7 calls a concatenation of one is that one.
pub fn of_json(listing: &Value) -> Vec<String> {
    let mut objects = Vec::new();
    for object in listing["nftables"].as_array().unwrap() {
        let (kind, object) = object.as_object().unwrap().iter().next().unwrap();
        if kind == "metainfo" {
            continue;
        }
        let mut object = plain(object);
        if kind != "rule" {
            object.as_object_mut().unwrap().remove("comment");
        }
        let place = object.get("chain").or(object.get("name")).unwrap().as_str().unwrap();
        objects.push((format!("{kind} {place}"), object));
    }
    // Stable, so that rules stay in their order.
    objects.sort_by(|a, b| a.0.cmp(&b.0));
    objects.into_iter().map(|(place, object)| format!("{place}: {object}")).collect()
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            if let Some(target) = target(value) {
                return Value::String(target.to_string());
            }
            if let (Some(Value::Array(fields)), 1) = (members.get("concat"), members.len())
                && let [field] = fields.as_slice()
            {
                return plain(field);
            }
            let kept = members.iter().filter(|(name, value)| match name.as_str() {
                "expires" | "count" => false,
                "burst" => **value != 5,
                // Of what an element holds 1.0 tells the counter alone.
                "limit" => !members.contains_key("val"),
                _ => true,
            });
            Value::Object(kept.map(|(name, value)| (name.clone(), member(name, value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn member(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("elem", Value::Array(values)) => {
            let mut elements: Vec<Value> = values.iter().map(plain).collect();
            elements.sort_by_key(Value::to_string);
            Value::Array(elements)
        }
        ("flags", Value::Array(flags)) => {
            let known = flags.iter().filter(|flag| *flag != "dynamic");
            // As 1.0 calls it.
            known.map(|flag| if flag == "persist" { "unknown".into() } else { flag.clone() }).collect()
        }
        ("result", Value::String(result)) if result == "oif" => "check".into(),
        _ => plain(value),
    }
}

/// A network or a range of addresses.
fn target(value: &Value) -> Option<Target> {
    let text = match (&value["prefix"], &value["range"]) {
        (Value::Object(prefix), _) => format!("{}/{}", prefix["addr"].as_str()?, prefix["len"]),
        (_, Value::Array(ends)) => format!("{}-{}", ends.first()?.as_str()?, ends.last()?.as_str()?),
        _ => return None,
    };
    text.parse().ok()
}

/// The first place at which two differ, and all that is there, unless they are the same.
#[track_caller]
pub fn assert_same(ours: &[String], theirs: &[String], what: &str) {
    let differing = ours.iter().zip(theirs).find(|(one, other)| one != other);
    assert!(
        differing.is_none() && ours.len() == theirs.len(),
        "{what}: {differing:#?}\n{} {}",
        ours.len(),
        theirs.len()
    );
}
