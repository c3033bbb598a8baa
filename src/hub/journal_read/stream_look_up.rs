//! The look-up of streams that the hub does not know yet, for publishers who must not wait for a disk.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::pool::Step;
use crate::event::EventRef;
use crate::hub::HubPublishError;
use crate::hub::publish::{load_stream, unknown_streams};
use crate::hub::shared::Shared;
use crate::ring::{self, Notify};

/// The result of a look-up, once it is there.
type Place = Arc<Mutex<Option<Result<(), HubPublishError>>>>;

/// Streams that are looked up in the journal, one after the other, on another thread. Once they are, an event may be
/// published on them without a look at the journal: whoever publishes on one meanwhile leaves its version with the hub.
pub(crate) struct StreamLookUp {
    result: Place,
}

/// Leaves the result and tells of it, whatever becomes of the look-up.
struct Answer {
    place: Place,
    result: Result<(), HubPublishError>,
    notify: Arc<dyn Notify>,
}

impl StreamLookUp {
    pub(in crate::hub) fn begin<'e>(
        shared: &Arc<Shared>,
        events: impl Iterator<Item = EventRef<'e>>,
        notify: impl FnOnce() -> Arc<dyn Notify>,
    ) -> Result<Option<Self>, HubPublishError> {
        let unknown = unknown_streams(shared, events.filter_map(|event| event.stream()))?;
        if unknown.is_empty() {
            return Ok(None);
        }
        let unknown = unknown.into_iter();
        let owned = unknown.map(|(key, name)| (key, name.ty.to_owned(), name.id.to_owned()));
        let mut left: Vec<_> = owned.collect();
        let unavailable = |reason: &str| HubPublishError::Unavailable {
            reason: reason.to_owned(),
        };
        let place = Place::default();
        let mut answer = Answer {
            place: place.clone(),
            result: Err(unavailable("looking a stream up panicked")),
            notify: notify(),
        };
        let read_by = shared.clone();
        // What is left when the task is dropped, after its last step or by a panic, is the answer.
        let task = move || {
            let Some((key, ty, id)) = left.pop() else {
                answer.set(Ok(()));
                return Step::Done;
            };
            match load_stream(&read_by, key, &ty, &id) {
                Ok(()) => Step::Again,
                Err(error) => {
                    answer.set(Err(error));
                    Step::Done
                }
            }
        };
        let begun = shared.read_side.run(Box::new(task));
        begun.map_err(|full| unavailable(&full.to_string()))?;
        Ok(Some(Self { result: place }))
    }

    /// Returns the result; `None`: it is still looked up.
    pub(crate) fn result(&self) -> Option<Result<(), HubPublishError>> {
        self.result.lock().clone()
    }
}

impl Answer {
    fn set(&mut self, result: Result<(), HubPublishError>) {
        self.result = result;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        *self.place.lock() = Some(self.result.clone());
        ring::notify_and_drop(self.notify.clone());
    }
}

impl fmt::Debug for StreamLookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamLookUp")
            .field("result", &self.result())
            .finish_non_exhaustive()
    }
}
