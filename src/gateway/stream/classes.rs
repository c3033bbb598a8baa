//! The classes of a reactor's streams: which of them want an event.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::event::{EventRef, Router};
use crate::fanout::ClassId;
use crate::gateway::delivery::StreamFilter;

/// Classes that want an event, which are few.
pub(super) type ClassIds = SmallVec<[ClassId; 8]>;

/// Finds the classes that want an event.
pub(super) struct ClassRouter {
    router: Router<ClassId>,
    /// Classes that may not see all that they ask for: the router knows topics only, so each of their events is looked
    /// at again.
    restricted: HashMap<ClassId, StreamFilter>,
    count: usize,
}

impl ClassRouter {
    pub(super) fn new() -> Self {
        Self {
            router: Router::new(),
            restricted: HashMap::new(),
            count: 0,
        }
    }

    pub(super) fn insert(&mut self, id: ClassId, key: &StreamFilter) {
        self.count += 1;
        self.router.insert(&key.wanted, id);
        if key.is_limited() {
            self.restricted.insert(id, key.clone());
        }
    }

    pub(super) fn remove(&mut self, id: ClassId, key: &StreamFilter) {
        self.count -= 1;
        self.router.remove(&key.wanted, id);
        self.restricted.remove(&id);
    }

    /// Returns whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Finds the classes that want an event, in the place of those in `ids`.
    pub(super) fn route(&self, event: EventRef<'_>, ids: &mut ClassIds) {
        ids.clear();
        // The router knows what classes want; what they may have of it is looked at after, for those few that are limited.
        self.router.route(event.topic(), ids);
        ids.retain(|id| {
            let limited = self.restricted.get(id);
            limited.is_none_or(|filter| filter.may_see(event.topic()))
        });
    }
}
