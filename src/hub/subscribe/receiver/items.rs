//! Receiving everything there is to tell: events, gaps, the moment of having caught up, and controls.

use std::time::{Duration, Instant};

use super::past::ReadOn;
use super::{Receiver, copy};
use crate::hub::subscribe::{Control, Controls, Item, Reset};
use crate::hub::{EndReason, ReceiveTimeoutError, TryReceiveError};

/// The progress of a receiver through the items that it tells once.
pub(in crate::hub) struct ItemState {
    controls: Controls,
    connected: bool,
    disconnected: bool,
    /// The reset that it began with. In a box, as nearly all begin without one.
    pub(in crate::hub) reset: Option<Box<Reset>>,
    reset_told: bool,
    /// The newest offset when it was made, until everything up to it was passed.
    catching_up: Option<u64>,
}

impl ItemState {
    pub(in crate::hub) fn new(controls: Controls, head: u64) -> Self {
        Self {
            controls,
            connected: !controls.connection,
            disconnected: !controls.connection,
            reset: None,
            reset_told: false,
            catching_up: Some(head),
        }
    }
}

impl Receiver {
    /// Receives the next thing there is to tell, and waits for it: from history through
    /// [`Item::CaughtUp`] into live, without a gap that is not told and without a repeat.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::hub::{Controls, Item, StartFrom};
    /// use eventring::{Event, Hub, Subscription};
    ///
    /// let hub = Hub::new();
    /// hub.publish(Event::builder("t", "old").build().unwrap()).unwrap();
    /// let all = Subscription::all().start(StartFrom::Beginning).controls(Controls::none());
    /// let mut receiver = hub.subscribe(all).unwrap();
    /// hub.publish(Event::builder("t", "new").build().unwrap()).unwrap();
    /// assert!(matches!(receiver.next_item(), Ok(Item::Event(delivery)) if delivery.position.offset == 1));
    /// assert!(matches!(receiver.next_item(), Ok(Item::CaughtUp(at)) if at.offset == 1));
    /// assert!(matches!(receiver.next_item(), Ok(Item::Event(delivery)) if delivery.position.offset == 2));
    /// ```
    ///
    /// # Errors
    ///
    /// [`EndReason`]: nothing more will come.
    pub fn next_item(&mut self) -> Result<Item, EndReason> {
        loop {
            if let Some(item) = self.item_until(None)? {
                return Ok(item);
            }
        }
    }

    /// Receives the next thing there is to tell, and waits so long at most; `None` where nothing came.
    ///
    /// # Errors
    ///
    /// As [`next_item`](Self::next_item).
    pub fn next_item_timeout(&mut self, timeout: Duration) -> Result<Option<Item>, EndReason> {
        self.item_until(Instant::now().checked_add(timeout))
    }

    fn item_until(&mut self, deadline: Option<Instant>) -> Result<Option<Item>, EndReason> {
        if let Some(item) = self.item_before_events() {
            return Ok(Some(item));
        }
        loop {
            if let Some(item) = self.item_until_caught_up(ReadOn::Caller)? {
                return Ok(Some(item));
            }
            if !self.is_catching_up() {
                break;
            }
            // So much was looked at in the journal at once, or it could not be read.
            self.wait_for_retry(deadline);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(None);
            }
        }
        // From now on and not from the last beat: anything else that is told in between shows that the stream lives.
        let beat = self
            .stage
            .controls
            .heartbeat
            .and_then(|idle| Instant::now().checked_add(idle));
        let until = match (beat, deadline) {
            (Some(beat), Some(deadline)) => Some(beat.min(deadline)),
            (one, other) => one.or(other),
        };
        let error = match self.next_until(until, true, copy) {
            Ok(delivery) => return Ok(Some(Item::Event(delivery))),
            Err(error) => error,
        };
        match error {
            ReceiveTimeoutError::Gap(gap) => Ok(Some(Item::Gap(gap))),
            ReceiveTimeoutError::TimedOut => {
                // Woken by a control or by the time: a control is news, a heartbeat only says that there is none.
                let beaten = beat.is_some_and(|beat| Some(beat) == until);
                let control = self.entry.take_control();
                let heartbeat = (beaten && until.is_some_and(|until| until <= Instant::now()))
                    .then_some(Control::Heartbeat);
                Ok(control.or(heartbeat).map(Item::Control))
            }
            ReceiveTimeoutError::Closed => self.end(EndReason::Closed).map(Some),
            ReceiveTimeoutError::Unsubscribed => self.end(EndReason::Unsubscribed).map(Some),
            ReceiveTimeoutError::TopicDeleted => self.end(EndReason::TopicDeleted).map(Some),
        }
    }

    /// Returns what is told before the next event: that it lives, the reset that it began with, a control that waits.
    pub(in crate::hub) fn item_before_events(&mut self) -> Option<Item> {
        if !self.stage.connected {
            self.stage.connected = true;
            let id = self.id().to_owned();
            return Some(Item::Control(Control::Connected { id }));
        }
        if !self.stage.reset_told {
            self.stage.reset_told = true;
            // A copy: `Receiver::reset` goes on saying it.
            if let Some(reset) = &self.stage.reset {
                return Some(Item::Reset(Reset::clone(reset)));
            }
        }
        self.entry.take_control().map(Item::Control)
    }

    /// Returns the next event before the mark, or the mark; `None` once that was passed, and while
    /// [`is_catching_up`](Self::is_catching_up), when so much was looked at in vain.
    pub(in crate::hub) fn item_until_caught_up(
        &mut self,
        read_on: ReadOn,
    ) -> Result<Option<Item>, EndReason> {
        let Some(mark) = self.stage.catching_up else {
            return Ok(None);
        };
        // Nothing wanted may stand before the mark any more, though something after it does.
        if Self::position(self).offset < mark {
            let peeked = self.next_below(mark, read_on);
            match peeked {
                Ok(delivery) => return Ok(Some(Item::Event(delivery))),
                // It has not come so far yet.
                Err(TryReceiveError::Empty)
                    if Self::position(self).offset < mark && self.past.is_some() =>
                {
                    return Ok(None);
                }
                Err(TryReceiveError::Empty) => {}
                Err(TryReceiveError::Gap(gap)) => return Ok(Some(Item::Gap(gap))),
                // The end is told behind the mark, by the receive that follows.
                Err(TryReceiveError::Closed) => {}
                Err(TryReceiveError::Unsubscribed) => {
                    return self.end(EndReason::Unsubscribed).map(Some);
                }
                Err(TryReceiveError::TopicDeleted) => {
                    return self.end(EndReason::TopicDeleted).map(Some);
                }
            }
        }
        self.stage.catching_up = None;
        Ok(Some(Item::CaughtUp(Self::position(self))))
    }

    /// Returns whether it has not yet come to the mark.
    pub(in crate::hub) fn is_catching_up(&self) -> bool {
        self.stage.catching_up.is_some()
    }

    /// The end is told as a control first, if at all.
    pub(in crate::hub) fn end(&mut self, reason: EndReason) -> Result<Item, EndReason> {
        if self.stage.disconnected {
            return Err(reason);
        }
        self.stage.disconnected = true;
        Ok(Item::Control(Control::Disconnected { reason }))
    }
}
