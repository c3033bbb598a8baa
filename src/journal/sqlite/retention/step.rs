//! A step of retention: what goes in one transaction, and what is noted once that is committed.

use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;

use super::clock;
use super::meta::{BELIEVED, EXEMPT, UNSWEPT, set_meta, write_checked, write_events};
use super::prefix::{End, Limits, Looked, Stepped};
use super::{
    AGE_EVERY, CAPPED, EXCEEDED, FLOORS_MANY, Floors, LEAST_BYTES, Left, Outcome, Retaining,
    SWEEP_ALL, Sweep, There, Work,
};
use crate::deadline;
use crate::journal::chunk::ChunkBuilder;
use crate::journal::holds;
use crate::journal::sqlite::view::View;

impl Retaining {
    /// Makes a step, within a transaction, and shows the new floors.
    pub(in crate::journal::sqlite) fn step(
        &mut self,
        (work, looked): (Work, &Looked),
        connection: &Connection,
        builder: &mut ChunkBuilder,
        there: There,
        view: &View,
        now: Instant,
    ) -> rusqlite::Result<Outcome> {
        let wall = self.clock.look(clock::wall(connection)?, now);
        self.is_stuck = false;
        let holds = self.holds(connection, wall, there)?;
        let believed = wall.filter(|wall| self.clock.is_due(*wall));
        if let Some(believed) = believed {
            set_meta(connection, BELIEVED, believed as u64)?;
        }
        let mut outcome = Outcome {
            floors: Arc::clone(&self.floors),
            exempt: self.exempt,
            looked: self.looked,
            believed,
            ..Outcome::default()
        };
        // Copied when one changes.
        let mut floors = Arc::clone(&self.floors);
        let hold = holds.lowest.as_ref().map_or(u64::MAX, |hold| hold.position);
        match work {
            Work::Build => {}
            Work::Pass => {
                // Looking has begun it.
                let Some(mut pass) = self.pass else {
                    return Ok(outcome);
                };
                let limits = Limits {
                    streams: self.bounds.streams,
                    has_streams: self.has_streams,
                    hold,
                    last: there.last,
                };
                let stepped = pass.step(connection, builder, looked, &limits);
                self.is_stuck = stepped.is_err();
                let stepped = stepped?;
                let mut all = floors.all();
                all.retained = all.retained.max(stepped.floor);
                if limits.streams {
                    all.retained_streams = all.retained_streams.max(stepped.floor);
                }
                if all != floors.all() {
                    Arc::make_mut(&mut floors).set_all(all);
                    floors.write_all(connection)?;
                }
                (outcome.exempt, outcome.looked) = match limits.streams {
                    true => (0, 0),
                    false => (outcome.exempt + stepped.exempt, pass.at()),
                };
                outcome.gone = stepped.gone;
                outcome.pass = Some((pass, stepped));
            }
            Work::Raise => {
                if self.topics_age_at.is_some_and(|at| at <= now) {
                    self.topics_age_at = Some(deadline::after(now, AGE_EVERY));
                }
                let (raises, is_held) = self.topics.raises(wall, hold);
                for raise in &raises {
                    let mut floor = floors.topic(&raise.name);
                    floor.retained = floor.retained.max(raise.excess.floor);
                    if raise.streams {
                        floor.retained_streams = floor.retained_streams.max(raise.excess.floor);
                    }
                    if floor != floors.topic(&raise.name) {
                        Arc::make_mut(&mut floors).raise_topic(connection, &raise.name, floor)?;
                    }
                }
                if !raises.is_empty() && self.sweep.is_none() {
                    set_meta(connection, UNSWEPT, self.unswept_with(&raises))?;
                }
                outcome.raises = Some((raises, is_held));
            }
            Work::Sweep => {
                let begins = self.sweep.is_none();
                let is_crowded = floors.topics() > FLOORS_MANY;
                let sweep = self.sweep.clone();
                let mut sweep = sweep.unwrap_or_else(|| Sweep::new(is_crowded));
                let began = sweep.at();
                let (gone, is_done) = sweep.step(connection, builder, &floors, there.last)?;
                // Of what a pass has looked at only events with a stream are left.
                if began < self.looked {
                    outcome.exempt = outcome.exempt.saturating_sub(gone.bytes);
                }
                outcome.gone = gone;
                if is_done {
                    Floors::forget(&mut floors, connection, sweep.needed())?;
                    let since = if begins { 0 } else { self.unswept };
                    set_meta(connection, UNSWEPT, since)?;
                } else if begins {
                    set_meta(connection, UNSWEPT, SWEEP_ALL)?;
                }
                outcome.sweep = Some((sweep, is_done));
            }
        }
        if (outcome.exempt, outcome.looked) != (self.exempt, self.looked) {
            write_checked(connection, EXEMPT, [outcome.exempt, outcome.looked])?;
        }
        if outcome.gone.events > 0 {
            let events = there.events.saturating_sub(outcome.gone.events);
            write_events(connection, events, there.last)?;
        }
        if !Arc::ptr_eq(&floors, &self.floors) {
            outcome.floors = floors;
            view.set_floors(Arc::clone(&outcome.floors));
        }
        outcome.holds = holds;
        Ok(outcome)
    }

