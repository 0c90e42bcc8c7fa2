//! The first configuration of a host, as a text that says why each of its lines is there.
//!
//! It means what holds without a configuration: audit mode, and the defaults. What is in it beside
//! those are remarks, and suggested grants behind `#`.

use std::fmt::Display;

use jiff::Timestamp;

use super::coverage::{Coverage, Past, networks_past};
use super::suggestion::{Suggestion, Suggestions};
use crate::config::Config;
use crate::host::{Docker, DockerState, Flow, Host, Link};
use crate::policy::{Policy, Reach, Resolved, Unresolvable};
use crate::printable::printable;

/// The columns of a remark.
const WIDTH: usize = 100;
/// How many grants are suggested; what is open most often comes first.
const MOST_GRANTS: usize = 40;

/// A configuration to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The file.
    pub text: String,
    /// How many grants stand in it as comments.
    pub suggested: usize,
}

impl Proposal {
    /// For `host`, whose containers have `flows` open, or why those could not be seen.
    ///
    /// # Errors
    /// None without grants that are required, of which the defaults have none.
    pub fn of(host: &Host, flows: Result<&[Flow], &str>, now: Timestamp) -> Result<Self, Unresolvable> {
        let resolved = Policy::resolve(&Config::default(), host, None, now)?;
        let suggestions = flows.map(|flows| Suggestions::of(flows, &resolved.policy, host));
        let mut page = Page::default();
        head(&mut page);
        containers(&mut page, host, &resolved);
        denied(&mut page, host, &resolved);
        resolvers(&mut page, &resolved);
        guard(&mut page);
        let suggested = grants(&mut page, &suggestions);
        next(&mut page);
        Ok(Self { text: page.text, suggested })
    }
}

fn head(page: &mut Page) {
    page.remark("dockwall keeps containers away from this host and from the networks around it.");
    page.remark("This is what `dockwall init` found here, and what it means. Nothing is dropped yet.");
    page.blank();
    page.remark("A line behind \"# \" is to be read; one behind \"#\" alone is a setting, which holds when the # is");
    page.remark("taken away. Every key that stands here has its default.");
    page.blank();
    page.remark("\"audit\" counts and logs what would be dropped; \"enforce\" drops it.");
    page.line("mode = \"audit\"");
}

fn containers(page: &mut Page, host: &Host, resolved: &Resolved) {
    page.section("Whose packets are policed");
    let policed: Vec<&Link> = host.facts.links.iter().filter(|link| resolved.policy.polices(&link.name)).collect();
    match &host.docker {
        DockerState::Known(docker) => {
            page.remark(format!("Docker {} runs {} containers here.", docker.version, docker.containers.len()));
        }
        DockerState::Absent => {
            page.remark("There is no Docker here yet: bridges that it will name by itself are policed from the first packet on.");
        }
        DockerState::Unreachable(reason) => {
            page.remark(format!("Docker does not answer ({reason}), so the names of its networks are missing here."));
        }
    }
    if policed.is_empty() {
        page.remark("No container interface was found.");
    }
    page.list(policed.iter().map(|link| [link.name.clone(), container_link(host, link)]));
    if !resolved.evident.is_empty() {
        page.remark("Not policed, though the name looks like one of a container bridge:");
        page.list(resolved.evident.iter().map(|excluded| [excluded.name.clone(), excluded.reason.to_string()]));
    }
    let outside: Vec<[String; 2]> = host.docker.known().map(outside).unwrap_or_default();
    if !outside.is_empty() {
        page.remark("Not covered, since their packets come by none of these interfaces:");
        page.list(outside);
    }
    page.remark("\"auto\" takes docker0, docker_gwbridge, br-*, podman*, cni-podman*, nerdctl* and the bridges of");
    page.remark("Docker's networks; \"bridges\" every bridge; or write a list, [\"docker0\", \"br-*\"].");
    page.line("[containers]");
    page.line("interfaces = \"auto\"");
    page.line("exclude = []");
}

