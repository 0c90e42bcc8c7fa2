//! The report for programs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::import::{Kind, Report, Status};

/// The documented shape.
pub fn as_json(kind: Kind, text: &str, report: &Report, written_to: Option<&Path>) -> Value {
    let counts: BTreeMap<String, usize> =
        Status::ALL.iter().map(|status| (word(*status), report.count(*status))).collect();
    json!({
        "kind": kind,
        "written_to": written_to,
        "text": text,
        "lines": report.lines,
        "notes": report.notes,
        "counts": counts,
    })
}

fn word(status: Status) -> String {
    json!(status).as_str().unwrap_or_default().to_owned()
}
