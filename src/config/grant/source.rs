//! Whose packets a grant lets go.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::config::invalid::{Invalid, quote};
use crate::config::nearest::nearest;
use crate::config::target::Target;
use crate::printable::is_unprintable;

/// The containers of a grant. Written `"172.18.0.0/16"`, `"network:NAME"`, `"container:NAME"` or
/// `"label:KEY=VALUE"`; what a name stands for is looked up when the policy is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Addresses of containers.
    Addresses(Target),
    /// The containers in a Docker network, by its name.
    Network(String),
    /// One container, by its name.
    Container(String),
    /// The containers with a label.
    Label {
        /// The label's key, not empty.
        key: String,
        /// The label's value, which may be empty.
        value: String,
    },
}

/// What stands before the colon, and what behind it.
const KINDS: [(&str, &str); 3] = [("network", "NAME"), ("container", "NAME"), ("label", "KEY=VALUE")];

impl FromStr for Source {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once(':') {
            Some(("network", name)) => read_network_name(text, name).map(Self::Network),
            Some(("container", name)) => read_container_name(text, name).map(Self::Container),
            Some(("label", label)) => read_label(text, label),
            kind => match text.parse() {
                Ok(target) => read_addresses(text, target),
                Err(invalid) => Err(diagnose(text, kind.map(|(kind, _)| kind)).unwrap_or(invalid)),
            },
        }
    }
}

/// Addresses that never stand in the source of a container's packet are a mistake.
fn read_addresses(text: &str, target: Target) -> Result<Source, Invalid> {
    let (first, last) = match target {
        Target::V4(interval) => (IpAddr::V4(interval.first()), IpAddr::V4(interval.last())),
        Target::V6(interval) => (IpAddr::V6(interval.first()), IpAddr::V6(interval.last())),
    };
    let both = |is_kind: fn(&IpAddr) -> bool| is_kind(&first) && is_kind(&last);
    if both(IpAddr::is_loopback) || both(IpAddr::is_multicast) || both(IpAddr::is_unspecified) {
        return Err(Invalid::new(
            format!("no packet of a container comes from {}", quote(text)),
            "write the containers' own addresses, or a name such as \"container:web\"",
        ));
    }
    Ok(Source::Addresses(target))
}

/// Docker refuses only names of white space (`NewNetwork` in moby's `daemon/libnetwork/controller.go`).
fn read_network_name(text: &str, name: &str) -> Result<String, Invalid> {
    if name.trim().is_empty() {
        return Err(Invalid::new(
            format!("{} names no network", quote(text)),
            "write a name that `docker network ls` shows",
        ));
    }
    if let Some(character) = name.chars().find(|character| is_unprintable(*character)) {
        return Err(Invalid::new(
            format!("{} has {}, which is not printable", quote(text), quote(character)),
            "write the name as `docker network ls` shows it",
        ));
    }
    Ok(name.to_owned())
}

/// What Docker accepts as a name (`RestrictedNameChars` in moby's `daemon/names/names.go`).
fn read_container_name(text: &str, name: &str) -> Result<String, Invalid> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-');
    let cure = "write the name as the last column of `docker ps` shows it";
    if name.is_empty() {
        Err(Invalid::new(format!("{} names no container", quote(text)), cure))
    } else if let Some(bare) = name.strip_prefix('/').filter(|bare| !bare.is_empty() && bare.chars().all(allowed)) {
        Err(Invalid::new(
            format!("{} has the slash that the API puts before names", quote(text)),
            format!("write {}", quote(format_args!("container:{bare}"))),
        ))
    } else if let Some(character) = name.chars().find(|character| !allowed(*character)) {
        Err(Invalid::new(
            format!("{} has {}, which no container may have in its name", quote(text), quote(character)),
            cure,
        ))
    } else if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        Err(Invalid::new(format!("{}: no container's name begins like that", quote(text)), cure))
    } else {
        Ok(name.to_owned())
    }
}

fn read_label(text: &str, label: &str) -> Result<Source, Invalid> {
    let Some((key, value)) = label.split_once('=') else {
        let key = if label.is_empty() { "KEY" } else { label };
        return Err(Invalid::new(
            format!("{} has no equals sign", quote(text)),
            format!(
                "write {}, with nothing behind the sign for an empty value",
                quote(format_args!("label:{key}=VALUE"))
            ),
        ));
    };
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(Invalid::new(
            format!("{}: {} is no key of a label", quote(text), quote(key)),
            "write it as `label:KEY=VALUE`, without spaces before the equals sign",
        ));
    }
    if let Some(character) = label.chars().find(|character| is_unprintable(*character)) {
        return Err(Invalid::new(
            format!("{} has {}, which is not printable", quote(text), quote(character)),
            "give the container a label of printable characters",
        ));
    }
    Ok(Source::Label { key: key.to_owned(), value: value.to_owned() })
}

/// What is wrong with a text that is no address, unless it was to be one.
fn diagnose(text: &str, kind: Option<&str>) -> Option<Invalid> {
    let problem = format!("{} is neither an address nor a name with its kind", quote(text));
    match kind {
        _ if matches!(text, "host" | "localhost" | "host:published") => Some(Invalid::new(
            format!("{} is no container, and only packets of containers are policed", quote(text)),
            "remove the key, or write the containers' network, such as \"network:backend\"",
        )),
        _ if matches!(text, "any" | "all" | "*" | "") => Some(Invalid::new(
            format!("{} is not a container", quote(text)),
            "remove the key: without it the grant is for every container",
        )),
        // An IPv6 address may begin with letters too.
        Some(kind) if is_word(kind) && !kind.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            let similar = nearest(kind, KINDS.iter().map(|(kind, _)| *kind));
            let meant = KINDS.iter().find(|(whole, _)| whole.starts_with(kind) || similar == Some(*whole));
            Some(Invalid::new(
                problem,
                match meant {
                    Some((kind, rest)) => format!("did you mean \"{kind}:{rest}\"?"),
                    None => "write \"network:NAME\", \"container:NAME\", \"label:KEY=VALUE\" or an address".to_owned(),
                },
            ))
        }
        None if is_word(text) => Some(Invalid::new(
            problem,
            format!("write {0} or {1}", quote(format_args!("container:{text}")), quote(format_args!("network:{text}"))),
        )),
        _ => None,
    }
}

/// Whether it could be a name, and no address.
fn is_word(text: &str) -> bool {
    let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    text.starts_with(|first: char| first.is_alphabetic()) && text.chars().all(allowed)
}

impl From<Target> for Source {
    fn from(target: Target) -> Self {
        Self::Addresses(target)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(target) => target.fmt(f),
            Self::Network(name) => write!(f, "network:{name}"),
            Self::Container(name) => write!(f, "container:{name}"),
            Self::Label { key, value } => write!(f, "label:{key}={value}"),
        }
    }
}
