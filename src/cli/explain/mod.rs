//! `dockwall explain`

mod as_json;
mod ask;
mod phrases;
mod sheet;
mod story;

use clap::Args;
use jiff::Timestamp;

use super::completion;
use super::context::{Context, read_host};
use super::exit::Outcome;
use super::page;
use super::progress::Progress;
use super::words::in_words_of_the_command_line;
use crate::config::{Config, Grant, Invalid, Mode};
use crate::generation::see;
use crate::host::Host;
use crate::netlink::{self, ForeignChain, Kernel};
use crate::observe::explain::{Place, Target};
use crate::policy::Policy;
use crate::ruleset::{Features, Table, compile};

const EXAMPLES: &str = "\
Examples:
  dockwall explain web-1 10.1.2.3:5432/tcp           may the container web-1 reach that database?
  dockwall explain web-1 db.example.org:postgresql   the same by names: of a host, of a service
  dockwall explain network:backend 10.1.2.3/icmp     may any container of a network ping it?
  dockwall explain web-1 host:9100/tcp               may it reach a port of the host, or a published one?
  dockwall explain 172.17.0.2 container:db:5432      from an address, to a container
  dockwall explain 10.1.2.9 web-1:80 --in eth0       from the LAN to a container
  dockwall explain web-1 10.1.2.3:5432/tcp --live    by the rules that the kernel has now";

/// Say which rules decide about a packet, why, and what would let it pass.
///
/// No packet is sent. Which way it goes the kernel's routes say, whose a name is Docker, and what becomes of it
/// the ruleset of this configuration, evaluated as the kernel evaluates it: in audit and in enforce. Needs no privilege and
/// changes nothing; with CAP_NET_ADMIN it says as well whether what is in force now would decide otherwise, and
/// who else is hooked there. With -v every rule that looks at the packet is printed.
///
/// With --json: {explanations: [{source, destination, service, explains, hook, incoming, outgoing, published, verdict, audit, enforce,
/// missed, rules: [{chain, number, rule, matched, found, verdict}], denied_by: [{text, place}], granted_by: [{name, place}],
/// nearest, others, docker, obstacles, in_force, remedy}]}; a name of several addresses has an explanation each. verdict, audit and
/// enforce are passes, dropped, rejected or unknown; verdict is not-seen, and the rest null, for what comes to no hook.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Explain {
    /// Where from: an address, container:NAME, network:NAME, or a bare name of either
    #[arg(value_name = "SRC", value_parser = place, add = completion::containers(&[]))]
    source: Place,
    /// Where to: an address, `host`, a container, a network or a host's name, and what is asked for there; an IPv6
    /// address with a port in brackets. TCP where no protocol is said
    #[arg(value_name = "DST[:PORT][/PROTO]", value_parser = target, add = completion::containers(&["host"]))]
    destination: Target,
    /// It comes in by this interface, whatever Docker and the routes say
    #[arg(long = "in", value_name = "IF")]
    incoming: Option<String>,
    /// It leaves by this interface, whatever the routes say
    #[arg(long = "out", value_name = "IF")]
    outgoing: Option<String>,
    /// It answers a flow that DST opened
    #[arg(long)]
    reply: bool,
    /// In this mode, whatever the configuration says
    #[arg(long, value_name = "audit|enforce", conflicts_with = "live")]
    mode: Option<Mode>,
    /// By the rules that the kernel has now, instead of the configuration; needs CAP_NET_ADMIN
    #[arg(long)]
    live: bool,
}

fn place(text: &str) -> Result<Place, Invalid> {
    text.parse().map_err(in_words_of_the_command_line)
}

fn target(text: &str) -> Result<Target, Invalid> {
    text.parse().map_err(in_words_of_the_command_line)
}

/// What is explained, and against what.
pub(super) struct Basis {
    pub config: Config,
    pub host: Host,
    /// The policy of the table; none where nothing says it.
    pub policy: Option<Policy>,
    pub table: Table,
    /// What the table is of, in words.
    pub of: String,
    pub live: bool,
    /// Whether the configuration still says what the policy says, so that its lines are to be named.
    pub in_step: bool,
    pub now: Timestamp,
    /// What the kernel has; none where it may not be looked at.
    pub kernel: Option<InKernel>,
}

