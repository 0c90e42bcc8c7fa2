//! Exit statuses, one for each kind of failure, and how a failure is told.

use std::process::ExitCode;

use serde_json::json;

use super::context::Context;
use super::explain::NothingInForce;
use super::grant::{NameTaken, Unresolved};
use super::lifeline::WouldCut;
use super::revoke::WrittenElsewhere;
use super::{page, paint};
use crate::config::{ConfigError, FileChangeError, Invalid};
use crate::generation::{self, InForceError, RollbackError, StoreError};
use crate::host::Missing;
use crate::import::Unreadable;
use crate::netlink;
use crate::observe::explain::Unknown;
use crate::policy::Unresolvable;

/// The list at the end of `--help`.
pub const HELP: &str = "\
Exit status:
  0  done
  1  failed, and nothing was changed
  2  the command line is wrong
  3  the configuration is wrong, or has what was to be made already; `import` cannot read the rules
  4  what was asked about is not so: `status` found no wall that is enforced and unchanged, `check` found
     that another table drops what is granted, `doctor` found an error or a warning, `import` could not carry
     over a line
  5  not permitted: CAP_NET_ADMIN or a file's permission is missing
  6  this kernel has no nf_tables
  7  the state directory cannot be used
  8  a table `inet dockwall` is there which dockwall did not make
  9  a name that must stand for something stands for nothing here: in a grant with `required = true`, or in
     what `grant` or `explain` was told
 10  it would cut the connection that it is run over
 11  another program owns the table `inet dockwall`, and no guard of this state directory answers";

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was told.
    Done,
    /// What it was asked about is not so.
    NotSo,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::NotSo => Self::from(4),
        }
    }
}

/// The kinds of failure, by their exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Failed = 1,
    Usage = 2,
    Configuration = 3,
    NotSo = 4,
    NotPermitted = 5,
    NoNfTables = 6,
    State = 7,
    ForeignTable = 8,
    Unresolvable = 9,
    WouldCut = 10,
    Owned = 11,
}

/// What is possible option by option, but not together.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Usage(pub Vec<Invalid>);

/// Says what went wrong, to people or to programs.
pub fn report(error: &anyhow::Error, context: &Context) -> ExitCode {
    let failure = classify(error);
    let configuration = error.downcast_ref::<ConfigError>();
    if context.json {
        let diagnostics = configuration.map(|error| &error.errors);
        page::json(&json!({
            "error": { "status": failure as u8, "message": format!("{error:#}"), "diagnostics": diagnostics }
        }));
    } else if let Some(error) = configuration {
        anstream::eprint!("{}", error.render(paint::stderr_has_colour()));
    } else {
        anstream::eprintln!("{}: {error:#}", paint::bad("error"));
    }
    ExitCode::from(failure as u8)
}

fn classify(error: &anyhow::Error) -> Failure {
    error.chain().find_map(kind_of).unwrap_or(Failure::Failed)
}

fn kind_of(cause: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    let rollback = cause.downcast_ref::<RollbackError>().and_then(|error| match error {
        RollbackError::Failed(error) => Some(error),
        _ => None,
    });
    let in_force = cause.downcast_ref::<InForceError>();
    let failed = in_force.and_then(|error| match error {
        InForceError::Failed(error) => Some(error),
        _ => None,
    });
    let generation = rollback.or(failed).or_else(|| cause.downcast_ref::<generation::Error>());
    let (kernel, store) = match generation {
        Some(generation::Error::Kernel(error)) => (Some(error), None),
        Some(generation::Error::Store(error)) => (None, Some(error)),
        None => (cause.downcast_ref::<netlink::Error>(), cause.downcast_ref::<StoreError>()),
    };
    if let Some(error) = kernel {
        return Some(of_kernel(error));
    }
    if let Some(error) = store {
        return Some(if error.is_not_permitted() { Failure::NotPermitted } else { Failure::State });
    }
    if let Some(error) = cause.downcast_ref::<ConfigError>() {
        return Some(if error.is_not_permitted() { Failure::NotPermitted } else { Failure::Configuration });
    }
    if let Some(error) = cause.downcast_ref::<FileChangeError>() {
        return Some(of_file_change(error));
    }
    if matches!(in_force, Some(InForceError::NotRecorded { .. } | InForceError::AnotherRecorded { .. })) {
        return Some(Failure::State);
    }
    let kinds: [(bool, Failure); 10] = [
        (cause.is::<Unresolvable>(), Failure::Unresolvable),
        (cause.is::<Unresolved>(), Failure::Unresolvable),
        (cause.is::<Unknown>(), Failure::Unresolvable),
        (cause.is::<NothingInForce>(), Failure::NotSo),
        (cause.is::<WouldCut>(), Failure::WouldCut),
        (cause.is::<Missing>(), Failure::NotPermitted),
        (cause.is::<Usage>(), Failure::Usage),
        (cause.is::<Unreadable>(), Failure::Configuration),
        (cause.is::<NameTaken>(), Failure::Configuration),
        (cause.is::<WrittenElsewhere>(), Failure::Configuration),
    ];
    kinds.iter().find(|(is, _)| *is).map(|(_, failure)| *failure)
}

fn of_file_change(error: &FileChangeError) -> Failure {
    match error {
        FileChangeError::Exists(_) => Failure::Configuration,
        FileChangeError::Io { .. } if error.is_not_permitted() => Failure::NotPermitted,
        FileChangeError::Changed(_) | FileChangeError::Io { .. } => Failure::Failed,
    }
}

fn of_kernel(error: &netlink::Error) -> Failure {
    match error {
        netlink::Error::NotPermitted => Failure::NotPermitted,
        netlink::Error::NoNfTables => Failure::NoNfTables,
        netlink::Error::Foreign { .. } => Failure::ForeignTable,
        netlink::Error::Owned(_) => Failure::Owned,
        _ => Failure::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_has_its_own_status() {
        let io = |kind: std::io::ErrorKind| {
            generation::Error::Store(StoreError::Io { doing: "write", path: "/x".into(), source: kind.into() })
        };
        let owned = netlink::Owned { port: 7, processes: Vec::new() };
        let table: [(anyhow::Error, Failure); 9] = [
            (netlink::Error::NoNfTables.into(), Failure::NoNfTables),
            (netlink::Error::NotPermitted.into(), Failure::NotPermitted),
            (generation::Error::Kernel(netlink::Error::Foreign { comment: None }).into(), Failure::ForeignTable),
            (RollbackError::Failed(netlink::Error::Owned(owned).into()).into(), Failure::Owned),
            (io(std::io::ErrorKind::ReadOnlyFilesystem).into(), Failure::State),
            (io(std::io::ErrorKind::StorageFull).into(), Failure::State),
            (RollbackError::Failed(io(std::io::ErrorKind::PermissionDenied)).into(), Failure::NotPermitted),
            (RollbackError::First(1).into(), Failure::Failed),
            (anyhow::Error::from(netlink::Error::NoNfTables).context("cannot apply"), Failure::NoNfTables),
        ];
        for (error, expected) in table {
            assert_eq!(classify(&error), expected, "{error:#}");
        }
    }
}
