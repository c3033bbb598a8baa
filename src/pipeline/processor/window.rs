//! Windows: events of one key each, folded by number or time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Piece, Step, WINDOWS_MAX};
use crate::event::Event;
use crate::pipeline::handler::HandlerError;

/// Events of one key each, until there are enough or it is time.
pub(super) struct Window<F> {
    count: usize,
    span: Option<Duration>,
    fold: F,
    open: HashMap<Option<Arc<str>>, (Instant, Vec<Event>)>,
    /// The keys in the order in which their windows opened.
    order: Vec<Option<Arc<str>>>,
}

impl<F: FnMut(&[Event]) -> Result<Option<Event>, HandlerError> + Send> Window<F> {
    pub(super) fn new(count: usize, span: Option<Duration>, fold: F) -> Self {
        Self {
            count,
            span,
            fold,
            open: HashMap::new(),
            order: Vec::new(),
        }
    }

    fn fold(&mut self, key: &Option<Arc<str>>, out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        // Before the fold, which may fail or panic: a window that is gone must not leave its key behind.
        self.order.retain(|one| one != key);
        let Some((_, events)) = self.open.remove(key) else {
            return Ok(());
        };
        let folded = (self.fold)(&events)?;
        out.extend(folded.map(|event| Piece {
            key: key.clone(),
            event,
        }));
        Ok(())
    }
}

impl<F: FnMut(&[Event]) -> Result<Option<Event>, HandlerError> + Send> Step for Window<F> {
    fn feed(&mut self, piece: Piece, out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        let key = piece.key;
        if !self.open.contains_key(&key) {
            // All are closed rather than one refused: memory stays bounded, and no event is left out.
            if self.open.len() >= WINDOWS_MAX {
                self.close(None, out)?;
            }
            self.order.push(key.clone());
        }
        let window = self
            .open
            .entry(key.clone())
            .or_insert_with(|| (Instant::now(), Vec::new()));
        window.1.push(piece.event);
        if window.1.len() >= self.count {
            self.fold(&key, out)?;
        }
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        // All have one span, so the one that was opened first is due first.
        let (opened, _) = self.open.get(self.order.first()?)?;
        opened.checked_add(self.span?)
    }

    fn close(&mut self, now: Option<Instant>, out: &mut Vec<Piece>) -> Result<(), HandlerError> {
        let mut done = Ok(());
        while let Some(key) = self.order.first().cloned() {
            if now.is_some_and(|now| self.due().is_none_or(|due| due > now)) {
                break;
            }
            // A fold that fails loses its window to the policy; the others go on.
            done = done.and(self.fold(&key, out));
        }
        done
    }
}
