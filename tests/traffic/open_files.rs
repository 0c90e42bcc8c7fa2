//! The limit of open files, which is 1024 by default: too few for floods of connections.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one; returns the limit that holds.
pub fn raise_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal leaves the old limit, which is what is read next.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
