//! Those who wait for room, in the order in which they came.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::hub::shared::Shared;
use crate::ring::{self, Notify};

/// The time in which who is first in line, and was called, has to try: then it stands behind all others.
const PATIENCE: Duration = Duration::from_millis(100);

/// The line of those who found no room. Whoever comes later waits behind, so that a large batch gets its turn beside many
/// small publishes.
///
/// Who is called and does not try, as a future that nobody polls, holds the others up for 100 ms once: it goes behind them,
/// and is passed by until it tries again.
#[derive(Default)]
pub(in crate::hub) struct RoomQueue {
    line: Mutex<Line>,
    /// The number of places: the one word that a publisher looks at while nobody waits.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Line {
    places: VecDeque<Arc<Place>>,
    /// The time at which the first in line was called, if it has not tried since.
    called: Option<Instant>,
}

struct Place {
    notify: Arc<dyn Notify>,
    /// The place was called, and not used in time.
    is_late: AtomicBool,
}

/// A place among those who wait for room; see [`HubPublisher::room`](crate::hub::HubPublisher::room). Dropping it leaves.
#[must_use = "dropping it gives the place up"]
pub struct RoomTicket {
    shared: Arc<Shared>,
    place: Arc<Place>,
}

impl Line {
    fn is_overdue(&self, now: Instant) -> bool {
        let waited = self.called.map(|at| now.saturating_duration_since(at));
        waited.is_some_and(|waited| waited >= PATIENCE)
    }

    /// Calls who is first in line, once all who are late stand behind the others.
    fn call(&mut self, now: Instant) -> Option<Arc<dyn Notify>> {
        if self.is_overdue(now)
            && let Some(first) = self.places.front()
        {
            // Relaxed: under the line's lock, but for who tries behind the others, which is as well seen later.
            first.is_late.store(true, Ordering::Relaxed);
            self.called = None;
        }
        let is_in_time = |place: &Arc<Place>| !place.is_late.load(Ordering::Relaxed);
        let late = self.places.iter().position(is_in_time).unwrap_or_default();
        self.places.rotate_left(late);
        let first = self.places.front()?;
        if late > 0 {
            self.called = None;
        }
        self.called.get_or_insert(now);
        Some(first.notify.clone())
    }
}

impl RoomQueue {
    /// Returns whether a publish may take room: nobody waits, or it is that of the first in line. To be called under the
    /// publisher's lock.
    #[inline]
    pub(in crate::hub) fn is_turn_of(&self, ticket: Option<&RoomTicket>) -> bool {
        // Relaxed: changed outside the publisher's lock, so that one who is just coming or leaving counts or not.
        self.waiting.load(Ordering::Relaxed) == 0 || self.is_first(ticket)
    }

    #[cold]
    fn is_first(&self, ticket: Option<&RoomTicket>) -> bool {
        let mut line = self.line.lock();
        if let Some(ticket) = ticket {
            ticket.place.is_late.store(false, Ordering::Relaxed);
        }
        match (line.places.front(), ticket) {
            (None, _) => true,
            (Some(first), Some(ticket)) if Arc::ptr_eq(first, &ticket.place) => {
                line.called = None;
                true
            }
            // All are late, or the only one is: nobody waits for them.
            (Some(first), _) => {
                let is_alone = line.places.len() == 1;
                first.is_late.load(Ordering::Relaxed) || is_alone && line.is_overdue(Instant::now())
            }
        }
    }

    /// Tells the first in line that there may be room. To be called without a lock.
    pub(in crate::hub) fn notify_first(&self) {
        // Relaxed: who comes in between is told when it comes.
        if self.waiting.load(Ordering::Relaxed) > 0 {
            let first = self.line.lock().call(Instant::now());
            first.into_iter().for_each(ring::notify_and_drop);
        }
    }

    /// Calls the next in line if the first does not come. Returns whether there is somebody whom that would help later. To be
    /// called now and then, without a lock.
    pub(in crate::hub) fn pass_over(&self) -> bool {
        if self.waiting.load(Ordering::Relaxed) < 2 {
            return false;
        }
        let now = Instant::now();
        let next = {
            let mut line = self.line.lock();
            match line.is_overdue(now) {
                true => line.call(now),
                false => None,
            }
        };
        next.into_iter().for_each(ring::notify_and_drop);
        true
    }

    /// Returns whether others wait as well, so that somebody has to [look after](Self::pass_over) the line.
    fn join(&self, place: &Arc<Place>) -> bool {
        let (first, is_line) = {
            let mut line = self.line.lock();
            line.places.push_back(place.clone());
            self.waiting.store(line.places.len(), Ordering::Relaxed);
            let is_line = line.places.len() > 1;
            // There may have come room since it found none; nobody else would tell it.
            let is_next = !is_line || line.places[0].is_late.load(Ordering::Relaxed);
            let first = is_next.then(|| line.call(Instant::now())).flatten();
            (first, is_line)
        };
        first.into_iter().for_each(ring::notify_and_drop);
        is_line
    }

    fn leave(&self, place: &Arc<Place>) {
        let was_first = {
            let mut line = self.line.lock();
            let mut places = line.places.iter();
            let at = places.position(|other| Arc::ptr_eq(other, place));
            let _left = at.and_then(|at| line.places.remove(at));
            self.waiting.store(line.places.len(), Ordering::Relaxed);
            if at == Some(0) {
                line.called = None;
            }
            at == Some(0)
        };
        // What it left over is for the next, whether it published or gave up.
        if was_first {
            self.notify_first();
        }
    }
}

impl RoomTicket {
    pub(in crate::hub) fn join(shared: &Arc<Shared>, notify: Arc<dyn Notify>) -> Self {
        let place = Arc::new(Place {
            notify,
            is_late: AtomicBool::new(false),
        });
        let is_line = shared.room.join(&place);
        if let Some(journal) = shared.journal.as_ref().filter(|_| is_line) {
            journal.tell();
        }
        Self {
            shared: shared.clone(),
            place,
        }
    }
}

impl Drop for RoomTicket {
    fn drop(&mut self) {
        self.shared.room.leave(&self.place);
    }
}

impl fmt::Debug for RoomTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomTicket").finish_non_exhaustive()
    }
}
