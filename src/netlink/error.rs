//! What can go wrong between us and the kernel, in words that name the thing, the reason and the
//! cure.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use rustix::io::Errno;

use super::attribute::Malformed;
use super::locate::Place;
use super::module;
use super::owner::Owned;
use crate::host::{how_to_load, kernel_release};
use crate::ruleset::{Change, Expr, Rule, TABLE_NAME};

/// Why the kernel could not be read or changed. In every case the rules are as they were.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no nf_tables to talk to.
    #[error(
        "this kernel ({}) has no nf_tables: {}, or boot a kernel built with CONFIG_NF_TABLES and \
         CONFIG_NF_TABLES_INET",
        kernel_release(), how_to_load(&["nf_tables"])
    )]
    NoNfTables,
    /// The kernel said EPERM.
    #[error(
        "the kernel does not permit it: CAP_NET_ADMIN is needed in the user namespace that owns this network \
         namespace; run it with sudo on the host itself, not in a container"
    )]
    NotPermitted,
    /// A system call on the socket failed.
    #[error("cannot {doing} the netlink socket")]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The kernel sent what makes no sense.
    #[error("cannot understand the kernel's answer")]
    Malformed(#[from] Malformed),
    /// The kernel refused the batch.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The kernel refused to read something out.
    #[error("cannot read {what} from the kernel: {}", errno_text(*errno))]
    Unreadable {
        /// What was asked for.
        what: String,
        /// The errno, positive.
        errno: i32,
    },
    /// The table has another owner, who alone may change it.
    #[error(transparent)]
    Owned(#[from] Owned),
    /// Somebody changed the ruleset each time before our batch arrived.
    #[error(
        "other programs changed the ruleset {attempts} times in a row while this change was being made; nothing was \
         changed by it: try again"
    )]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// A table of our name that is somebody else's.
    #[error(
        "there is a table `inet {TABLE_NAME}` which dockwall did not make (its comment is {}): it is left alone; look at \
         it with `nft list table inet {TABLE_NAME}`, and delete it by hand if nothing needs it",
        .comment.as_ref().map_or("missing".to_owned(), |comment| format!("{comment:?}"))
    )]
    Foreign {
        /// The comment it carries instead of ours.
        comment: Option<String>,
    },
}

/// The kernel's reasons for refusing a batch: one for each message it could not take.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// At least one, in the order of the batch.
    pub refusals: Vec<Refusal>,
}

/// Why one change was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The object, and the expression in it where that is known.
    pub object: String,
    /// What the errno means here.
    pub reason: String,
    /// What to do about it.
    pub cure: String,
    /// The errno, positive.
    pub errno: i32,
    /// The kernel's own words, where it has any.
    pub kernel_words: Option<String>,
    /// The modules without which it cannot be, where that is the reason.
    pub modules: Vec<String>,
}

impl Refused {
    /// All modules that are missing, each once.
    fn modules(&self) -> BTreeSet<&str> {
        self.refusals.iter().flat_map(|refusal| &refusal.modules).map(String::as_str).collect()
    }
}

impl Refused {
    /// Whether all of it was refused to who does not own the table.
    pub(super) fn is_for_the_owner(&self) -> bool {
        let is_perm = |refusal: &Refusal| Errno::from_raw_os_error(refusal.errno) == Errno::PERM;
        // A rehearsal has a change in it that can only be refused, for another reason where its set is missing.
        self.refusals.iter().any(is_perm)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kernel refused the change, and nothing was changed:")?;
        for refusal in self.refusals.iter().take(3) {
            write!(f, "\n  {refusal}")?;
        }
        match self.refusals.len().saturating_sub(3) {
            0 => {}
            more => write!(f, "\n  and {more} more, which most often follow from the first")?,
        }
        let modules: Vec<&str> = self.modules().into_iter().collect();
        if modules.len() > 1 {
            write!(f, "\n  missing in all: {}; {}", modules.join(", "), how_to_load(&modules))?;
        }
        write!(f, "\n  (kernel {})", kernel_release())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {} ({}", self.object, self.reason, self.cure, errno_text(self.errno))?;
        if let Some(words) = &self.kernel_words {
            write!(f, ", \"{words}\"")?;
        }
        f.write_str(")")
    }
}

impl Refusal {
    /// Says what `errno` means for `change`, of whose message the kernel pointed at `place`.
    pub fn new(change: Option<&Change>, place: &Place, errno: i32, kernel_words: Option<String>) -> Self {
        let (reason, cure) = meaning(change, place, Errno::from_raw_os_error(errno));
        let modules = match (Errno::from_raw_os_error(errno), change) {
            (Errno::NOENT, Some(Change::AddRule { rule, .. })) => missing_modules(rule, place),
            _ => Vec::new(),
        };
        Self { object: object(change, place), reason, cure, errno, kernel_words, modules }
    }

