//! What the kernel says by netlink (`man 7 netlink`), one request after the other.

use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use netlink_packet_core::{
    DecodeError, DoneBuffer, ErrorBuffer, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE,
    NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable, NlasIterator,
};
use netlink_sys::Socket;
use rustix::net::sockopt;

use super::facts_error::FactsError;

/// What one read takes at most. The kernel fills a dump's datagrams up to 32 KiB.
const READ_LEN: usize = 64 * 1024;

/// How long the kernel may take for its next datagram. It waits for the lock under which links are
/// made, which takes seconds where thousands of containers start.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a list is asked for that changed while it was being sent.
const ATTEMPTS: u32 = 50;

/// How long to wait before the next attempt.
const PAUSE: Duration = Duration::from_millis(5);

/// A connection to one of the kernel's netlink protocols, in the network namespace in which it was
/// opened.
pub(super) struct Netlink {
    socket: Socket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Connects to a protocol of [`netlink_sys::protocols`].
    pub fn open(protocol: isize) -> Result<Self, FactsError> {
        let failed = |doing| move |source| FactsError::Socket { doing, source };
        let mut socket = Socket::new(protocol).map_err(failed("open"))?;
        socket.bind_auto().map_err(failed("bind"))?;
        let waiting = sockopt::set_socket_timeout(socket.as_fd(), sockopt::Timeout::Recv, Some(PATIENCE));
        waiting.map_err(|errno| failed("set up")(errno.into()))?;
        Ok(Self { socket, buffer: Vec::with_capacity(READ_LEN), sequence: 0 })
    }

    /// Everything that `request` lists, as it was at one instant: `decode` reads one message, and
    /// gives nothing for what is of no interest.
    pub fn dump<T, D: IntoIterator<Item = T>>(
        &mut self,
        request: impl NetlinkSerializable + Clone,
        what: &'static str,
        decode: impl Fn(&[u8]) -> Result<D, DecodeError>,
    ) -> Result<Vec<T>, FactsError> {
        for _ in 0..ATTEMPTS {
            self.send(request.clone(), NLM_F_DUMP)?;
            if let Some(listed) = self.collect(what, &decode, Until::Done)? {
                return Ok(listed);
            }
            thread::sleep(PAUSE);
        }
        Err(FactsError::Unsettled { what, attempts: ATTEMPTS })
    }

    /// The one answer to `request`.
    pub fn get<T>(
        &mut self,
        request: impl NetlinkSerializable,
        what: &'static str,
        decode: impl Fn(&[u8]) -> Result<Option<T>, DecodeError>,
    ) -> Result<Option<T>, FactsError> {
        self.send(request, 0)?;
        let answers = self.collect(what, decode, Until::First)?;
        Ok(answers.unwrap_or_default().into_iter().next())
    }

    /// Has `request` done.
    pub fn change(
        &mut self,
        request: impl NetlinkSerializable,
        flags: u16,
        what: &'static str,
    ) -> Result<(), FactsError> {
        self.send(request, NLM_F_ACK | flags)?;
        self.collect(what, |_| Ok(None::<()>), Until::Done).map(drop)
    }

    fn send(&mut self, request: impl NetlinkSerializable, flags: u16) -> Result<(), FactsError> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        let sent = uninterrupted(|| self.socket.send(&bytes, 0));
        sent.map(drop).map_err(|source| FactsError::Socket { doing: "ask through", source })
    }

    /// The answers; none when the kernel says that they are no whole.
    fn collect<T, D: IntoIterator<Item = T>>(
        &mut self,
        what: &'static str,
        decode: impl Fn(&[u8]) -> Result<D, DecodeError>,
        until: Until,
    ) -> Result<Option<Vec<T>>, FactsError> {
        let malformed = |source| FactsError::Malformed { what, source };
        let (mut listed, mut interrupted) = (Vec::new(), false);
        loop {
            self.receive()?;
            let mut rest = self.buffer.as_slice();
            while !rest.is_empty() {
                let message = NetlinkBuffer::new_checked(rest).map_err(malformed)?;
                rest = rest.get((message.length() as usize).next_multiple_of(4)..).unwrap_or_default();
                if message.sequence_number() != self.sequence {
                    continue;
                }
                interrupted |= message.flags() & NLM_F_DUMP_INTR != 0;
                match message.message_type() {
                    NLMSG_ERROR | NLMSG_DONE => {
                        refusal(&message)
                            .map_err(malformed)?
                            .map_or(Ok(()), |source| Err(FactsError::Refused { what, source }))?;
                        return Ok((!interrupted).then_some(listed));
                    }
                    _ => listed.extend(decode(message.payload()).map_err(malformed)?),
                }
                if until == Until::First {
                    return Ok(Some(listed));
                }
            }
        }
    }

    fn receive(&mut self) -> Result<(), FactsError> {
        self.buffer.clear();
        let received = uninterrupted(|| self.socket.recv(&mut self.buffer, 0));
        received.map(drop).map_err(|source| FactsError::Socket {
            doing: "read from",
            source: match source.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => source,
            },
        })
    }
}

/// How many messages answer a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// One.
    First,
    /// Those before the one that says so.
    Done,
}

/// The attributes of a message, behind the `header_len` bytes of its own header.
pub(super) fn attributes(payload: &[u8], header_len: usize) -> NlasIterator<&[u8]> {
    NlasIterator::new(payload.get(header_len..).unwrap_or_default())
}

/// Text that ends at its first NUL. The kernel takes any bytes for an interface's name but
/// whitespace, `/` and `:` (`dev_valid_name`); what is no UTF-8 is marked, and no pattern that can
/// be written matches the mark.
pub(super) fn text(value: &[u8]) -> String {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// The errno with which a dump ended, where it ended with one.
fn refusal(message: &NetlinkBuffer<&[u8]>) -> Result<Option<io::Error>, DecodeError> {
    let payload = message.payload();
    let code = match message.message_type() {
        NLMSG_ERROR => ErrorBuffer::new_checked(payload)?.code().map_or(0, i32::from),
        // The kernel may leave the code out.
        _ if payload.is_empty() => 0,
        _ => DoneBuffer::new_checked(payload)?.code(),
    };
    Ok((code != 0).then(|| io::Error::from_raw_os_error(code.saturating_neg())))
}

fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
