//! What the log says of reading: once for each change, however many wait.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use super::gated::FAULT;
use super::world::{gated, offsets};
use crate::streams::client::{Client, eventually};

const OLD: u64 = 300;

/// The warnings and errors of this program.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The log of a program: a line is a text of its own.
struct Log;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Lines that have a text.
fn lines(text: &str) -> usize {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| line.contains(text)).count()
}

/// It once said so for each read that failed: eight each half second for each reactor.
#[test]
fn a_disk_that_fails_is_told_once_however_many_wait() {
    // For all tests of this program: only this one knows the words that it looks for.
    static LOG: OnceLock<()> = OnceLock::new();
    LOG.get_or_init(|| tracing::subscriber::set_global_default(Log).unwrap());
    let (world, gate) = gated(OLD);
    gate.open();
    gate.fail_reads(true);
    // Each wants something else, so that none is read for another one.
    let streams = 8;
    let mut behind: Vec<Client> = (0..streams)
        .map(|n| world.resume(&format!("topic=a&topic=x{n}"), 1))
        .collect();
    // Three times each, and each again.
    eventually("they are read again", || gate.reads() > 3 * 3 * streams);
    eventually("it is told", || lines(FAULT) > 0);
    let before = gate.reads();
    eventually("they are read again", || {
        gate.reads() > before + 3 * 3 * streams
    });
    assert_eq!(lines(FAULT), 1);
    assert_eq!(lines("can be read again"), 0);
    gate.fail_reads(false);
    for client in &mut behind {
        client.read_to(OLD);
        assert_eq!(offsets(client), (2..=OLD).collect::<Vec<_>>());
    }
    eventually("that it is over is told", || lines("can be read again") > 0);
    assert_eq!((lines(FAULT), lines("can be read again")), (1, 1));
}
