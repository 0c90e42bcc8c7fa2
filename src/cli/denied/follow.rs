//! `dockwall denied --follow`

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::json::{known, verdict};
use super::selection::Selection;
use super::source::{Found, Seen, no_wall, say_full};
use super::table;
use crate::cli::context::{Context, read_host};
use crate::cli::exit::Outcome;
use crate::cli::page::{self, counted, grouped};
use crate::cli::paint;
use crate::cli::progress::{self, Progress};
use crate::config::Mode;
use crate::host::{Host, Services};
use crate::netlink::{Kernel, Memory, Nflog};
use crate::observe::{Denied, Filter, Follow, Names, News, Status, protocol_name};
use crate::ruleset::{Expr, Log, LogTarget, Table, chains};

/// How often the meters are looked at, when that is quick.
const INTERVAL: Duration = Duration::from_millis(500);
/// Of all the time, looking takes no more than one part, and so many parts pass between.
const SHARE: u32 = 3;
/// How often they are looked at though nothing was denied: what they forgot is told again when it comes again.
const AT_LEAST: Duration = Duration::from_secs(60);
/// How often Docker is asked for names that are not known.
const NAMES: Duration = Duration::from_secs(3);
/// How many ports a line names for people, and how many for programs.
const PORTS: usize = 8;
const PORTS_AS_JSON: usize = 100;
/// How many lines people get of one look.
const LINES: usize = 40;

/// Tells each new flow until somebody ends it.
pub fn run(context: &Context, selection: &Selection) -> anyhow::Result<Outcome> {
    let reading = Progress::start("reading what was denied");
    let mut kernel = context.kernel()?;
    let memory = kernel.remembered()?;
    let host = read_host()?;
    drop(reading);
    // From here on every line is of a flow.
    progress::mute();
    let Some(memory) = memory else {
        return Ok(no_wall(context));
    };
    let (stopped, stop) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, stop.try_clone()?)?;
    }
    let now = Timestamp::now();
    let since = selection.since.and_then(|since| now.checked_sub(since).ok()).unwrap_or(now);
    let mut nflog = memory.frame.live().table.as_ref().and_then(log_of).and_then(|log| listen(context, log));
    let mut follower = Follower {
        follow: Follow::since(since),
        filter: selection.filter_whenever(),
        host,
        host_read: Instant::now(),
        services: Services::read(),
        is_json: context.json,
        mode: None,
        full: Vec::new(),
    };
    let mut look = Look::new();
    if !context.json && io::stdout().is_terminal() {
        anstream::eprintln!("{}", paint::faint("new flows from now on; Ctrl-C ends it"));
    }
    let told = follower.take_all(memory).and_then(|()| {
        loop {
            match wait(&stopped, nflog.as_ref().map(|(nflog, _)| nflog), look.pause())? {
                Woken::Stop => return Ok(()),
                Woken::Logged => follower.hear(nflog.as_mut())?,
                Woken::Timeout => {}
            }
            if look.is_due()
                && let Some(memory) = look.look(&mut kernel)?
            {
                follower.take_all(memory)?;
            }
        }
    });
    match told.map_err(|error| error.downcast::<io::Error>()) {
        Err(Ok(error)) => page::unless_closed(Err(error))?,
        Err(Err(error)) => return Err(error),
        Ok(()) => {}
    }
    Ok(Outcome::Done)
}

/// What the table logs, where it logs to a group.
fn log_of(table: &Table) -> Option<(u16, String)> {
    let expressions = table.chain(chains::LOG)?.rules.iter().flat_map(|rule| &rule.expressions);
    expressions.into_iter().find_map(|expression| match expression {
        Expr::Log(Log { prefix, target: LogTarget::Group(group) }) => {
            Some((*group, prefix.clone().unwrap_or_default()))
        }
        _ => None,
    })
}

/// Hears of packets as they are logged, where nobody else does: the kernel lets only one program listen to a group.
fn listen(context: &Context, (group, prefix): (u16, String)) -> Option<(Nflog, String)> {
    match Nflog::open(group) {
        Ok(Some(nflog)) => return Some((nflog, prefix)),
        Ok(None) if context.verbose => {
            anstream::eprintln!(
                "{}",
                paint::faint(format!("another program listens to nflog:{group}; the meters tell the same"))
            );
        }
        Ok(None) => {}
        Err(error) => anstream::eprintln!("{}: {error}; the meters tell the same", paint::notable("note")),
    }
    None
}

