//! Where it was measured, and with which versions.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::Serialize;

/// The machine and the programs.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The processors.
    pub processors: String,
    /// The release of the kernel.
    pub kernel: String,
    /// How busy it was before, over one minute.
    pub load: String,
    /// dockwall and its rivals.
    pub versions: Vec<String>,
    /// On which kind of file system generations were written, since each is flushed to the disk.
    pub file_system: String,
}

impl Machine {
    /// Looks around.
    pub fn read(dockwall: &Path, state: &Path) -> anyhow::Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let count = std::thread::available_parallelism()?;
        let load = fs::read_to_string("/proc/loadavg")?;
        let stat = Command::new("stat").args(["--file-system", "--format=%T"]).arg(state).output()?;
        Ok(Self {
            processors: format!("{count} × {}", model.map_or("unknown", |(_, name)| name)),
            kernel: dockwall::host::kernel_release(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            versions: vec![version(dockwall)?, version(Path::new("nft"))?, version(Path::new("iptables-restore"))?],
            file_system: String::from_utf8_lossy(&stat.stdout).trim().to_owned(),
        })
    }
}

fn version(program: &Path) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| format!("cannot run {}: scripts/setup installs it", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
