//! Docker 26.1, of Debian 13: the first with rules of IPv6 by itself.

use super::docker::REINSTALLED;
use crate::program::Program;

pub const PROGRAM: Program =
    Program { name: "Docker of Debian 13", with: &["--with", "docker-trixie"], ..REINSTALLED };