/// Why the wait is over.
enum Woken {
    Stop,
    Logged,
    Timeout,
}

/// Waits for a signal, for the reader's end, or for a packet in the log; not longer than `pause`.
fn wait(stopped: &UnixStream, nflog: Option<&Nflog>, pause: Duration) -> anyhow::Result<Woken> {
    let stdout = io::stdout();
    // Without events that are asked for, a pipe still tells that nobody reads it.
    let mut waited =
        vec![PollFd::new(stopped, PollFlags::IN), PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::empty())];
    waited.extend(nflog.map(|nflog| PollFd::new(nflog, PollFlags::IN)));
    let pause = Timespec { tv_sec: pause.as_secs().cast_signed(), tv_nsec: pause.subsec_nanos().into() };
    match poll(&mut waited, Some(&pause)) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Woken::Timeout),
        Err(errno) => return Err(errno.into()),
    }
    let came = |index: usize, flags| waited.get(index).is_some_and(|fd| fd.revents().intersects(flags));
    Ok(if came(0, PollFlags::IN) || came(1, PollFlags::ERR | PollFlags::HUP) {
        Woken::Stop
    } else if came(2, PollFlags::IN | PollFlags::ERR) {
        Woken::Logged
    } else {
        Woken::Timeout
    })
}

/// When the meters were looked at, and when again.
struct Look {
    next: Instant,
    last: Instant,
    denied: Option<u64>,
    /// Whether they were looked at since the count stands still. A walk through a meter that grows misses flows.
    is_settled: bool,
}

impl Look {
    fn new() -> Self {
        let now = Instant::now();
        Self { next: now + INTERVAL, last: now, denied: None, is_settled: false }
    }

    fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// What the meters hold, where anything was denied since the last look. To see that, no meter is read.
    fn look(&mut self, kernel: &mut Kernel) -> anyhow::Result<Option<Memory>> {
        let begun = Instant::now();
        let denied = Status::of(kernel.read_frame()?.live()).wall.map(|wall| wall.denied.packets);
        let stands_still = denied == self.denied;
        let is_quiet = stands_still && self.is_settled && self.last.elapsed() < AT_LEAST;
        let memory = if is_quiet { None } else { kernel.remembered()? };
        if !is_quiet {
            (self.denied, self.last, self.is_settled) = (denied, begun, stands_still);
        }
        self.next = Instant::now() + INTERVAL.max(begun.elapsed() * SHARE);
        Ok(memory)
    }
}

/// What is known, and told.
struct Follower {
    follow: Follow,
    filter: Filter,
    host: Host,
    host_read: Instant,
    services: Services,
    is_json: bool,
    /// Whether the wall drops.
    mode: Option<Mode>,
    /// The meters that were said to be full.
    full: Vec<String>,
}

impl Follower {
    /// Tells what is new in the meters.
    fn take_all(&mut self, memory: Memory) -> anyhow::Result<()> {
        let Found { flows, seen } = Found::of(memory);
        let mut remember = 0;
        if let Seen::Meters { meters, mode, .. } = seen {
            self.mode = mode;
            remember = meters.iter().map(|meter| meter.remember).max().unwrap_or_default();
            let newly = meters.iter().filter(|meter| meter.is_full() && !self.full.contains(&meter.name));
            newly.filter(|_| !self.is_json).for_each(say_full);
            self.full = meters.into_iter().filter(|meter| meter.is_full()).map(|meter| meter.name).collect();
        }
        let remember = SignedDuration::from_secs(i64::try_from(remember).unwrap_or(i64::MAX));
        let news = self.follow.look(&flows, Timestamp::now(), remember);
        self.tell(news)
    }

    /// Tells what is new in the log.
    fn hear(&mut self, nflog: Option<&mut (Nflog, String)>) -> anyhow::Result<()> {
        let Some((nflog, prefix)) = nflog else {
            return Ok(());
        };
        let now = Timestamp::now();
        // Other rules may log to the same group.
        let logged = nflog.ready()?.into_iter().filter(|logged| logged.prefix == *prefix);
        let denied = logged.map(|logged| Denied {
            flow: logged.flow,
            packets: Some(1),
            bytes: None,
            first: Some(now),
            last: Some(now),
            mode: self.mode,
        });
        let news = self.follow.hear(&denied.collect::<Vec<_>>(), now);
        self.tell(news)
    }