    /// Whether reading the kernel anew may help: an element came or went by itself, by its timeout
    /// or by a packet, which does not count as a change of the ruleset.
    pub fn is_stale_element(&self, change: Option<&Change>) -> bool {
        let about_elements = matches!(change, Some(Change::AddElements(_) | Change::DeleteElements(_)));
        about_elements && matches!(Errno::from_raw_os_error(self.errno), Errno::NOENT | Errno::EXIST)
    }
}

fn object(change: Option<&Change>, place: &Place) -> String {
    let Some(change) = change else {
        return "the batch as a whole".to_owned();
    };
    let object = match change {
        Change::AddRule { chain, rule, number, .. } => format!("rule {number} of {chain} (`{rule}`)"),
        Change::DeleteRule { chain, rule } => format!("rule of {chain} (`{rule}`) that goes"),
        Change::AddElements(set) | Change::DeleteElements(set) => match &place.element {
            Some(element) => format!("element {element} of set {}", set.name),
            None => format!("elements of set {}", set.name),
        },
        other => other.to_string(),
    };
    match &place.expression {
        Some((number, name)) => format!("{object}, expression {number} ({name})"),
        None => object,
    }
}

fn meaning(change: Option<&Change>, place: &Place, errno: Errno) -> (String, String) {
    let (reason, cure) = match (errno, change) {
        (Errno::NOENT, Some(Change::AddRule { rule, .. })) => return missing_for_rule(rule, place),
        (Errno::NOENT, Some(Change::AddChain(chain))) if chain.base.is_some() => {
            // In nf_tables itself: no module brings it.
            (
                "the kernel has no base chains of this type for family inet",
                "boot a kernel built with CONFIG_NF_TABLES_INET",
            )
        }
        (Errno::NOENT, Some(Change::AddSet(_))) => {
            return ("the table is missing, or the kernel has no such kind of set".into(), how_to_load(&["nf_tables"]));
        }
        (Errno::NOENT, _) => ("it is not there any more", "run the command again, it reads the kernel anew"),
        (Errno::EXIST, Some(Change::AddElements(_))) => {
            ("it overlaps an element that is in the set already", "run `dockwall plan` and look for foreign elements")
        }
        (Errno::EXIST, _) => ("one of that name is there already", "run the command again, it reads the kernel anew"),
        (Errno::BUSY, _) => ("other rules still refer to it", "run `dockwall plan` to see foreign rules in the table"),
        (Errno::NFILE, Some(Change::AddElements(set))) => {
            let size = set.size.map_or_else(String::new, |size| format!(" of {size}"));
            return (
                format!("the set is full: it has reached its size{size}"),
                "deny or grant fewer networks".to_owned(),
            );
        }
        (Errno::OPNOTSUPP, Some(Change::AddSet(_))) => {
            ("this kernel has no set of that kind", "use a kernel from 5.10 on, with CONFIG_NF_TABLES complete")
        }
        (Errno::OPNOTSUPP, _) => ("this kernel does not support it", "use a kernel from 5.10 on"),
        (Errno::MLINK | Errno::LOOP, _) => ("the jumps go in a circle or too deep", "this is a bug: please report it"),
        (Errno::NOMEM, _) => ("the kernel has no memory for it", "deny or grant fewer networks, or add memory"),
        (Errno::RANGE | Errno::NAMETOOLONG, _) => {
            ("a name or a value is too long for this kernel", "use a kernel from 5.10 on")
        }
        (Errno::PERM, _) => (
            "another program owns the table and lets nobody else change it",
            "stop that program: `nft list table inet dockwall` shows its name",
        ),
        (Errno::INVAL, _) => {
            ("the kernel finds it invalid", "this is a bug, or a kernel too old for it: please report it")
        }
        _ => ("the kernel gave no reason that is known here", "please report it with this message"),
    };
    (reason.to_owned(), cure.to_owned())
}

/// The modules that an expression which refers to nothing is in.
fn missing_modules(rule: &Rule, place: &Place) -> Vec<String> {
    let Some((number, name)) = &place.expression else {
        return Vec::new();
    };
    match rule.expressions.get(number.saturating_sub(1)) {
        Some(expression) if expression.reference().is_some() => Vec::new(),
        Some(expression) => module::of(expression),
        None => vec![format!("nft_{name}")],
    }
}

/// ENOENT for a rule: a module, a set or a chain. The kernel points at the expression as a whole in
/// every case (`nf_tables_newrule`), so what the expression refers to has to tell them apart.
fn missing_for_rule(rule: &Rule, place: &Place) -> (String, String) {
    let cure = "run the command again, it reads the kernel anew".to_owned();
    let Some((number, name)) = &place.expression else {
        return ("its chain is not there".to_owned(), cure);
    };
    let expression = rule.expressions.get(number.saturating_sub(1));
    let Some(reference) = expression.and_then(Expr::reference) else {
        let modules = missing_modules(rule, place);
        let reason = match modules.as_slice() {
            [module] => format!("the kernel has no `{name}` expression: the module {module} is missing"),
            several => format!("the kernel has no `{name}` expression: a module of {} is missing", several.join(", ")),
        };
        return (reason, how_to_load(&modules));
    };
    let reason = format!("`{reference}` that it refers to is not there");
    match expression {
        Some(Expr::Dynset { expressions, .. }) if !expressions.is_empty() => {
            let modules: Vec<String> = expressions.iter().flat_map(module::of).collect();
            let reason = format!("{reason}, or a module of what it does per element is missing");
            (reason, how_to_load(&modules))
        }
        _ => (reason, cure),
    }
}

/// The errno's name and number, as people look it up.
fn errno_text(errno: i32) -> String {
    io::Error::from_raw_os_error(errno).to_string()
}