/// Networks and containers whose packets come by no container interface, whatever is policed.
fn outside(docker: &Docker) -> Vec<[String; 2]> {
    let networks = networks_past(docker).map(|network| [format!("network {}", network.name), network.driver.clone()]);
    let containers =
        Coverage::of(docker, |_| true).not_covered.into_iter().filter(|past| past.reason == Past::HostNetwork);
    networks
        .chain(containers.map(|past| [format!("container {}", past.container), "the host's own network".to_owned()]))
        .collect()
}

/// Whose a container interface is, and its networks.
fn container_link(host: &Host, link: &Link) -> String {
    let docker = host.docker.known();
    let network = docker.and_then(|docker| docker.networks.iter().find(|n| n.bridge.as_deref() == Some(&link.name)));
    let subnets = match network {
        Some(network) if !network.subnets.is_empty() => network.subnets.iter().map(ToString::to_string).collect(),
        _ => on_link(host, link),
    };
    let name = network.map(|network| format!("network {}", network.name));
    let internal = network.filter(|network| network.internal).map(|_| "internal".to_owned());
    name.into_iter().chain(subnets).chain(internal).collect::<Vec<_>>().join(", ")
}

fn on_link(host: &Host, link: &Link) -> Vec<String> {
    let mut networks: Vec<String> =
        host.facts.on_link_networks(|name| name != link.name).map(|network| network.to_string()).collect();
    networks.sort();
    networks.dedup();
    networks
}

fn denied(page: &mut Page, host: &Host, resolved: &Resolved) {
    page.section("Where they must not go");
    let around = |link: &&Link| !link.loopback && !resolved.policy.polices(&link.name);
    let rows: Vec<[String; 2]> =
        host.facts.links.iter().filter(around).filter_map(|link| around_row(host, link)).collect();
    if rows.is_empty() {
        page.remark("The host is attached to no other network now.");
    } else {
        page.remark("The networks that the host is attached to, denied by `on_link`:");
        page.list(rows);
    }
    for notice in &resolved.notices {
        page.remark(format!("Beware: {}; {}.", notice.problem, notice.cure));
    }
    page.remark("\"internal\" is every private, shared, loopback, link-local and multicast range; more networks");
    page.remark("may stand beside it. `host` denies the host itself, whatever its addresses.");
    page.line("[deny]");
    page.line("ranges = [\"internal\"]");
    page.line("on_link = true");
    page.line("host = true");
}

/// A link that is not a container's: its networks, and whether the host goes out by it.
fn around_row(host: &Host, link: &Link) -> Option<[String; 2]> {
    let mut words = on_link(host, link);
    if host.facts.carries_default_route(link) {
        words.push("the way out (default route)".to_owned());
    }
    (!words.is_empty()).then(|| [link.name.clone(), words.join(", ")])
}

fn resolvers(page: &mut Page, resolved: &Resolved) {
    page.section("Which resolvers they may ask");
    if resolved.resolvers.is_empty() {
        page.remark("None was found on this host.");
    }
    page.list(resolved.resolvers.iter().map(|used| {
        let reach = match used.reach {
            Reach::Free => "needs no grant",
            Reach::Granted => "port 53 is granted",
            Reach::GrantedOnHost => "on this host, its port 53 is granted",
            Reach::Closed => "denied",
        };
        let origin = used.origin.as_ref().map_or_else(String::new, |origin| format!("{origin}: "));
        [used.address.to_string(), format!("{origin}{reach}")]
    }));
    page.remark("\"auto\" grants port 53 of exactly those that containers really use; or write a list, or \"none\".");
    page.line("[dns]");
    page.line("allow = \"auto\"");
}

fn guard(page: &mut Page) {
    page.section("Who else may change the table");
    page.remark("Nobody, while `dockwall guard` runs on Linux 6.9 or newer: it owns the table, so that `nft flush");
    page.remark("ruleset` passes it by. With false, and on older kernels, the guard puts the table back instead.");
    page.line("[guard]");
    page.line("own = true");
}