/// What the kernel has beside what is explained.
pub(super) struct InKernel {
    /// Our table there.
    pub table: Option<Table>,
    pub others: Vec<ForeignChain>,
}

impl Basis {
    /// The grant of that name as it is written.
    fn grant(&self, name: &str) -> Option<&Grant> {
        self.config.grants.iter().find(|grant| self.in_step && grant.name == name)
    }
}

impl Explain {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let config = context.load()?.config;
        let host = read_host()?;
        // Names are looked up before capabilities are dropped, as a resolver's files may be anybody's.
        let asked = Progress::of("looking up names", || ask::resolve(&self, &host))?;
        let basis = self.basis(context, config, host)?;
        let tell = || asked.into_iter().map(|asked| story::Story::of(asked, &basis)).collect();
        let stories: Vec<story::Story> = Progress::of("following the packets", tell);
        if context.json {
            page::json(&as_json::as_json(&stories, &basis));
        } else {
            sheet::print(&stories, &basis, context);
        }
        Ok(Outcome::Done)
    }

    fn basis(&self, context: &Context, config: Config, host: Host) -> anyhow::Result<Basis> {
        let _progress = Progress::start("reading the rules");
        let (now, features) = (Timestamp::now(), context.features());
        let policy =
            (!self.live).then(|| context.resolve(&config, self.mode)).transpose()?.map(|resolved| resolved.policy);
        let kernel = context.kernel();
        let (policy, table, of, kernel) = match policy {
            Some(policy) => {
                let in_kernel = kernel.ok().map(|mut kernel| look(context, &mut kernel)).transpose();
                let in_kernel = match in_kernel {
                    Ok(found) => found,
                    Err(netlink::Error::NotPermitted | netlink::Error::NoNfTables) => None,
                    Err(error) => return Err(error.into()),
                };
                let table = compile(&policy, features, now);
                (Some(policy), table, "the configuration".to_owned(), in_kernel)
            }
            None => in_force(context, &mut kernel?, features, now)?,
        };
        let in_step = !self.live || policy.as_ref().is_some_and(|policy| says_the_same(&config, &host, policy, now));
        Ok(Basis { config, host, policy, table, of, live: self.live, in_step, now, kernel })
    }
}

/// Whether the configuration means that policy here, whatever the mode and the order of grants.
fn says_the_same(config: &Config, host: &Host, policy: &Policy, now: Timestamp) -> bool {
    let sorted = |policy: &Policy| {
        let mut policy = policy.clone();
        policy.grants.sort_by(|one, other| one.name.cmp(&other.name));
        policy
    };
    let resolved = Policy::resolve(config, host, Some(policy.mode), now);
    resolved.is_ok_and(|resolved| sorted(&resolved.policy) == sorted(policy))
}

fn look(context: &Context, kernel: &mut Kernel) -> Result<InKernel, netlink::Error> {
    let table = see(kernel, &context.store, context.features())?.table.filter(Table::is_ours);
    Ok(InKernel { table, others: kernel.foreign_base_chains()? })
}

/// No table of ours is there to be explained.
#[derive(Debug, thiserror::Error)]
#[error(
    "no wall is in force, so that nothing is denied; `dockwall apply` raises it, and without --live the configuration is explained"
)]
pub struct NothingInForce;

/// The kernel's table, with the policy that it was made of where the history has exactly that one.
fn in_force(
    context: &Context,
    kernel: &mut Kernel,
    features: Features,
    now: Timestamp,
) -> anyhow::Result<(Option<Policy>, Table, String, Option<InKernel>)> {
    let found = look(context, kernel)?;
    let table = found.table.clone().ok_or(NothingInForce)?;
    let marker = table.marker();
    let policy = marker.as_ref().and_then(|marker| {
        let policy = context.store.get(marker.generation).ok()?.policy;
        marker.digest.matches(&compile(&policy, features, now).digest()).then_some(policy)
    });
    let of =
        marker.map_or_else(|| "the kernel's table".to_owned(), |marker| format!("generation {}", marker.generation));
    Ok((policy, table, of, Some(found)))
}
