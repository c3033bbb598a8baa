//! Connections, as those see them who manage the server: looked at, ended, sent to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::forms::Form;
use super::state::Gateway;
use crate::event::Event;
use crate::reactor::{Farewell, Queued, StreamId, StreamInfo, Streams};

/// Where an open stream is: its reactor, and its id there.
pub(super) type Place = (usize, StreamId);

/// How a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// It was made, and its client has not come yet.
    Connecting,
    /// Its client receives.
    Connected,
    /// Its client has gone, and may come back.
    Disconnected,
    /// It broke, or took nothing for too long. Its client may come back.
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

/// What is known of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its id: the one that it was made with, or one for as long as it is open.
    pub id: String,
    /// How it is.
    pub status: ConnectionStatus,
    /// The path of its endpoint, if it is on one.
    pub endpoint: Option<String>,
    /// The topics that it receives.
    pub filter: String,
    /// Whose it is, while it is open.
    pub peer: Option<SocketAddr>,
    /// How long it is open, in whole seconds.
    pub open: Duration,
    /// How long ago the last event was sent; `None`: there was none.
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

/// What [`broadcast`](super::Handle::broadcast) came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broadcast {
    /// Connections that get it.
    pub sent: u64,
    /// Ids of connections for which so much waits already that they do not get it.
    pub full: Vec<String>,
    /// Ids that no open connection has.
    pub unknown: Vec<String>,
}

/// What reactors are asked to do.
pub(super) enum Order {
    /// Tell about the connections.
    Look(Whom),
    /// End them.
    End(Whom, Farewell),
    /// Send them an event that is not kept.
    Send(Whom, Arc<Event>),
}

/// Which connections.
pub(super) enum Whom {
    All,
    /// Those of an endpoint.
    Group(u32),
    /// These; each by its public id.
    These(Vec<(String, Place)>),
}

/// What reactors found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) infos: Vec<ConnectionInfo>,
    /// Public ids that were found, where ids were given.
    pub(super) known: Vec<String>,
    pub(super) count: u64,
    pub(super) full: Vec<String>,
}

impl Found {
    pub(super) fn add(&mut self, more: Self) {
        self.infos.extend(more.infos);
        self.known.extend(more.known);
        self.count += more.count;
        self.full.extend(more.full);
    }
}

impl Gateway {
    /// Does this reactor's part of an order.
    pub(super) fn carry_out(&mut self, order: &Order, streams: &mut Streams<'_, Self>) -> Found {
        let mut found = Found::default();
        match order {
            Order::Look(whom) => {
                for (id, stream) in self.chosen(whom, streams) {
                    if let Some(info) = streams.get(stream) {
                        found.infos.push(self.inform(id, &info));
                        found.count += 1;
                    }
                }
            }
            Order::End(whom, why) => {
                for (id, stream) in self.chosen(whom, streams) {
                    if streams.end(stream, *why) {
                        found.known.extend(id);
                        found.count += 1;
                    }
                }
            }
            Order::Send(whom, event) => self.send_to(whom, event, streams, &mut found),
        }
        found
    }

    fn send_to(
        &mut self,
        whom: &Whom,
        event: &Event,
        streams: &mut Streams<'_, Self>,
        found: &mut Found,
    ) {
        let mut frames: HashMap<u8, Vec<u8>> = HashMap::new();
        for (id, stream) in self.chosen(whom, streams) {
            let Some(info) = streams.get(stream) else {
                continue;
            };
            let id = id.unwrap_or_else(|| self.public_id(&info));
            let form = info.form;
            let frame = frames.entry(form).or_insert_with(|| {
                let mut bytes = Vec::new();
                self.encoder
                    .message(Form::of(form), event.as_ref(), &mut bytes);
                bytes
            });
            match streams.send(stream, frame) {
                Queued::Yes => {
                    found.count += 1;
                    found.known.push(id);
                }
                Queued::Full => {
                    found.known.push(id.clone());
                    found.full.push(id);
                }
                Queued::Unknown => {}
            }
        }
    }

    /// The open streams of this reactor that are meant, each with the id it was asked for by.
    fn chosen(&self, whom: &Whom, streams: &Streams<'_, Self>) -> Vec<(Option<String>, StreamId)> {
        match whom {
            Whom::All => streams.iter().map(|info| (None, info.id)).collect(),
            Whom::Group(group) => {
                let of_group = streams.iter().filter(|info| info.tag.group == *group);
                of_group.map(|info| (None, info.id)).collect()
            }
            Whom::These(these) => {
                let here = these.iter().filter(|(_, (n, _))| *n == self.number());
                let there = here.filter(|(_, (_, stream))| streams.get(*stream).is_some());
                there
                    .map(|(id, (_, stream))| (Some(id.clone()), *stream))
                    .collect()
            }
        }
    }

    fn inform(
        &self,
        id: Option<String>,
        info: &StreamInfo<'_, super::stream::StreamFilter>,
    ) -> ConnectionInfo {
        ConnectionInfo {
            id: id.unwrap_or_else(|| self.public_id(info)),
            status: ConnectionStatus::Connected,
            endpoint: self.common.places.path_of(info.tag.group),
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

    fn public_id(&self, info: &StreamInfo<'_, super::stream::StreamFilter>) -> String {
        let named = self.common.places.name_of(info.tag.name);
        named.unwrap_or_else(|| open_id((self.number(), info.id)))
    }
}

/// The id of an open connection that was not made with one.
fn open_id((reactor, stream): Place) -> String {
    format!("{reactor}-{stream}")
}

/// The place that such an id names; whether somebody is there is another question.
pub(super) fn parse_open_id(id: &str) -> Option<Place> {
    let (reactor, stream) = id.split_once('-')?;
    let bits = u64::from_str_radix(stream, 16).ok()?;
    let place = (reactor.parse().ok()?, StreamId::from_bits(bits));
    (open_id(place) == id).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_open_connections_have_one_spelling() {
        let place = (3, StreamId::from_bits(0x2a_0000_0007));
        assert_eq!(parse_open_id(&open_id(place)), Some(place));
        for strange in [
            "", "-", "3", "3-", "03-2a", "3-2A", "3-02a", "+3-2a", "3-2a-",
        ] {
            assert_eq!(parse_open_id(strange), None, "{strange}");
        }
    }
}