/// Says how many it suggests.
fn grants(page: &mut Page, suggestions: &Result<Suggestions, &str>) -> usize {
    page.section("What they may reach nevertheless");
    let (suggested, left_out) = match suggestions {
        Ok(suggestions) => (suggestions.grants.as_slice(), suggestions.left_out.as_slice()),
        Err(reason) => {
            page.remark(format!("The flows that containers have open could not be looked at: {reason}."));
            Default::default()
        }
    };
    if suggestions.is_ok() && suggested.is_empty() {
        page.remark("No container has a flow open now to what is denied. Look again after some days of audit, with");
        page.remark("`dockwall status`.");
    }
    if !suggested.is_empty() {
        page.remark(
            "Containers have these flows open now, which would be dropped. Take the # away from what is to stay.",
        );
    }
    for suggestion in suggested.iter().take(MOST_GRANTS) {
        page.suggestion(suggestion);
    }
    let more = suggested.len().saturating_sub(MOST_GRANTS);
    if more > 0 {
        page.blank();
        page.remark(format!("And {more} more with fewer flows."));
    }
    if !left_out.is_empty() {
        page.blank();
        page.remark("Too many ports to be granted one by one, as of a scan:");
        left_out.iter().for_each(|line| page.remark(format!("  {line}")));
    }
    page.blank();
    page.remark("A grant, whole; all but `name` and `to` may be left out:");
    page.setting("[[grant]]");
    page.setting("name = \"database\"");
    page.setting("to = \"10.1.2.3\"             # or a network, \"host\", \"host:published\"");
    page.setting("ports = [\"5432/tcp\"]        # or protocol = \"icmp\"");
    page.setting("from = \"172.17.0.0/16\"      # or \"network:NAME\", \"container:NAME\", \"label:KEY=VALUE\"");
    page.setting("until = \"2090-01-31T18:00:00Z\"");
    suggested.len().min(MOST_GRANTS)
}

fn next(page: &mut Page) {
    page.section("Next");
    page.list(
        [
            ["dockwall check", "what this means here; nothing is changed"],
            ["sudo dockwall apply", "raise the wall, in audit mode"],
            ["sudo dockwall denied", "what it would have denied so far"],
            ["sudo dockwall suggest", "grants for what of that has to stay"],
            ["sudo dockwall apply --mode enforce --confirm 60s", "deny the rest; `mode` above makes that last"],
        ]
        .map(|row| row.map(str::to_owned)),
    );
}

/// The file as it grows. Names of other people's making stand in it, and a line break in one must not
/// make a setting of what follows.
#[derive(Debug, Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.line("");
    }

    fn section(&mut self, title: &str) {
        self.blank();
        self.line(&format!("# {:─<1$}", format!("── {title} "), WIDTH - 2));
    }

    /// Something to be read, in as many lines as it takes.
    fn remark(&mut self, text: impl Display) {
        let text = printable(text.to_string());
        let indent: String = text.chars().take_while(|character| *character == ' ').collect();
        let mut line = format!("# {indent}");
        let start = line.len();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if line.len() > start && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line.truncate(start);
            }
            if line.len() > start {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }

    /// Names, and what is to be said of each, aligned.
    fn list(&mut self, rows: impl IntoIterator<Item = [String; 2]>) {
        let rows: Vec<[String; 2]> = rows.into_iter().map(|row| row.map(printable)).collect();
        let widest = rows.iter().map(|[name, _]| name.chars().count()).max().unwrap_or_default();
        for [name, said] in rows {
            self.line(format!("#   {name:widest$}  {said}").trim_end());
        }
    }

    /// A setting that does not hold yet.
    fn setting(&mut self, text: &str) {
        self.line(&format!("#{text}"));
    }

    fn suggestion(&mut self, suggestion: &Suggestion) {
        let Suggestion { grant, flows, whose, .. } = suggestion;
        self.blank();
        let count = if *flows == 1 { "1 flow".to_owned() } else { format!("{flows} flows") };
        self.remark(format!("{count} of {whose} to {}", grant.to_text()));
        grant.to_toml().lines().for_each(|line| self.setting(line));
    }
}

#[cfg(test)]
mod tests;