    /// Notes that a step is committed.
    pub(in crate::journal::sqlite) fn done(
        &mut self,
        outcome: Outcome,
        oldest: Option<(u64, i64)>,
        there: There,
        view: &View,
        now: Instant,
    ) {
        view.removed(outcome.gone.events, outcome.gone.bytes, oldest);
        view.set_age_suspended(self.is_age_suspended());
        view.cut_holds(outcome.holds.cut);
        self.floors = outcome.floors;
        (self.exempt, self.looked) = (outcome.exempt, outcome.looked);
        if let Some(believed) = outcome.believed {
            self.clock.written(believed);
        }
        if let Some((raises, is_held)) = outcome.raises {
            self.unswept = self.unswept_with(&raises);
            for raise in &raises {
                self.need(&raise.name);
            }
            let has_more = self.topics.raised(&raises);
            self.topics_left = match (has_more, is_held) {
                (true, _) => Left::More,
                (false, true) => Left::Blocked,
                (false, false) => Left::Nothing,
            };
            if self.topics_left != Left::Nothing {
                self.topics.is_due = true;
                self.topics_not_before = Some(deadline::after(now, CAPPED));
            }
        }
        if let Some((sweep, is_done)) = outcome.sweep {
            if self.sweep.is_none() {
                self.unswept = 0;
            }
            self.sweep = Some(sweep).filter(|_| !is_done);
        }
        if let Some((pass, stepped)) = outcome.pass {
            self.freed += stepped.freed;
            // Rows have gone whose pages are not free yet.
            let is_left = stepped.end == Some(End::Done) && self.excess(there).0 > 0;
            self.pass = Some(pass).filter(|_| stepped.end.is_none() || is_left);
            if self.pass.is_none() {
                self.passed(stepped, outcome.holds.lowest, there, now);
            }
        }
    }

    /// Notes that a pass is over.
    fn passed(&mut self, stepped: Stepped, held: Option<holds::Hold>, there: There, now: Instant) {
        self.exceeded = None;
        self.left = Left::Nothing;
        match stepped.end {
            None => {}
            Some(End::Done) => self.next_events = stepped.next,
            // There is room for what comes meanwhile.
            Some(End::Enough) => {
                self.left = Left::More;
                self.not_before = Some(deadline::after(now, CAPPED));
            }
            Some(end @ (End::Held | End::Newest)) => {
                self.left = Left::Blocked;
                self.not_before = Some(deadline::after(now, EXCEEDED));
                self.exceeded = self.reason(held.filter(|_| end == End::Held), stepped.rest, there);
            }
        }
    }

    /// Says why the bound of bytes is exceeded by what may not go, if it is. `rest`: the bytes of the row that is next; where that
    /// is the newest it goes once it is not that any more.
    fn reason(&self, held: Option<holds::Hold>, rest: u64, there: There) -> Option<String> {
        let bound = self.bounds.bytes?;
        let bytes = match held {
            Some(_) => there.bytes,
            None => there.bytes.saturating_sub(rest),
        };
        if bytes <= bound || there.bytes <= LEAST_BYTES {
            return None;
        }
        let what = match held {
            Some(hold) => {
                format!("by what {:?} holds and by events with a stream", hold.name)
            }
            None if self.exempt >= there.bytes / 2 => "by events with a stream alone".to_owned(),
            None => "by state, names and events with a stream alone".to_owned(),
        };
        Some(format!("the bound of {bound} bytes is exceeded {what}"))
    }
}
