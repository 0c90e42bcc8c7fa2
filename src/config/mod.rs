//! The configuration as written: `/etc/dockwall/dockwall.toml` and the grants beside it.
//!
//! [`Config::load`] reads the files and finds everything that is wrong with them at once, each
//! finding a [`Diagnostic`] with its place and its cure. What the values mean on a certain host is
//! the policy's matter; nothing here looks at the machine.
//!
//! A new key is a field of [`Config`] and a line in `keys.rs`, one of a grant a line in
//! `grant/keys.rs`.

mod action;
mod address;
mod append;
mod choice;
mod coverage;
mod denied_range;
mod denied_ranges;
mod diagnostic;
mod dns;
mod error;
mod excerpt;
mod field;
mod file;
mod findings;
mod grant;
mod interface_pattern;
mod interfaces;
mod invalid;
mod keys;
mod lines;
mod load;
mod log;
mod log_prefix;
mod log_target;
mod long_list;
mod mode;
mod nearest;
mod new_file;
mod origin;
mod preset;
mod rate;
mod reader;
mod remember;
mod section;
mod source;
mod special;
mod syntax;
mod target;
mod texts;
mod word_or_list;

use std::path::PathBuf;

pub use action::Action;
pub use append::append_to_file;
pub use denied_range::{DeniedRange, Written};
pub use denied_ranges::DeniedRanges;
pub use diagnostic::{Diagnostic, Kind, Severity};
pub use dns::DnsAllow;
pub use error::ConfigError;
pub use grant::{
    Destination, Grant, Ports, Protocol, Source, read_comment as read_grant_comment, read_name as read_grant_name,
    read_time as read_grant_until, suggest_name as suggest_grant_name,
};
pub use interface_pattern::InterfacePattern;
pub use interfaces::{Interfaces, Uplinks};
pub use invalid::Invalid;
pub use load::{DEFAULT_PATH, Loaded};
pub use log::Log;
pub use log_prefix::LogPrefix;
pub use log_target::LogTarget;
pub use mode::Mode;
pub use nearest::nearest;
pub use new_file::{FileChangeError, remove_file, write_new_file};
pub use origin::{Files, Origin};
pub use preset::Preset;
pub use rate::{Rate, RateUnit};
pub use remember::Remember;
pub use target::Target;
pub(crate) use texts::Prints;
pub use texts::{Edit, Texts};

/// A whole configuration. The default is what holds without a file: the internal networks are
/// denied to Docker's interfaces, in audit mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `mode`: whether denied packets are dropped.
    pub mode: Mode,
    /// `containers.interfaces`: whose packets are policed.
    pub interfaces: Interfaces,
    /// `containers.exclude`: what of it is not policed.
    pub exclude: Vec<InterfacePattern>,
    /// `deny.ranges`: where containers must not go, in the order as written. May be empty: then the
    /// fate of no packet changes.
    pub ranges: DeniedRanges,
    /// `deny.on_link`: nor to the networks that the host's other interfaces are attached to.
    pub on_link: bool,
    /// `deny.host`: nor to the host itself.
    pub host: bool,
    /// `deny.uplinks`: on which way out.
    pub uplinks: Uplinks,
    /// `deny.action`: how they are turned away.
    pub action: Action,
    /// `dns.allow`: which resolvers they may ask nevertheless.
    pub dns: DnsAllow,
    /// `[log]`: what is logged.
    pub log: Log,
    /// `guard.own`: whether the guard owns the table, where the kernel can keep it for an owner.
    pub own: bool,
    /// `[[grant]]` of all files, in the order of reading; their names are unique.
    pub grants: Vec<Grant>,
    /// The files it was read from, which the origins in it refer to.
    pub files: Files,
}

impl Config {
    /// The directory whose drop-ins were read, or would have been: `grants.d` beside the configuration
    /// file. It need not be there.
    pub fn grants_dir(&self) -> PathBuf {
        self.files.grants_dir()
    }

    /// The file that `grant`, a new one of a name of its own, belongs in.
    pub fn drop_in(&self, name: &str) -> PathBuf {
        self.grants_dir().join(format!("{name}.toml"))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            interfaces: Interfaces::default(),
            exclude: Vec::new(),
            ranges: keys::default_ranges(),
            on_link: true,
            host: true,
            uplinks: Uplinks::default(),
            action: Action::default(),
            dns: DnsAllow::default(),
            log: Log::default(),
            own: true,
            grants: Vec::new(),
            files: Files::default(),
        }
    }
}
