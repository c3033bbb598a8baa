//! Lists that are told in pieces: each is found, written and sent before the next one is looked for, so that neither
//! the reactor's time nor its memory goes by the length of a list.

use crate::gateway::admin::commands::{CommandError, CommandQueues, PendingCommand, Reactors};
use crate::gateway::admin::connections::{
    Command, CommandResult, ConnectionAddr, ConnectionInfo, NamedConnection, parse_open_id,
};
use crate::gateway::admin::endpoints::{Endpoints, KnownConnection};
use crate::gateway::http::query::{self, Query};

/// Connections told in one answer where nothing else is asked for.
const PAGE: u64 = 100;

/// A page of a list: so many after an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Page {
    pub(in crate::gateway) limit: usize,
    pub(in crate::gateway) after: String,
}

impl Page {
    pub(super) fn read(query: &Query<'_>) -> Self {
        Self {
            limit: query.number(&query::LIMIT).unwrap_or(PAGE) as usize,
            after: query.text(&query::AFTER).unwrap_or_default().to_owned(),
        }
    }
}

/// A walk over all connections: first those that were made, by id, then the others by reactor and slot.
pub(in crate::gateway) struct ConnectionWalk {
    stage: Stage,
    pending: Option<PendingCommand>,
    /// The reserved connections that reactors are asked about, each as it is known here.
    known: Vec<KnownConnection>,
}

enum Stage {
    /// Reserved connections after an id.
    Reserved(String),
    /// Open ones from a slot of a reactor on.
    Open {
        reactor: usize,
        slot: u32,
    },
    Over,
}

impl ConnectionWalk {
    /// Begins after the connection of an id; empty: with the first one.
    pub(in crate::gateway) fn after(id: &str) -> Self {
        let stage = match parse_open_id(id) {
            Some(ConnectionAddr { reactor, stream }) => Stage::Open {
                reactor,
                slot: stream.slot().saturating_add(1),
            },
            None => Stage::Reserved(id.to_owned()),
        };
        Self {
            stage,
            pending: None,
            known: Vec::new(),
        }
    }

    pub(in crate::gateway) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The next connections, `limit` at most, perhaps none though there are more. `None`: reactors are asked; `done`
    /// is called when they have answered.
    pub(in crate::gateway) fn next(
        &mut self,
        limit: usize,
        commands: &CommandQueues,
        endpoints: &Endpoints,
        done: impl Fn() + Send + Sync + 'static,
    ) -> Option<Vec<ConnectionInfo>> {
        if let Some(pending) = &self.pending {
            if !pending.is_done() {
                return None;
            }
            let found = pending.take();
            self.pending = None;
            return Some(self.found(found, commands));
        }
        let (to, command) = match &self.stage {
            Stage::Over => return Some(Vec::new()),
            Stage::Reserved(after) => {
                self.known = endpoints.reserved_after(after, limit);
                let open = self.known.iter();
                let open: Vec<NamedConnection> = open
                    .filter_map(|known| {
                        Some(NamedConnection {
                            id: known.info.id.clone(),
                            addr: known.addr?,
                        })
                    })
                    .collect();
                if open.is_empty() {
                    return Some(self.found(CommandResult::default(), commands));
                }
                (Reactors::All, Command::Look(open))
            }
            Stage::Open { reactor, slot } => (
                Reactors::One(*reactor),
                Command::List { from: *slot, limit },
            ),
        };
        match commands.send(to, command, done) {
            Ok(pending) => self.pending = Some(pending),
            // Sent again later: what is in the way is done in turns.
            Err(CommandError::Busy) => {}
            Err(CommandError::Closed) => {
                return Some(self.found(CommandResult::default(), commands));
            }
        }
        None
    }

    /// Moves on, and says what was found.
    fn found(&mut self, found: CommandResult, commands: &CommandQueues) -> Vec<ConnectionInfo> {
        let (stage, infos) = match &self.stage {
            Stage::Reserved(_) => {
                let mut open = found.infos;
                let known = std::mem::take(&mut self.known);
                let last = known.last().map(|known| known.info.id.clone());
                let infos = known.into_iter().map(|known| {
                    // They were asked about by order of their ids, but come by reactor.
                    let n = open.iter().position(|info| info.id == known.info.id);
                    n.map_or(known.info, |n| open.swap_remove(n))
                });
                let infos: Vec<_> = infos.collect();
                (
                    last.map_or(
                        Stage::Open {
                            reactor: 0,
                            slot: 0,
                        },
                        Stage::Reserved,
                    ),
                    infos,
                )
            }
            Stage::Open { reactor, .. } => {
                let next = match found.next {
                    Some(slot) => Stage::Open {
                        reactor: *reactor,
                        slot,
                    },
                    None if reactor + 1 < commands.len() => Stage::Open {
                        reactor: reactor + 1,
                        slot: 0,
                    },
                    None => Stage::Over,
                };
                (next, found.infos)
            }
            Stage::Over => (Stage::Over, Vec::new()),
        };
        self.stage = stage;
        infos
    }
}
