//! What every command is given, and what most of them begin with.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;
use fd_lock::RwLockWriteGuard;
use jiff::Timestamp;

use super::paint;
use super::progress::{Progress, aside};
use crate::config::{Config, ConfigError, DEFAULT_PATH, Loaded, Log, Mode, Prints};
use crate::generation::{Glance, Lock, Modes, Planned, Sources, Store, StoreError, fingerprint, mute};
use crate::guard::ask_owner;
use crate::host::{self, FactsError, Host};
use crate::netlink::{self, Ask, Kernel, modules_of};
use crate::policy::{Policy, Resolved};
use crate::ruleset::{Expr, Features, compile, log_statement};

/// What is told while the kernel is asked what it can do.
const ASKING: &str = "asking the kernel";

/// Where generations are kept unless it is said otherwise.
pub const DEFAULT_STATE: &str = "/var/lib/dockwall";

/// The options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration [default: /etc/dockwall/dockwall.toml, or the built-in defaults]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where generations are kept
    #[arg(long, global = true, value_name = "DIR", default_value = DEFAULT_STATE)]
    state_dir: PathBuf,
    /// Print JSON for programs
    #[arg(long, global = true)]
    json: bool,
    /// Say more
    #[arg(short, long, global = true)]
    verbose: bool,
}

/// The options, with the ways to what they name.
#[derive(Debug, Clone)]
pub struct Context {
    config: Option<PathBuf>,
    /// The state directory.
    pub store: Store,
    /// Whether programs read the output.
    pub json: bool,
    /// Whether details are wanted.
    pub verbose: bool,
    /// What the kernel can do, once it was asked.
    features: OnceLock<Features>,
}

impl Context {
    /// Takes the options.
    pub fn new(global: Global) -> Self {
        let (store, features) = (Store::new(&global.state_dir), OnceLock::new());
        Self { config: global.config, store, json: global.json, verbose: global.verbose, features }
    }

