//! Connections, as those see them who manage the server: looked at, ended, sent to.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::fanout::FormId;
use crate::gateway::admin::endpoints::Endpoints;
use crate::gateway::delivery::{OpenStreams, SendOutcome, StreamInfo, StreamOwner};
use crate::gateway::encode::{Encoder, WireFormat};
use crate::net::{DisconnectReason, StreamId};

/// The address of an open stream: its reactor, and its id there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct ConnectionAddr {
    /// The number of its reactor.
    pub(in crate::gateway) reactor: usize,
    /// Its id among the streams of that reactor.
    pub(in crate::gateway) stream: StreamId,
}

/// A connection that a command names: by its public id, and by where its stream is.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct NamedConnection {
    pub(in crate::gateway) id: String,
    pub(in crate::gateway) addr: ConnectionAddr,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// Made, and its client has not come yet.
    Connecting,
    /// Its client receives.
    Connected,
    /// Its client has gone, and may come back.
    Disconnected,
    /// Broken, or it took nothing for too long. Its client may come back.
    Error,
}

impl ConnectionStatus {
    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Error => "error",
        }
    }
}

/// A connection, as far as it is known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its id: the one that it was made with, or one for as long as it is open.
    pub id: String,
    /// Its state.
    pub status: ConnectionStatus,
    /// The path of its endpoint, if it is on one.
    pub endpoint: Option<String>,
    /// The topics that it receives.
    pub filter: String,
    /// The client's address, while it is open.
    pub peer: Option<SocketAddr>,
    /// Age since it opened, in whole seconds.
    pub open: Duration,
    /// Time since the last event was sent; `None`: there was none.
    pub last_event_ago: Option<Duration>,
    /// Events sent.
    pub delivered: u64,
    /// Events that it was told it does not get, at most.
    pub missed: u64,
    /// Bytes that its socket took.
    pub bytes: u64,
    /// Events of all topics between it and the newest one.
    pub lag: u64,
}

/// The result of a [`broadcast`](crate::gateway::ServerHandle::broadcast).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broadcast {
    /// Connections that get it.
    pub sent: u64,
    /// Ids of connections for which so much waits already that they do not get it; the first thousand of them.
    pub full: Vec<String>,
    /// Ids that no open connection has.
    pub unknown: Vec<String>,
}

impl Broadcast {
    /// Makes the result for the ids that were `asked` for.
    pub(in crate::gateway) fn of(found: CommandResult, asked: Vec<String>) -> Self {
        let known: HashSet<String> = found.known.into_iter().collect();
        Self {
            sent: found.count,
            unknown: asked.into_iter().filter(|id| !known.contains(id)).collect(),
            full: found.full,
        }
    }
}

/// A command to reactors about their connections.
pub(in crate::gateway) enum Command {
    /// Tell about the connections of these ids.
    Look(Vec<NamedConnection>),
    /// Tell about open streams that have no id of their own: `limit` of them, or fewer if what is told of them
    /// becomes long.
    List {
        /// The first slot to look at.
        from: u32,
        limit: usize,
    },
    /// End them.
    End(Target, DisconnectReason),
    /// Send them an event that is not kept.
    Send(Target, Arc<Event>),
}

impl Command {
    /// Returns whether it changes nothing: then it is for the one who asked alone.
    pub(super) fn only_reads(&self) -> bool {
        matches!(self, Self::Look(_) | Self::List { .. })
    }
}

/// The connections that a command is for.
pub(in crate::gateway) enum Target {
    All,
    /// Those of an endpoint.
    Group(u32),
    These(Vec<NamedConnection>),
}

/// The result of a command: of one reactor, or of all of them together.
#[derive(Default)]
pub(in crate::gateway) struct CommandResult {
    pub(in crate::gateway) infos: Vec<ConnectionInfo>,
    /// Bytes of what is told of them, about.
    bytes: usize,
    /// The slot to go on from; `None`: there are no more.
    pub(in crate::gateway) next: Option<u32>,
    /// Public ids that were found, where ids were given.
    pub(in crate::gateway) known: Vec<String>,
    pub(in crate::gateway) count: u64,
    pub(in crate::gateway) full: Vec<String>,
}

impl CommandResult {
    pub(in crate::gateway) fn add(&mut self, more: Self) {
        self.infos.extend(more.infos);
        self.bytes += more.bytes;
        self.next = self.next.or(more.next);
        self.known.extend(more.known);
        self.count += more.count;
        self.full.extend(more.full);
        self.full.truncate(FULL_MAX);
    }
}

