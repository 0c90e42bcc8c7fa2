//! What `nft --json list ruleset` prints (libnftables-json(5)): each object written in nft's own words, one a line, which
//! are then read like any.

use serde_json::Value;

use super::Unreadable;

/// The lines: a header, and one for each object.
///
/// # Errors
/// What is no JSON, or has no list of objects.
pub fn to_text(text: &str) -> Result<String, Unreadable> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Unreadable::new(error.line(), format!("it is no JSON: {error}"), "give what nft printed"))?;
    let Some(objects) = value.get("nftables").and_then(Value::as_array) else {
        return Err(Unreadable::new(1, "it has no list `nftables`", "give what `nft --json list ruleset` prints"));
    };
    Ok(objects.iter().map(|object| object_text(object) + "\n").collect())
}

fn object_text(object: &Value) -> String {
    let Some((kind, body)) = object.as_object().and_then(|object| object.iter().next()) else {
        return "# an empty object".to_owned();
    };
    let word = |key: &str| body.get(key).map(scalar).unwrap_or_default();
    let (family, table, name) = (word("family"), word("table"), word("name"));
    match kind.as_str() {
        "metainfo" => "# metainfo".to_owned(),
        "table" => format!("add table {family} {name}"),
        "chain" => {
            let hook = match body.get("hook") {
                Some(hook) => {
                    let priority = word("prio");
                    format!(
                        " type {} hook {} priority {priority}; policy {};",
                        word("type"),
                        scalar(hook),
                        word("policy")
                    )
                }
                None => String::new(),
            };
            format!("add chain {family} {table} {name} {{{hook} }}")
        }
        "set" => {
            let elements = body.get("elem").and_then(Value::as_array);
            let elements: Vec<String> = elements.into_iter().flatten().map(value_text).collect();
            format!("add set {family} {table} {name} {{ elements = {{ {} }} }}", elements.join(", "))
        }
        "rule" => {
            let expressions = body.get("expr").and_then(Value::as_array);
            let words: Vec<String> = expressions.into_iter().flatten().map(expression).collect();
            let comment = body.get("comment").map(|comment| format!(" comment {}", quoted(&scalar(comment))));
            format!("add rule {family} {table} {} {}{}", word("chain"), words.join(" "), comment.unwrap_or_default())
        }
        other => format!("{} {}", bare(other), quoted(&body.to_string())),
    }
}

fn expression(expression: &Value) -> String {
    let Some((kind, body)) = expression.as_object().and_then(|object| object.iter().next()) else {
        return quoted(&expression.to_string());
    };
    let word = |key: &str| body.get(key).map(scalar).unwrap_or_default();
    match kind.as_str() {
        "match" => {
            let not = if word("op") == "!=" { "!= " } else { "" };
            let left = body.get("left").map(left).unwrap_or_default();
            format!("{left} {not}{}", body.get("right").map(value_text).unwrap_or_default())
        }
        "counter" => "counter".to_owned(),
        "accept" | "drop" | "return" | "continue" | "reject" => kind.clone(),
        "jump" | "goto" => format!("{kind} {}", word("target")),
        "log" => {
            let prefix = body.get("prefix").map(|prefix| format!(" prefix {}", quoted(&scalar(prefix))));
            let group = body.get("group").map(|group| format!(" group {}", scalar(group)));
            format!("log{}{}", prefix.unwrap_or_default(), group.unwrap_or_default())
        }
        "limit" => {
            let over = if body.get("inv") == Some(&Value::Bool(true)) { "over " } else { "" };
            let burst = body.get("burst").map(|burst| format!(" burst {} packets", scalar(burst)));
            format!("limit rate {over}{}/{}{}", word("rate"), word("per"), burst.unwrap_or_default())
        }
        other => format!("{} {}", bare(other), quoted(&body.to_string())),
    }
}

/// What is compared.
fn left(left: &Value) -> String {
    let key = |kind: &str, key: &str| left.get(kind).and_then(|body| body.get(key)).map(scalar);
    match (key("meta", "key"), key("ct", "key"), key("payload", "protocol"), key("payload", "field")) {
        (Some(key), ..) => format!("meta {key}"),
        (_, Some(key), ..) => format!("ct {key}"),
        (_, _, Some(protocol), Some(field)) => format!("{protocol} {field}"),
        _ => format!("expression {}", quoted(&left.to_string())),
    }
}

fn value_text(value: &Value) -> String {
    let list = |values: &Value| {
        let values = values.as_array().into_iter().flatten().map(value_text);
        format!("{{ {} }}", values.collect::<Vec<_>>().join(", "))
    };
    if value.is_array() {
        return list(value);
    }
    if let Some(set) = value.get("set") {
        return list(set);
    }
    if let Some(prefix) = value.get("prefix") {
        let word = |key: &str| prefix.get(key).map(scalar).unwrap_or_default();
        return format!("{}/{}", word("addr"), word("len"));
    }
    if let Some([first, last]) = value.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        return format!("{}-{}", scalar(first), scalar(last));
    }
    match value.get("elem").and_then(|element| element.get("val")) {
        Some(inner) if inner.get("elem").is_none() => value_text(inner),
        _ => scalar(value),
    }
}

/// A word or a number, with nothing in it that would end a statement.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().filter(|character| !character.is_control() && *character != '"').collect(),
        other => other.to_string().chars().filter(|character| !"{}\",;".contains(*character)).collect(),
    }
}

fn bare(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).collect()
}

fn quoted(text: &str) -> String {
    let inner: String = text.chars().filter(|character| !character.is_control() && *character != '"').collect();
    format!("\"{inner}\"")
}
