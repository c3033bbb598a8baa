//! From a body to events in the hub: all at once, or line by line.

use std::ops::Range;

use crate::event::{ErrorKind, EventBuilder, EventError, EventRef};
use crate::gateway::http::problem::Problem;
use crate::gateway::publish::cloudevents::{Mode, other_topic};
use crate::gateway::publish::lines::Line;
use crate::gateway::publish::publisher::{Publisher, Refused};
use crate::gateway::publish::request::Publish;
use crate::gateway::publish::room::RoomPlace;
use crate::hub::{HubPublishError, PublishOptions};
use crate::json::{is_utf16, without_mark};

impl Publisher {
    pub(in crate::gateway::publish) fn publish_all(
        &mut self,
        publish: &mut Publish,
        body: &[u8],
    ) -> Result<Range<u64>, Refused> {
        let done = self.publish_body(publish, body);
        // A large body leaves nothing behind: the next one may be long in coming.
        self.batch.clear();
        self.builder.clear();
        done
    }

    fn publish_body(&mut self, publish: &mut Publish, body: &[u8]) -> Result<Range<u64>, Refused> {
        match publish.mode {
            Mode::Binary => {
                if body.is_empty()
                    && publish.content_type.is_empty()
                    && publish.attributes.is_empty()
                {
                    return Err(nothing_to_publish().into());
                }
                publish.attributes.start(&mut self.builder, &publish.topic);
                let body = check_text(&publish.content_type, body)?;
                self.builder.data(&publish.content_type, body);
                self.publish_one(publish)
            }
            Mode::Structured => {
                self.builder.clear();
                let read = self
                    .builder
                    .read_cloudevents_json(Some(&publish.topic), body);
                read.map_err(|error| Problem::of_event(&error))?;
                self.publish_one(publish)
            }
            Mode::Batch => {
                let read = self
                    .batch
                    .read_cloudevents_batch(Some(&publish.topic), body);
                read.map_err(|error| match error.kind {
                    ErrorKind::TooMany { .. } if error.field == "events" => self.too_many_events(),
                    _ => Problem::of_event(&error),
                })?;
                self.publish_batch(publish)
            }
            Mode::Ndjson => {
                self.read_lines(publish, body)?;
                self.publish_batch(publish)
            }
        }
    }

    /// Publishes the event that `set` makes, which must be one of `topic`.
    ///
    /// # Errors
    ///
    /// [`Refused::Full`]: it has its place in the line now, if `may_wait`.
    pub(in crate::gateway) fn publish_event(
        &mut self,
        topic: &str,
        options: &PublishOptions,
        room: &mut RoomPlace,
        may_wait: bool,
        set: impl FnOnce(&mut EventBuilder) -> Result<(), EventError>,
    ) -> Result<u64, Refused> {
        match self.try_publish_event(topic, options, room, set) {
            Err(Refused::Full) if may_wait => {
                room.wait(&self.hub, &self.reactor);
                Err(Refused::Full)
            }
            // Whatever came of it: a place that nobody tries from holds up all behind it.
            done => {
                room.leave();
                done
            }
        }
    }

    fn try_publish_event(
        &mut self,
        topic: &str,
        options: &PublishOptions,
        room: &mut RoomPlace,
        set: impl FnOnce(&mut EventBuilder) -> Result<(), EventError>,
    ) -> Result<u64, Refused> {
        // A request of HTTP is asked this at its head, which a message of a WebSocket does not have.
        if self.is_stopping() {
            let problem = Problem::new(503, "the server is stopping");
            return Err(problem.retry_after_s(1).into());
        }
        self.builder.clear();
        let set = set(&mut self.builder);
        set.map_err(|error| Problem::of_event(&error))?;
        let event = self.builder.build_ref();
        let event = event.map_err(|error| Problem::of_event(&error))?;
        check_topic(event, topic)?;
        let publisher = room.publisher(&self.hub, &self.reactor, [event].into_iter());
        let publisher = publisher.map_err(refused)?.ok_or(Refused::Full)?;
        Ok(publisher.submit(event, options).map_err(refused)?.start)
    }

    fn publish_one(&mut self, publish: &mut Publish) -> Result<Range<u64>, Refused> {
        let event = self
            .builder
            .build_ref()
            .map_err(|error| problem_of_event(publish, &error))?;
        check_topic(event, &publish.topic)?;
        let events = [event].into_iter();
        let publisher = publish.room.publisher(&self.hub, &self.reactor, events);
        let publisher = publisher.map_err(refused)?.ok_or(Refused::Full)?;
        publisher.submit(event, &publish.options).map_err(refused)
    }

    fn publish_batch(&mut self, publish: &mut Publish) -> Result<Range<u64>, Refused> {
        if self.batch.is_empty() {
            let detail = "body: has no events";
            return Err(Problem::new(400, detail).field("body").into());
        }
        // All of them before the first is published: a batch is there as a whole or not at all.
        for (index, event) in self.batch.iter().enumerate() {
            check_topic(event, &publish.topic).map_err(|problem| problem.of_entry(index))?;
        }
        let events = self.batch.iter();
        let publisher = publish.room.publisher(&self.hub, &self.reactor, events);
        let publisher = publisher.map_err(refused)?.ok_or(Refused::Full)?;
        let published = publisher.submit_batch(&self.batch, &publish.options);
        published.map_err(refused)
    }

