//! The course of one `publish`: batches out, answers in, and what is done about refusals.

use super::batch::Batch;
use super::lines::ReadItem;
use super::pipeline::{Outcome, Pipeline};
use super::progress::Progress;
use crate::cli::OnError;
use crate::client::Problem;
use crate::console;
use std::fmt::Display;
use std::sync::mpsc::{Receiver, TryRecvError};

/// The rest is not published; the reason is on stderr already.
struct Stop;

/// One run over the input.
pub(super) struct Run {
    pipeline: Pipeline,
    on_error: OnError,
    progress: Progress,
    bad: u64,
}

/// The way to publish the rest of a refused batch.
enum Remedy {
    /// The event at this index is to blame.
    LeaveOut(usize),
    /// Too much at once.
    Halve,
    Nothing,
}

impl Run {
    pub(super) fn new(pipeline: Pipeline, on_error: OnError) -> Run {
        Run {
            pipeline,
            on_error,
            progress: Progress::new(),
            bad: 0,
        }
    }

    /// Publishes what the reader finds; true when that was every line.
    pub(super) fn run(mut self, items: &Receiver<ReadItem>) -> bool {
        let ended = self.publish(items).and_then(|()| self.drain());
        if ended.is_err() {
            // What is on its way gets its answer, so that the count below is the truth.
            let _ = self.drain();
        }
        self.progress.finish();
        let whole = ended.is_ok() && self.bad == 0;
        if !whole {
            console::err(format_args!(
                "lines published: {}; bad lines: {}",
                self.progress.lines(),
                self.bad
            ));
        }
        whole
    }

    fn publish(&mut self, items: &Receiver<ReadItem>) -> Result<(), Stop> {
        loop {
            // An answer is waited for only when there is nothing to send, or no room for more.
            let next = if self.pipeline.is_full() {
                Err(TryRecvError::Empty)
            } else if self.pipeline.is_empty() {
                items.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                items.try_recv()
            };
            match next {
                Ok(ReadItem::Batch(batch)) => self.send(batch)?,
                Ok(ReadItem::BadLine { line, error }) => self.bad_line(line, &error)?,
                Ok(ReadItem::ReadFailed { line, error }) => {
                    self.complain(format_args!("cannot read on after line {line}: {error}"));
                    return Err(Stop);
                }
                Err(TryRecvError::Empty) => self.answer()?,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Waits for everything that is on its way.
    fn drain(&mut self) -> Result<(), Stop> {
        let mut result = Ok(());
        // Answers behind a failure are taken, too: what they say was published counts.
        while !self.pipeline.is_empty() {
            result = result.and(self.answer());
        }
        result
    }

    fn send(&mut self, batch: Batch) -> Result<(), Stop> {
        self.pipeline.send(batch).map_err(|(batch, error)| {
            self.complain(format_args!("{} not published: {error}", batch.name()));
            Stop
        })
    }

    fn answer(&mut self) -> Result<(), Stop> {
        match self.pipeline.answer() {
            None => Ok(()),
            Some(Outcome::Refused(batch, problem)) => self.refused(batch, problem),
            Some(other) => self.settled(other),
        }
    }

    /// Takes an answer that needs no remedy.
    fn settled(&mut self, outcome: Outcome) -> Result<(), Stop> {
        match outcome {
            Outcome::Published(batch) => {
                self.progress.add(batch.len(), batch.body_len());
                Ok(())
            }
            Outcome::Unknown(batch, error) => {
                let name = batch.name();
                self.complain(format_args!("{name} may be published or not: {error}"));
                // To send it again might publish it twice, and what follows must not overtake it.
                Err(Stop)
            }
            Outcome::Refused(batch, problem) => {
                self.complain(format_args!("{} not published: {problem}", batch.name()));
                Err(Stop)
            }
        }
    }

    /// Sorts out a refused batch: what was sent behind it is answered first, then its parts are
    /// sent one by one.
    fn refused(&mut self, batch: Batch, problem: Problem) -> Result<(), Stop> {
        // Parts of a batch must not overtake each other, or lines would change their order.
        self.pipeline.one_at_a_time();
        let mut refused = vec![(batch, problem)];
        let mut result = Ok(());
        while let Some(outcome) = self.pipeline.answer() {
            match outcome {
                Outcome::Refused(batch, problem) => refused.push((batch, problem)),
                other => result = result.and(self.settled(other)),
            }
        }
        // Only behind the loop: every answer under way was to be counted first.
        result?;
        refused
            .into_iter()
            .try_for_each(|(batch, problem)| self.repair(batch, &problem))
    }

    fn repair(&mut self, batch: Batch, problem: &Problem) -> Result<(), Stop> {
        // Parts still to be sent, the next one last.
        let mut parts = Vec::new();
        let mut stopping = self.remedy(batch, problem, &mut parts)?;
        while let Some(part) = parts.pop() {
            self.send(part)?;
            match self.pipeline.answer() {
                Some(Outcome::Refused(part, problem)) => {
                    stopping |= self.remedy(part, &problem, &mut parts)?;
                }
                Some(other) => self.settled(other)?,
                None => {}
            }
        }
        if stopping { Err(Stop) } else { Ok(()) }
    }

    /// Puts what can still be published of `batch` on `parts`; true when nothing is to follow it.
    fn remedy(
        &mut self,
        batch: Batch,
        problem: &Problem,
        parts: &mut Vec<Batch>,
    ) -> Result<bool, Stop> {
        let (first, rest, stopping) = match remedy(&batch, problem) {
            Remedy::LeaveOut(index) => {
                let stopping = self.bad_line(batch.number(index), problem).is_err();
                let (first, rest) = batch.split(index);
                (first, rest.split(1).1, stopping)
            }
            Remedy::Halve => {
                let (first, rest) = batch.split(batch.len() / 2);
                (first, rest, false)
            }
            Remedy::Nothing => {
                self.complain(format_args!("{} not published: {problem}", batch.name()));
                return Err(Stop);
            }
        };
        // With a bad line the rest is given up, but what stands before it is still published.
        if stopping {
            parts.clear();
        } else {
            parts.push(rest);
        }
        parts.push(first);
        parts.retain(|part| !part.is_empty());
        Ok(stopping)
    }

    fn bad_line(&mut self, line: u64, error: &dyn Display) -> Result<(), Stop> {
        self.bad += 1;
        self.complain(format_args!("line {line}: {error}"));
        match self.on_error {
            OnError::Skip => Ok(()),
            OnError::Stop => Err(Stop),
        }
    }

    fn complain(&self, text: impl Display) {
        self.progress.aside(|| console::err(text));
    }
}

/// A refusal of the content names the event, by number or by byte; one of the size does not.
fn remedy(batch: &Batch, problem: &Problem) -> Remedy {
    let named = problem
        .line
        .and_then(|line| usize::try_from(line).ok()?.checked_sub(1));
    let named = named
        .or_else(|| batch.at_byte(problem.at?))
        .filter(|&index| index < batch.len());
    // Only refusals of the content are worth a remedy: any other would meet every part alike.
    match (problem.status, named) {
        (400 | 413 | 422, Some(index)) => Remedy::LeaveOut(index),
        // An event alone is the one to blame, unless what was refused is a field of the request.
        (400 | 413 | 422, None) if batch.len() == 1 && problem.field.is_none() => {
            Remedy::LeaveOut(0)
        }
        (413, None) if batch.len() > 1 => Remedy::Halve,
        _ => Remedy::Nothing,
    }
}