    /// Where the configuration is, or would be.
    pub fn configuration_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_PATH))
    }

    /// The configuration, where the command line names one.
    pub fn config_option(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// What has to be added to a command for it to read the same configuration.
    pub fn configuration_option(&self) -> String {
        self.config.as_ref().map(|path| format!(" --config {}", path.display())).unwrap_or_default()
    }

    /// Reads the configuration, and prints its warnings to people.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let loaded = Progress::of("reading the configuration", || Config::load(self.config.as_deref()))?;
        for warning in loaded.warnings.iter().filter(|_| !self.json) {
            aside(|| anstream::eprint!("{}", warning.render(paint::stderr_has_colour())));
        }
        Ok(loaded)
    }

    /// What `config` means on this host; `mode` where the command line says otherwise. Prints to
    /// people what they should know of it.
    pub fn resolve(&self, config: &Config, mode: Option<Mode>) -> anyhow::Result<Resolved> {
        self.resolve_on(read_host()?, config, mode)
    }

    /// The same on a host that was read.
    fn resolve_on(&self, mut host: Host, config: &Config, mode: Option<Mode>) -> anyhow::Result<Resolved> {
        if host.docker.known().is_none() {
            host.remembered = self.policed_last();
        }
        let resolve = || Policy::resolve(config, &host, mode, Timestamp::now());
        let resolved = Progress::of("resolving the configuration", resolve)?;
        for notice in resolved.notices.iter().filter(|_| !self.json) {
            let place = notice.origin.map(|origin| format!(" ({})", config.files.place(origin))).unwrap_or_default();
            let warning = paint::notable("warning");
            aside(|| anstream::eprintln!("{warning}: {}{place}\n  {}", notice.problem, notice.cure));
        }
        Ok(resolved)
    }

    /// The container interfaces of the last generation, as far as it can be read.
    fn policed_last(&self) -> Vec<String> {
        let last = self.store.last_entry().ok().flatten();
        last.map(|entry| entry.containers.exact.into_iter().collect()).unwrap_or_default()
    }

    /// The policy that the configuration means; `mode` where the command line says otherwise.
    pub fn policy(&self, mode: Option<Mode>) -> anyhow::Result<Policy> {
        Ok(self.planned(mode)?.policy)
    }

    /// The same with what it is made from.
    pub fn planned(&self, mode: Option<Mode>) -> anyhow::Result<Planned> {
        self.plan(self.load()?, mode)
    }

    /// The same for a configuration that was read.
    pub fn plan(&self, loaded: Loaded, mode: Option<Mode>) -> anyhow::Result<Planned> {
        let mut planned = self.plan_unasked(loaded, mode, read_host()?)?;
        let ask = || Kernel::open().and_then(|mut kernel| Self::mute(&mut kernel, &mut planned));
        // Who may not ask the kernel may not change it either.
        Progress::of(ASKING, ask).unwrap_or(false);
        Ok(planned)
    }

    /// The same for who asks the kernel only where it takes no log: to be refused takes it ten milliseconds and more.
    pub fn plan_unasked(&self, loaded: Loaded, mode: Option<Mode>, host: Host) -> anyhow::Result<Planned> {
        let on = host_print(&host);
        let print = on.as_deref().and_then(|on| inputs(&loaded.texts.prints(), mode, on));
        let Resolved { policy, notices, .. } = self.resolve_on(host, &loaded.config, mode)?;
        let is_for_good = policy.grants.iter().all(|grant| grant.until.is_none());
        let says_nothing = loaded.warnings.is_empty() && notices.is_empty();
        let inputs = print.filter(|_| is_for_good && says_nothing);
        let beside = Some(beside(&loaded.config, &policy));
        let modes = on.filter(|_| says_nothing).map(|host| modes(&loaded.config, host));
        Ok(Planned { policy, sources: Some(Sources::new(loaded.texts, mode)), inputs, beside, modes })
    }

    /// The fingerprint of what [`Context::plan_unasked`] would make a plan of on the host with that fingerprint; none where
    /// it cannot be read.
    pub fn inputs(&self, mode: Option<Mode>, host: &str) -> Option<String> {
        inputs(&Config::prints(self.config_option())?, mode, host)
    }

    /// Does without a log where this kernel has none, and says so. Says whether it is another plan now.
    pub fn mute(kernel: &mut Kernel, planned: &mut Planned) -> Result<bool, netlink::Error> {
        let muted = mute(kernel, &mut planned.policy)?;
        if muted {
            // Another kernel, or this one with its modules, makes another plan of the same.
            (planned.inputs, planned.modes) = (None, None);
            let cure = host::how_to_load(&modules_of(&Expr::Log(log_statement(&planned.policy.log))));
            let warning = paint::notable("warning");
            aside(|| {
                anstream::eprintln!(
                    "{warning}: this kernel cannot log packets, so there is no log: what is denied is dropped, counted and \
                     remembered all the same; for a log {cure}"
                );
            });
        }
        Ok(muted)
    }

    /// What this machine's kernel can do. Whether it can keep a table for an owner an older one is asked; who may not
    /// ask may not use it either.
    pub fn features(&self) -> Features {
        *self.features.get_or_init(|| {
            let features = Features::of_release(&host::kernel_release());
            let ask = || Kernel::open().and_then(|mut kernel| kernel.knows_owners()).unwrap_or(false);
            Features { owner: features.owner || Progress::of(ASKING, ask), ..features }
        })
    }

    /// The generation in force at a glance, where it was made from the configuration's files as they are. Whatever is
    /// wrong shows again where it is done the long way.
    pub fn glance(&self) -> Option<Glance> {
        let features = self.features();
        let _progress = Progress::start("reading what is in force");
        let glance = Glance::find(&mut Kernel::open().ok()?, &self.store, features)?;
        glance.is_of_files(self.config_option()).then_some(glance)
    }

    /// Connects to the kernel, with no capability left but the one it takes, and finds out whether it
    /// has nf_tables and permits it: before anything is written. To be called when the configuration
    /// was read, which may belong to another user. Where a guard owns the table, changes go through it: they are
    /// to be made with the state directory's lock held.
    pub fn kernel(&self) -> anyhow::Result<Kernel> {
        host::keep_net_admin()?;
        let mut kernel = Kernel::open()?;
        Progress::of(ASKING, || kernel.knock())?;
        let directory = self.store.directory().to_owned();
        kernel.ask_owner(Ask::new(move || ask_owner(&directory)));
        Ok(kernel)
    }

    /// Finds out whether this kernel has all that the rules of `policy` need, before anything is made on the disk.
    pub fn preflight(&self, kernel: &mut Kernel, policy: &Policy) -> Result<(), netlink::Error> {
        Progress::of(ASKING, || kernel.preflight(|| compile(policy, self.features(), Timestamp::now())))
    }

    /// Opens the state directory for one process at a time.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        Ok(self.store.prepare()?)
    }
}

/// The fingerprint of all that a policy is made from, on the host with that fingerprint.
fn inputs(files: &Prints, mode: Option<Mode>, host: &str) -> Option<String> {
    fingerprint(&(mode, files, host))
}

/// The same without the configuration: of the host, and of this program.
pub fn host_print(host: &Host) -> Option<String> {
    let program = std::fs::metadata("/proc/self/exe").ok()?;
    let program = (program.ino(), program.len(), program.mtime(), program.mtime_nsec());
    fingerprint(&(program, host::kernel_release(), format!("{host:?}")))
}

/// What the configuration means in each mode, on the host with that fingerprint.
fn modes(config: &Config, host: String) -> Modes {
    let Log { audit_prefix, prefix, .. } = &config.log;
    let [audit_prefix, enforce_prefix] = [audit_prefix, prefix].map(|prefix| prefix.as_str().to_owned());
    Modes { host, configured: config.mode, audit_prefix, enforce_prefix }
}

/// The names of the configuration's grants that are not in the policy.
pub fn beside(config: &Config, policy: &Policy) -> Vec<String> {
    let known: HashSet<&str> = policy.grants.iter().map(|grant| grant.name.as_str()).collect();
    config.grants.iter().map(|grant| &grant.name).filter(|name| !known.contains(name.as_str())).cloned().collect()
}

/// Reads the host, and asks Docker, for which it may wait two seconds.
pub fn read_host() -> Result<Host, FactsError> {
    Progress::of("looking at the host and asking Docker", Host::read)
}

/// Holds the lock. Says that another process is at work, before waiting for it.
pub fn hold(lock: &mut Lock) -> Result<RwLockWriteGuard<'_, File>, StoreError> {
    let waiting = "waiting for another dockwall to finish";
    Progress::of(waiting, || lock.acquire(|| aside(|| anstream::eprintln!("{}", paint::faint(format!("{waiting} …"))))))
}