    fn too_many_events(&self) -> Problem {
        let limit = self.bounds.batch_events;
        let detail = format!("more than {limit} events in one batch");
        Problem::new(413, detail).limit(limit as u64)
    }

    fn read_lines(&mut self, publish: &Publish, body: &[u8]) -> Result<(), Problem> {
        let mut failed = None;
        let mut start = 0;
        for (number, line) in body.split(|byte| *byte == b'\n').enumerate() {
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            if !without_mark(text).is_empty() {
                let done = self.build_line(publish, text);
                if let Err(error) = done {
                    let at = start + error.at.unwrap_or(0) as u64;
                    failed = Some(problem_of_event(publish, &error).line(number + 1).at(at));
                    break;
                }
                // At each line rather than at the end: a body of very many short lines would be held as events first.
                if self.batch.len() > self.bounds.batch_events {
                    return Err(self.too_many_events());
                }
            }
            start += line.len() as u64 + 1;
        }
        failed.map_or(Ok(()), Err)
    }

    fn build_line(&mut self, publish: &Publish, text: &[u8]) -> Result<(), EventError> {
        publish.attributes.start(&mut self.builder, &publish.topic);
        let event = self.builder.data("application/json", text).build_ref()?;
        self.batch.push(event);
        Ok(())
    }

    /// Publishes one line and notes its result; `false`: there is no room for it.
    pub(in crate::gateway::publish) fn publish_line(
        &mut self,
        publish: &mut Publish,
        line: Line<'_>,
    ) -> bool {
        let (number, done) = match line {
            Line::Whole(_, text) if without_mark(text).is_empty() => return true,
            Line::Whole(number, text) => {
                publish.attributes.start(&mut self.builder, &publish.topic);
                self.builder.data("application/json", text);
                (number, self.publish_one(publish))
            }
            Line::TooLong(number) => {
                let limit = self.bounds.event.payload_bytes;
                let detail = format!("data: the line is over the limit of {limit} bytes");
                let problem = Problem::new(413, detail).field("data").limit(limit as u64);
                (number, Err(problem.into()))
            }
        };
        let result = match done {
            Ok(offsets) => Ok(offsets.start),
            Err(Refused::Full) => return false,
            Err(Refused::For(problem)) => Err(problem),
        };
        self.results.push(number, result);
        true
    }
}

/// The right to publish is one to the topic that the request names: its events are of that topic.
fn check_topic(event: EventRef<'_>, topic: &str) -> Result<(), Problem> {
    if event.topic() == topic {
        return Ok(());
    }
    Err(other_topic("topic", event.topic(), topic))
}

/// An event may have no data, but then something else must say that it is meant.
fn nothing_to_publish() -> Problem {
    let detail = "body: is empty; an event without data takes a ce-type header or a content-type";
    Problem::new(400, detail).field("body")
}

/// Text must be UTF-8: what is not would reach readers as something else. A mark that says so is not part of it.
fn check_text<'b>(content_type: &str, body: &'b [u8]) -> Result<&'b [u8], Problem> {
    let is_text = content_type
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("text/"));
    if !is_text {
        return Ok(body);
    }
    let Err(error) = std::str::from_utf8(body) else {
        return Ok(without_mark(body));
    };
    let kind = match is_utf16(body) {
        true => ErrorKind::Utf16,
        false => ErrorKind::NotUtf8,
    };
    let error = EventError::new(kind, "data").or_at(error.valid_up_to());
    Err(Problem::of_event(&error))
}

/// The problem with an event, in the words of the request that it came in.
fn problem_of_event(publish: &Publish, error: &EventError) -> Problem {
    let problem = Problem::of_event(error);
    if publish.attributes.has(&error.field) {
        return problem.of_header();
    }
    problem
}

fn refused(error: HubPublishError) -> Refused {
    match error {
        HubPublishError::Full => Refused::Full,
        error => Refused::For(problem_of(&error)),
    }
}

fn problem_of(error: &HubPublishError) -> Problem {
    let problem = match error {
        HubPublishError::Invalid(error) => return Problem::of_event(error),
        HubPublishError::TooMany { limit, .. } | HubPublishError::TooLarge { limit, .. } => {
            return Problem::new(413, error.to_string()).limit(*limit as u64);
        }
        // Trying again helps no more than with a path that is misspelt: only the program makes topics.
        HubPublishError::UnknownTopic => {
            return Problem::new(404, error.to_string()).field("topic");
        }
        // The event is in order, and so is the name of the durability: it does not go with what the topic was given.
        HubPublishError::DurabilityBelow { asked, topic } => {
            let detail = format!("durability: {asked} is below the topic's, {topic}");
            return Problem::new(409, detail).field("durability");
        }
        HubPublishError::DurabilityUnavailable => {
            let detail = "durability: this server keeps no journal, so there is none but none";
            return Problem::new(400, detail).field("durability");
        }
        // The event is in order, and another one was faster: trying the same again helps nobody.
        HubPublishError::StreamPosition { .. } => {
            return Problem::new(409, error.to_string()).field("streamversion");
        }
        HubPublishError::Version { .. } => {
            return Problem::new(409, error.to_string()).field("stream");
        }
        // RFC 4918, 11.5: it "is considered to be temporary", and is not to be repeated "until it is requested by a
        // separate user action": hence no Retry-After.
        HubPublishError::NoSpace => return Problem::new(507, error.to_string()),
        _ => Problem::new(503, error.to_string()),
    };
    problem.retry_after_s(1)
}
