//! Docker 28.5, of Debian's unstable: it drops what comes past a published port in the table raw.

use super::docker::REINSTALLED;
use crate::program::Program;

pub const PROGRAM: Program =
    Program { name: "Docker of Debian sid", with: &["--with", "docker-sid"], ..REINSTALLED };