/// The progress of one reactor with its part of a command.
#[derive(Default)]
pub(in crate::gateway) struct Progress {
    at: usize,
    /// The event of a broadcast, in the wire forms that were needed so far.
    frames: HashMap<FormId, Vec<u8>>,
    pub(in crate::gateway) found: CommandResult,
}

/// Ids of full connections that a broadcast tells.
const FULL_MAX: usize = 1000;
/// Bytes that are told of a connection beside its filter.
const INFO_BYTES: usize = 256;
/// Bytes of what is told of connections in one go.
pub(in crate::gateway) const PIECE_BYTES: usize = 32 << 10;
/// The cost of telling about a connection, in looks at one.
const TELL_STEPS: usize = 64;
const END_STEPS: usize = 64;
const SEND_STEPS: usize = 16;

/// The next connection that a command is for.
enum Next {
    Stream(Option<String>, StreamId),
    /// There are no steps left.
    Pause,
    Done,
}

/// The executor of the commands of one reactor.
pub(in crate::gateway) struct Executor<'g> {
    pub(in crate::gateway) reactor: usize,
    pub(in crate::gateway) endpoints: &'g Endpoints,
    pub(in crate::gateway) encoder: &'g mut Encoder,
}

impl Executor<'_> {
    /// Executes some of this reactor's part of a command, as much as there are `steps` for; `true`: all of it.
    pub(super) fn execute(
        &mut self,
        command: &Command,
        progress: &mut Progress,
        steps: &mut usize,
        streams: &mut OpenStreams<'_, '_>,
    ) -> bool {
        let (target, cost) = match command {
            Command::Look(these) => return self.look(these, progress, steps, streams),
            Command::List { from, limit } => {
                // The command may take several turns: only the first one starts there.
                progress.at = progress.at.max(*from as usize);
                return self.list(*limit, progress, steps, streams);
            }
            Command::End(target, _) => (target, END_STEPS),
            Command::Send(target, _) => (target, SEND_STEPS),
        };
        loop {
            let (id, stream) = match self.next_target(target, &mut progress.at, steps, streams) {
                Next::Stream(id, stream) => (id, stream),
                Next::Pause => return false,
                Next::Done => return true,
            };
            *steps = steps.saturating_sub(cost);
            match command {
                Command::End(_, why) if streams.end(stream, *why) => {
                    progress.found.known.extend(id);
                    progress.found.count += 1;
                }
                Command::Send(_, event) => self.send_to(id, stream, event, streams, progress),
                _ => {}
            }
        }
    }

    fn look(
        &self,
        these: &[NamedConnection],
        progress: &mut Progress,
        steps: &mut usize,
        streams: &OpenStreams<'_, '_>,
    ) -> bool {
        while let Some(NamedConnection { id, addr }) = these.get(progress.at) {
            if *steps == 0 {
                return false;
            }
            progress.at += 1;
            *steps -= 1;
            if let Some(info) = self.local(*addr).and_then(|stream| streams.get(stream)) {
                *steps = steps.saturating_sub(TELL_STEPS);
                progress
                    .found
                    .infos
                    .push(self.connection_info(id.clone(), &info));
                progress.found.count += 1;
            }
        }
        true
    }

    fn list(
        &self,
        limit: usize,
        progress: &mut Progress,
        steps: &mut usize,
        streams: &OpenStreams<'_, '_>,
    ) -> bool {
        let found = &mut progress.found;
        while progress.at < streams.slots() {
            if found.infos.len() >= limit || found.bytes >= PIECE_BYTES {
                found.next = Some(progress.at as u32);
                return true;
            }
            if *steps == 0 {
                return false;
            }
            *steps -= 1;
            let there = streams.at(progress.at as u32);
            progress.at += 1;
            // Those that have an id of their own are told with those that were made.
            if let Some(info) = there
                && self.endpoints.name_of(info.owner.connection).is_none()
            {
                *steps = steps.saturating_sub(TELL_STEPS);
                let info = self.connection_info(open_id(self.addr(info.id)), &info);
                found.bytes += info.filter.len() + INFO_BYTES;
                found.infos.push(info);
                found.count += 1;
            }
        }
        true
    }

    fn send_to(
        &mut self,
        id: Option<String>,
        stream: StreamId,
        event: &Event,
        streams: &mut OpenStreams<'_, '_>,
        Progress { frames, found, .. }: &mut Progress,
    ) {
        let Some(info) = streams.get(stream) else {
            return;
        };
        let (form, owner) = (info.form, info.owner);
        // Encoded once for each wire form, not once for each connection.
        let frame = frames.entry(form).or_insert_with(|| {
            let mut bytes = Vec::new();
            self.encoder
                .message(WireFormat::of(form), event.as_ref(), &mut bytes);
            bytes
        });
        match streams.send(stream, frame) {
            SendOutcome::Queued => {
                found.count += 1;
                found.known.extend(id);
            }
            SendOutcome::Full => {
                // It is there, only full: not to be told among those that are unknown.
                found.known.extend(id.clone());
                if found.full.len() < FULL_MAX {
                    found
                        .full
                        .push(id.unwrap_or_else(|| self.public_id(owner, stream)));
                }
            }
            SendOutcome::Unknown => {}
        }
    }

    /// The next open stream of this reactor that is meant, with the id that it was asked for by.
    fn next_target(
        &self,
        target: &Target,
        at: &mut usize,
        steps: &mut usize,
        streams: &OpenStreams<'_, '_>,
    ) -> Next {
        loop {
            if *steps == 0 {
                return Next::Pause;
            }
            *steps -= 1;
            let n = std::mem::replace(at, *at + 1);
            let found = match target {
                Target::These(these) => {
                    let Some(NamedConnection { id, addr }) = these.get(n) else {
                        return Next::Done;
                    };
                    let stream = self.local(*addr);
                    let stream = stream.filter(|stream| streams.get(*stream).is_some());
                    stream.map(|stream| (Some(id.clone()), stream))
                }
                Target::All | Target::Group(_) => {
                    if n >= streams.slots() {
                        return Next::Done;
                    }
                    let meant = |owner: StreamOwner| match target {
                        Target::Group(group) => owner.endpoint == *group,
                        _ => true,
                    };
                    let info = streams.at(n as u32).filter(|info| meant(info.owner));
                    info.map(|info| (None, info.id))
                }
            };
            if let Some((id, stream)) = found {
                return Next::Stream(id, stream);
            }
        }
    }

    /// Returns the stream at an address, if it is one of this reactor.
    fn local(&self, addr: ConnectionAddr) -> Option<StreamId> {
        // A command goes to all reactors with the whole list: each does its own part, and passes over the rest.
        (addr.reactor == self.reactor).then_some(addr.stream)
    }

    fn addr(&self, stream: StreamId) -> ConnectionAddr {
        ConnectionAddr {
            reactor: self.reactor,
            stream,
        }
    }

    fn connection_info(&self, id: String, info: &StreamInfo<'_>) -> ConnectionInfo {
        ConnectionInfo {
            id,
            status: ConnectionStatus::Connected,
            endpoint: self.endpoints.path_of(info.owner.endpoint),
            filter: info.key.wanted.to_string(),
            peer: Some(info.peer),
            open: info.open,
            last_event_ago: info.last_event.map(|s| Duration::from_secs(s.into())),
            delivered: info.delivered,
            missed: info.missed.into(),
            bytes: info.bytes,
            lag: info.lag,
        }
    }

    fn public_id(&self, owner: StreamOwner, stream: StreamId) -> String {
        let named = self.endpoints.name_of(owner.connection);
        named.unwrap_or_else(|| open_id(self.addr(stream)))
    }
}

/// The id of an open connection that was not made with one.
fn open_id(ConnectionAddr { reactor, stream }: ConnectionAddr) -> String {
    format!("{reactor}-{stream}")
}

/// Reads the address that such an id names; whether a stream is there is another question.
pub(super) fn parse_open_id(id: &str) -> Option<ConnectionAddr> {
    let (reactor, stream) = id.split_once('-')?;
    let bits = u64::from_str_radix(stream, 16).ok()?;
    let addr = ConnectionAddr {
        reactor: reactor.parse().ok()?,
        stream: StreamId::from_bits(bits),
    };
    // One spelling for each connection: numbers may also be read with zeros or a sign in front.
    (open_id(addr) == id).then_some(addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_open_connections_have_one_spelling() {
        let addr = ConnectionAddr {
            reactor: 3,
            stream: StreamId::from_bits(0x2a_0000_0007),
        };
        assert_eq!(parse_open_id(&open_id(addr)), Some(addr));
        for strange in [
            "", "-", "3", "3-", "03-2a", "3-2A", "3-02a", "+3-2a", "3-2a-",
        ] {
            assert_eq!(parse_open_id(strange), None, "{strange}");
        }
    }
}
