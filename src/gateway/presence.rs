//! Who is there: each stream attends its topics in the hub, is told who joins and leaves if it wants, and ends with
//! its topic.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::forms::{Form, encode};
use super::problem::json_string;
use super::state::Gateway;
use super::stream::StreamFilter;
use super::ws;
use crate::hub::{Attend, Attendance, Control, EndReason, Hub};
use crate::reactor::{Farewell, Handle, StreamId, StreamInfo, Streams};
use crate::ring::Notify;
use crate::wire::sse::Frame;

/// Ids that one answer lists; the count is of all.
const LISTED_MAX: usize = 1000;

/// The attendances of one reactor's streams.
pub(super) struct Presence {
    is_on: bool,
    reactor: usize,
    /// Streams that have begun and do not attend yet.
    fresh: Vec<StreamId>,
    there: HashMap<StreamId, Attendance>,
    told: Arc<Told>,
}

/// The streams that something happened to.
struct Told {
    any: AtomicBool,
    streams: Mutex<Vec<StreamId>>,
    reactor: Arc<dyn Notify>,
}

struct Bell {
    told: Arc<Told>,
    stream: StreamId,
}

impl Notify for Bell {
    fn notify(&self) {
        self.told.streams.lock().push(self.stream);
        // Release: pairs with the Acquire in `attend`.
        self.told.any.store(true, Ordering::Release);
        self.told.reactor.notify();
    }
}

impl Presence {
    pub(super) fn new(handle: &Handle, is_on: bool) -> Self {
        Self {
            is_on,
            reactor: handle.reactor(),
            fresh: Vec::new(),
            there: HashMap::new(),
            told: Arc::new(Told {
                any: AtomicBool::new(false),
                streams: Mutex::default(),
                reactor: handle.notifier(),
            }),
        }
    }

    pub(super) fn started(&mut self, stream: StreamId) {
        if self.is_on {
            self.fresh.push(stream);
        }
    }

    pub(super) fn ended(&mut self, stream: StreamId) {
        self.there.remove(&stream);
    }

    /// Enters streams that are new, and does for others what they were told. Once a turn.
    pub(super) fn attend(&mut self, hub: &Hub, streams: &mut Streams<'_, Gateway>) {
        while let Some(stream) = self.fresh.pop() {
            if let Some(info) = streams.get(stream)
                && let Ok(attendance) = hub.attend(self.attendance_of(&info))
            {
                self.there.insert(stream, attendance);
            }
        }
        // Acquire: pairs with the Release in `notify`.
        if !self.told.any.swap(false, Ordering::Acquire) {
            return;
        }
        let told = std::mem::take(&mut *self.told.streams.lock());
        for stream in told {
            self.pass_on(stream, streams);
        }
    }

    fn attendance_of(&self, info: &StreamInfo<'_, StreamFilter>) -> Attend {
        let key = info.key;
        let within = [&key.allowed, &key.offered].into_iter();
        Attend {
            id: format!("c{}-{}", self.reactor, info.id),
            filter: key.wanted.clone().into(),
            within: within.filter(|filter| !filter.is_all()).cloned().collect(),
            watches: key.presence,
            notify: Arc::new(Bell {
                told: self.told.clone(),
                stream: info.id,
            }),
        }
    }

    fn pass_on(&mut self, stream: StreamId, streams: &mut Streams<'_, Gateway>) {
        let (Some(attendance), Some(info)) = (self.there.get(&stream), streams.get(stream)) else {
            return;
        };
        let form = Form::of(info.form);
        let mut bytes = Vec::new();
        while let Some(control) = attendance.take_control() {
            match &control {
                Control::Joined { id } => write(form, "join", id, &mut bytes),
                Control::Left { id } => write(form, "leave", id, &mut bytes),
                _ => {}
            }
        }
        if !bytes.is_empty() {
            // Who takes nothing misses it: the list of who is there has the truth.
            let _ = streams.send(stream, &bytes);
        }
        match attendance.ended() {
            None => {}
            Some(EndReason::TopicDeleted) => _ = streams.end(stream, Farewell::TopicDeleted),
            Some(_) => _ = streams.end(stream, Farewell::Disconnected),
        }
    }
}

/// Appends a notice without an id: it stands nowhere in the order of events.
fn write(form: Form, event: &str, id: &str, out: &mut Vec<u8>) {
    let mut data = br#"{"id":"#.to_vec();
    json_string(&mut data, id);
    data.push(b'}');
    if form.is_web_socket() {
        return ws::write_presence(event, id, out);
    }
    let frame = Frame {
        id: b"",
        event,
        data: &data,
        retry: None,
    };
    encode(form, frame, out);
}

/// What `GET /api/v1/topics/{topic}/presence` answers.
pub(super) fn write_json(hub: &Hub, topic: &str, out: &mut Vec<u8>) {
    let there = hub.presence(topic);
    out.extend_from_slice(br#"{"topic":"#);
    json_string(out, topic);
    out.extend_from_slice(format!(r#","count":{},"present":["#, there.len()).as_bytes());
    for (index, id) in there.iter().take(LISTED_MAX).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json_string(out, id);
    }
    out.extend_from_slice(b"]}\n");
}
