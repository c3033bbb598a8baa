//! Lists that are told in pieces: each is found, written and sent before the next one is looked for, so that neither
//! the reactor's time nor its memory goes by the length of a list.

use crate::gateway::admin::commands::{Asked, Desks, NotTaken, To};
use crate::gateway::admin::connections::{ConnectionInfo, Found, Order, Place, parse_open_id};
use crate::gateway::admin::endpoints::{Known, Places};

/// A walk over all connections: first those that were made, by id, then the others by reactor and slot.
pub(in crate::gateway) struct Walk {
    stage: Stage,
    asked: Option<Asked>,
    /// The made connections that reactors are asked about, each as it is known here.
    known: Vec<Known>,
}

enum Stage {
    /// Made ones after an id.
    Made(String),
    /// Open ones from a slot of a reactor on.
    Open(usize, u32),
    Over,
}

impl Walk {
    /// Begins after the connection of an id; empty: with the first one.
    pub(in crate::gateway) fn after(id: &str) -> Self {
        let stage = match parse_open_id(id) {
            Some((reactor, stream)) => Stage::Open(reactor, stream.slot().saturating_add(1)),
            None => Stage::Made(id.to_owned()),
        };
        Self {
            stage,
            asked: None,
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
        (desks, places): (&Desks, &Places),
        done: impl Fn() + Send + Sync + 'static,
    ) -> Option<Vec<ConnectionInfo>> {
        if let Some(asked) = &self.asked {
            if !asked.is_done() {
                return None;
            }
            let found = asked.take();
            self.asked = None;
            return Some(self.found(found, desks));
        }
        let order = match &self.stage {
            Stage::Over => return Some(Vec::new()),
            Stage::Made(after) => {
                self.known = places.known_after(after, limit);
                let open = self.known.iter();
                let open: Vec<(String, Place)> = open
                    .filter_map(|known| Some((known.info.id.clone(), known.place?)))
                    .collect();
                if open.is_empty() {
                    return Some(self.found(Found::default(), desks));
                }
                (To::All, Order::Look(open))
            }
            Stage::Open(reactor, slot) => (To::One(*reactor), Order::List(*slot, limit)),
        };
        match desks.send(order, done) {
            Ok(asked) => self.asked = Some(asked),
            // Asked again later: what is in the way is done in turns.
            Err(NotTaken::Busy) => {}
            Err(NotTaken::Closed) => return Some(self.found(Found::default(), desks)),
        }
        None
    }

    /// Moves on, and says what was found.
    fn found(&mut self, found: Found, desks: &Desks) -> Vec<ConnectionInfo> {
        let (stage, infos) = match &self.stage {
            Stage::Made(_) => {
                let mut open = found.infos;
                let known = std::mem::take(&mut self.known);
                let last = known.last().map(|known| known.info.id.clone());
                let infos = known.into_iter().map(|known| {
                    // They were asked about by order of their ids, but come by reactor.
                    let n = open.iter().position(|info| info.id == known.info.id);
                    n.map_or(known.info, |n| open.swap_remove(n))
                });
                let infos: Vec<_> = infos.collect();
                (last.map_or(Stage::Open(0, 0), Stage::Made), infos)
            }
            Stage::Open(reactor, _) => {
                let next = match found.next {
                    Some(slot) => Stage::Open(*reactor, slot),
                    None if reactor + 1 < desks.len() => Stage::Open(reactor + 1, 0),
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