    fn tell(&mut self, news: Vec<News>) -> anyhow::Result<()> {
        if news.is_empty() {
            return Ok(());
        }
        let unknown = |news: &News| !Names::of(&self.host).is_container(news.denied.flow.source);
        if self.host_read.elapsed() >= NAMES && news.iter().take(LINES).any(unknown) {
            self.host = read_host()?;
            self.host_read = Instant::now();
        }
        let names = Names::of(&self.host);
        let meant: Vec<News> = news.into_iter().filter_map(|news| meant(&self.filter, news, &names)).collect();
        let most = if self.is_json { usize::MAX } else { LINES };
        let mut out = anstream::stdout().lock();
        for news in meant.iter().take(most) {
            match self.is_json {
                true => writeln!(out, "{}", as_json(news, &names, &self.services))?,
                false => writeln!(out, "{}", as_text(news, &names, &self.services))?,
            }
        }
        let rest = meant.get(most.min(meant.len())..).unwrap_or_default();
        if !rest.is_empty() {
            let flows: usize = rest.iter().map(|news| news.ports.len().max(1)).sum();
            writeln!(
                out,
                "{} {}",
                time(None),
                counted(flows, "more new flow", "more new flows") + ": `dockwall denied` lists them"
            )?;
        }
        out.flush()?;
        Ok(())
    }
}

/// Those of its ports that are meant.
fn meant(filter: &Filter, mut news: News, names: &Names) -> Option<News> {
    let takes = |port| {
        let mut denied = news.denied;
        denied.flow.port = port;
        filter.takes(&denied, names)
    };
    if news.ports.is_empty() {
        return takes(None).then_some(news);
    }
    let ports: Vec<u16> = news.ports.iter().copied().filter(|port| takes(Some(*port))).collect();
    news.ports = ports;
    (!news.ports.is_empty()).then_some(news)
}

fn time(at: Option<Timestamp>) -> String {
    let at = at.unwrap_or_else(Timestamp::now).to_zoned_datetime(TimeZone::system());
    paint::faint(at.strftime("%H:%M:%S"))
}

fn as_text(news: &News, names: &Names, services: &Services) -> String {
    let News { denied, ports } = news;
    let protocol = protocol_name(denied.flow.protocol);
    let what = match ports.as_slice() {
        [] => protocol,
        [port] => {
            let service = services.name(*port, denied.flow.protocol).map(|name| format!(" ({name})"));
            format!("{port}/{protocol}{}", service.unwrap_or_default())
        }
        several => {
            let named: Vec<String> = several.iter().take(PORTS).map(ToString::to_string).collect();
            let more = match several.len().saturating_sub(PORTS) {
                0 => String::new(),
                more => format!(" and {} more ports", grouped(more as u64)),
            };
            format!("{protocol} {}{more}", named.join(" "))
        }
    };
    let packets = denied.packets.filter(|packets| *packets > 1);
    let packets = packets.map(|packets| paint::faint(format!("  {} packets", grouped(packets)))).unwrap_or_default();
    let (from, to) = (table::source(denied.flow.source, names), table::destination(denied, names));
    format!("{} {from} → {to} {what}{packets}", time(denied.last))
}

fn as_json(news: &News, names: &Names, services: &Services) -> serde_json::Value {
    let News { denied, ports } = news;
    let service = match ports.as_slice() {
        [port] => services.name(*port, denied.flow.protocol),
        _ => None,
    };
    json!({
        "time": denied.last.unwrap_or_else(Timestamp::now),
        "source": denied.flow.source,
        "destination": denied.flow.destination,
        "protocol": protocol_name(denied.flow.protocol),
        "ports": ports.iter().take(PORTS_AS_JSON).collect::<Vec<_>>(),
        "more_ports": ports.len().saturating_sub(PORTS_AS_JSON),
        "service": service,
        "packets": denied.packets,
        "bytes": denied.bytes,
        "verdict": verdict(denied.mode),
        "source_is": known(names.place(denied.flow.source)),
        "destination_is": known(names.place(denied.flow.destination)),
    })
}
