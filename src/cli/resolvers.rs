//! Resolvers: what `check` and `status` print of them.

use serde_json::{Value, json};

use super::paint;
use crate::policy::{Reach, UsedResolver};

/// A line for each.
pub fn text(resolvers: &[UsedResolver]) -> String {
    resolvers.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(used: &UsedResolver) -> String {
    let reach = match used.reach {
        Reach::Free => "not denied".to_owned(),
        Reach::Granted => "port 53 granted".to_owned(),
        Reach::GrantedOnHost => "on the host, port 53 granted".to_owned(),
        Reach::Closed => paint::bad("denied"),
    };
    format!("{} ({}): {reach}", used.address, origin(used))
}

fn origin(used: &UsedResolver) -> String {
    used.origin.as_ref().map_or_else(|| "dns.allow".to_owned(), ToString::to_string)
}

/// The same for programs: a list of {address, origin, reach}.
pub fn as_json(resolvers: &[UsedResolver]) -> Value {
    let each = |used: &UsedResolver| json!({ "address": used.address, "origin": origin(used), "reach": used.reach });
    resolvers.iter().map(each).collect()
}
