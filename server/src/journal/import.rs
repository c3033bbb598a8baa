//! `eventring journal import`: an export into a journal that nobody has open.

use super::progress::Line;
use super::unusable;
use crate::cli::ImportArgs;
use crate::{console, exit};
use eventring::event::{Epoch, EventBatch};
use eventring::journal::{
    CommitError, CommitRound, ExportDecoder, ExportLine, Journal, JournalError, JournalReader,
    Retention, RoundEvent, SqliteJournal, SqliteOptions, StateWork, StoredEvent,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Events and bytes of records after which a round is written; a batch is never divided.
const ROUND_EVENTS: usize = 4096;
const ROUND_BYTES: usize = 4 << 20;
/// Events of one batch, at most: more than any server takes at once.
const BATCH_EVENTS_MAX: usize = 1 << 20;
/// Longest line: an event of 1 GiB in base 64.
const LINE_BYTES: usize = (1 << 30) / 3 * 4 + (64 << 20);
/// Streams whose versions are kept in memory.
const STREAMS_MAX: usize = 1 << 16;
/// Longest first line, blank ones before it included.
const FIRST_BYTES: usize = 1 << 16;
/// Time by which the clock of the server that recorded an event may have been ahead of this one.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);
/// Bytes of the file that are read at once.
const READ: usize = 256 << 10;
/// The table of state that says how far exports were taken.
const TABLE: &str = "import";

/// Why not all of it was taken.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error("{0}")]
    Journal(#[from] JournalError),
    #[error("{0}")]
    Export(#[from] eventring::journal::ExportError),
    #[error("cannot open {0}: {1}")]
    Open(String, io::Error),
    #[error("line {line}: cannot read on: {error}")]
    Read { line: u64, error: io::Error },
    #[error("line {line}: longer than {LINE_BYTES} bytes")]
    TooLong { line: u64 },
    #[error("line {line}: a batch of more than {BATCH_EVENTS_MAX} events")]
    Batch { line: u64 },
    #[error(
        "line {line}: recorded at {recorded}, which is later than now: every later event would count as recorded then; --from-future takes it"
    )]
    Future { line: u64, recorded: Timestamp },
    #[error("how far this export was taken cannot be read or written: {0}")]
    Progress(String),
    #[error(
        "the journal has events, of epoch {own}; those of the export are of {given}, and its positions mean nothing here: --append gives them new ones behind event {last}"
    )]
    NotEmpty { own: Epoch, given: Epoch, last: u64 },
    #[error(
        "the export is of this very journal (epoch {epoch}), which has events: --append --again takes them a second time"
    )]
    Own { epoch: Epoch },
    #[error(
        "this export was taken already, all {events} events of it: --again takes them once more"
    )]
    Taken { events: u64 },
    #[error(
        "this export was taken up to its event {taken}, and others came behind it (the last one is {last}): --append gives the rest new positions"
    )]
    Overtaken { taken: u64, last: u64 },
    #[error(
        "line {line}: version {given} of stream {stream} does not follow {own}, which the journal has: import it into a journal of its own"
    )]
    Version {
        line: u64,
        stream: String,
        given: u64,
        own: u64,
    },
    #[error("line {line}: {error}")]
    Commit { line: u64, error: CommitError },
}

/// Takes the export, and says how much of it.
pub(super) fn run(args: &ImportArgs) -> ExitCode {
    let input: Result<Box<dyn Read>, _> = match args.file == Path::new("-") {
        true => Ok(Box::new(io::stdin())),
        false => File::open(&args.file).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut input = match input {
        Ok(input) => BufReader::with_capacity(READ, input),
        Err(error) => {
            console::err(ImportError::Open(args.file.display().to_string(), error));
            return ExitCode::from(exit::USAGE);
        }
    };
    // Before the journal is opened, which would make one, or give a copy an epoch of its own.
    let first = match first_line(&mut input) {
        Ok(first) => first,
        Err(error) => {
            console::err(error);
            return ExitCode::from(exit::FAILED);
        }
    };
    let input = first.as_slice().chain(input);
    let mut journal = match SqliteJournal::open_with(&args.journal.data, &options()) {
        Ok(journal) => journal,
        Err(error) => return unusable(&error),
    };
    let mut line = Line::new("import");
    let mut import = Import::new(&mut journal, args);
    let done = import.take(input, &mut line);
    let taken = import.taken;
    line.finish();
    let closed = journal.close();
    let (done, code) = match (done, closed) {
        (Ok(()), Ok(())) => (None, exit::OK),
        (Ok(()), Err(error)) => (Some(error.into()), ExitCode::from(exit::FAILED)),
        (Err(error), _) => (Some(error), ExitCode::from(exit::FAILED)),
    };
    if let Some(error) = &done {
        console::err(error);
    }
    let again = match (&done, taken) {
        (Some(_), 1..) => "; the same command again goes on behind them",
        _ => "",
    };
    console::note(format_args!("{taken} events taken{again}"));
    code
}

/// Nothing goes by a bound while an export is taken: bounds are the server's.
fn options() -> SqliteOptions {
    SqliteOptions::default().retention(Retention::default())
}

/// Reads up to the first line, which says whether it is an export.
fn first_line(input: &mut impl BufRead) -> Result<Vec<u8>, ImportError> {
    let (mut text, mut decoder) = (Vec::new(), ExportDecoder::new());
    loop {
        let start = text.len();
        let line = decoder.lines() + 1;
        let limit = FIRST_BYTES.saturating_sub(start) as u64;
        let read = (&mut *input).take(limit).read_until(b'\n', &mut text);
        let read = read.map_err(|error| ImportError::Read { line, error })?;
        // Also where the limit was met: no first line is that long.
        if read == 0 {
            decoder.finish()?;
        }
        match decoder.line(&text[start..])? {
            ExportLine::Blank => {}
            _ => return Ok(text),
        }
    }
}

/// The part of an export that was taken before.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The offset, in the export, of the last event that was taken.
    last: u64,
    events: u64,
    /// All of it is there.
    is_whole: bool,
}

struct Import<'j> {
    journal: &'j mut SqliteJournal,
    args: &'j ImportArgs,
    /// Of the export.
    id: String,
    progress: Progress,
    /// Its last line was read.
    is_ended: bool,
    /// The latest time at which an event may have been recorded, in milliseconds since 1970.
    not_after: i64,
    /// Events go where they were, and not behind what is there.
    keeps_offsets: bool,
    /// Events of the export up to this one were taken by a run before.
    skip: u64,
    next: u64,
    recorded: i64,
    /// Events that this run has taken.
    taken: u64,
    round: Round,
    reader: Option<Box<dyn JournalReader>>,
    versions: HashMap<String, Option<u64>>,
}

/// Events that are to be committed together.
#[derive(Default)]
struct Round {
    events: EventBatch,
    places: Vec<Place>,
    /// The index of the first event of the batch that is not complete yet.
    batch: usize,
    /// The last offset of that batch, in the export.
    batch_end: u64,
}

struct Place {
    offset: u64,
    recorded: i64,
    version: Option<u64>,
    rest: u32,
    /// In the export.
    source: u64,
}

impl<'j> Import<'j> {
    fn new(journal: &'j mut SqliteJournal, args: &'j ImportArgs) -> Self {
        Self {
            args,
            id: String::new(),
            progress: Progress::default(),
            is_ended: false,
            not_after: match args.from_future {
                true => i64::MAX,
                false => (Timestamp::now() + AHEAD).as_millisecond(),
            },
            keeps_offsets: false,
            skip: 0,
            next: journal.recovered().next,
            recorded: journal.recovered().recorded,
            taken: 0,
            round: Round::default(),
            reader: None,
            versions: HashMap::new(),
            journal,
        }
    }

    fn take(&mut self, mut input: impl BufRead, line: &mut Line) -> Result<(), ImportError> {
        let mut decoder = ExportDecoder::new();
        let mut text = Vec::new();
        let mut bytes = 0;
        loop {
            text.clear();
            let number = decoder.lines() + 1;
            let mut limited = (&mut input).take(LINE_BYTES as u64 + 1);
            let read = limited.read_until(b'\n', &mut text);
            let read = read.map_err(|error| ImportError::Read {
                line: number,
                error,
            })?;
            if read > LINE_BYTES {
                return Err(ImportError::TooLong { line: number });
            }
            bytes += read as u64;
            // A last line without its end may be half of one, also where it can be read.
            let is_cut = read == 0 || !text.ends_with(b"\n") && !is_last(&text);
            // Behind the last line there is nothing but its end.
            if read == 0 && self.is_ended {
                return Ok(());
            }
            if is_cut && !self.is_ended {
                return self.cut_off(&decoder, number);
            }
            match decoder.line(&text) {
                Ok(ExportLine::Begin { id, epoch }) => self.begin(id, epoch)?,
                Ok(ExportLine::Event(event)) => match self.event(&event, number) {
                    Err(error @ ImportError::Commit { .. }) => return Err(error),
                    Err(error) => {
                        self.close_whole();
                        self.commit(number)?;
                        return Err(error);
                    }
                    Ok(()) => {}
                },
                Ok(ExportLine::End) => {
                    self.close_batch();
                    self.progress.is_whole = true;
                    self.is_ended = true;
                    self.commit(number)?;
                }
                Ok(_) => {}
                // What was read before it is good, and is told to be there.
                Err(error) => {
                    if !self.is_ended {
                        self.close_whole();
                        self.commit(number)?;
                    }
                    return Err(error.into());
                }
            }
            line.events(self.taken, bytes);
        }
    }

    /// The export ended before its last line.
    fn cut_off(&mut self, decoder: &ExportDecoder, line: u64) -> Result<(), ImportError> {
        match decoder.finish() {
            Err(error) if !self.args.partial || decoder.lines() == 0 => {
                self.commit(line)?;
                Err(error.into())
            }
            _ => {
                self.close_whole();
                self.commit(line)
            }
        }
    }

    /// Decides where the events go.
    fn begin(&mut self, id: String, epoch: Epoch) -> Result<(), ImportError> {
        let recovered = self.journal.recovered();
        let (last, own, is_new) = (recovered.last, recovered.epoch, recovered.next == 1);
        let mut row = Ok(None);
        let mut reader = self.journal.view().reader()?;
        reader.state(&mut |tx| row = tx.get(TABLE, id.as_bytes()))?;
        // One that cannot be read is not "never": the events would be taken twice.
        let row = row.map_err(|error| ImportError::Progress(error.to_string()))?;
        let unreadable = || ImportError::Progress("its row is damaged".to_owned());
        let found = row.map(|row| Progress::read(&row).ok_or_else(unreadable));
        let found = found.transpose()?;
        self.reader = Some(reader);
        self.id = id;
        let is_again = self.args.again && found.is_some_and(|(before, _)| before.is_whole);
        match found.filter(|_| !is_again) {
            Some((before, _)) if before.is_whole => {
                let events = before.events;
                return Err(ImportError::Taken { events });
            }
            Some((before, keeps_offsets)) => {
                if keeps_offsets && last > before.last && !self.args.append {
                    let taken = before.last;
                    return Err(ImportError::Overtaken { taken, last });
                }
                self.keeps_offsets = keeps_offsets && last <= before.last;
                (self.skip, self.progress) = (before.last, before);
            }
            None if is_new => self.keeps_offsets = true,
            None if own == epoch && !self.args.again => return Err(ImportError::Own { epoch }),
            None if self.args.append => {}
            None => {
                let given = epoch;
                return Err(ImportError::NotEmpty { own, given, last });
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &StoredEvent<'_>, line: u64) -> Result<(), ImportError> {
        if event.offset <= self.skip {
            return Ok(());
        }
        if event.rest as usize > BATCH_EVENTS_MAX {
            return Err(ImportError::Batch { line });
        }
        if event.recorded > self.not_after {
            let recorded = Timestamp::from_millisecond(event.recorded).unwrap_or(Timestamp::MAX);
            return Err(ImportError::Future { line, recorded });
        }
        if event.offset > self.round.batch_end {
            self.close_batch();
            let is_full = self.round.events.len() >= ROUND_EVENTS
                || self.round.events.record_bytes() >= ROUND_BYTES;
            if is_full {
                self.commit(line)?;
            }
        }
        if self.round.places.len() - self.round.batch >= BATCH_EVENTS_MAX {
            return Err(ImportError::Batch { line });
        }
        let offset = match self.keeps_offsets {
            true => event.offset,
            false => self.next,
        };
        if !self.keeps_offsets {
            self.check_version(event, line)?;
        }
        self.next = offset + 1;
        // Times never go back in a journal: look-ups by time are by halves.
        self.recorded = self.recorded.max(event.recorded);
        self.round.batch_end = self
            .round
            .batch_end
            .max(event.offset + u64::from(event.rest));
        self.round.events.push(event.event);
        self.round.places.push(Place {
            offset,
            recorded: self.recorded,
            version: event.version,
            rest: 0,
            source: event.offset,
        });
        Ok(())
    }

    /// Behind other events a stream goes on where it is, or not at all.
    fn check_version(&mut self, event: &StoredEvent<'_>, line: u64) -> Result<(), ImportError> {
        let (Some(version), Some(stream)) = (event.version, event.event.stream()) else {
            return Ok(());
        };
        let name = format!("{}\0{}", stream.ty, stream.id);
        let own = match (self.versions.get(&name), &mut self.reader) {
            (Some(own), _) => *own,
            (None, Some(reader)) => reader.stream_version(stream.ty, stream.id)?,
            (None, None) => None,
        };
        if let Some(own) = own
            && Some(version) != own.checked_add(1)
        {
            return Err(ImportError::Version {
                line,
                stream: name.replace('\0', "/"),
                given: version,
                own,
            });
        }
        self.versions.insert(name, Some(version));
        Ok(())
    }

    /// Closes the batch if it is complete: the rest of it may be missing.
    fn close_whole(&mut self) {
        if self.round.last_source() >= self.round.batch_end {
            self.close_batch();
        }
    }

    /// The batch is complete: each event of it says how many follow.
    fn close_batch(&mut self) {
        let batch = &mut self.round.places[self.round.batch..];
        for (rest, place) in (0..).zip(batch.iter_mut().rev()) {
            place.rest = rest;
        }
        self.round.batch = self.round.places.len();
    }

    /// Commits the batches that are complete, together with how far that is.
    fn commit(&mut self, line: u64) -> Result<(), ImportError> {
        let count = self.round.batch;
        if count == 0 && !self.progress.is_whole {
            return Ok(());
        }
        let (events, places) = (self.round.events.iter(), &self.round.places);
        let mut round = CommitRound::default();
        round.flush = true;
        round
            .events
            .extend(events.zip(places).take(count).map(|(event, place)| {
                let mut one = RoundEvent::new(place.offset, place.recorded, event);
                (one.rest, one.version) = (place.rest, place.version);
                one
            }));
        let mut progress = self.progress;
        progress.events += count as u64;
        if let Some(last) = places.get(count.wrapping_sub(1)) {
            progress.last = last.source;
        }
        let (id, row) = (self.id.clone(), progress.row(self.keeps_offsets));
        let put =
            move |tx: &mut dyn eventring::journal::StateTx| tx.put(TABLE, id.as_bytes(), &row);
        round.work.push(StateWork::new(Box::new(put)));
        let committed = self.journal.commit(&mut round);
        let written = round.work.pop().and_then(|work| work.outcome);
        drop(round);
        committed.map_err(|error| ImportError::Commit { line, error })?;
        // Checkpoints are due between commits.
        self.journal.maintain(Instant::now());
        self.progress = progress;
        self.taken += count as u64;
        self.round = Round {
            batch_end: self.round.batch_end,
            ..Round::default()
        };
        if self.versions.len() >= STREAMS_MAX {
            self.versions.clear();
        }
        // The events are there; only that another run would take them again.
        match written {
            Some(Err(error)) => Err(ImportError::Progress(error.to_string())),
            _ => Ok(()),
        }
    }
}

impl Round {
    fn last_source(&self) -> u64 {
        self.places.last().map_or(0, |place| place.source)
    }
}

impl Progress {
    /// The form of a row: last and events, eight bytes each, little end first, then two flags.
    fn row(&self, keeps_offsets: bool) -> Vec<u8> {
        let mut row = vec![1];
        row.extend_from_slice(&self.last.to_le_bytes());
        row.extend_from_slice(&self.events.to_le_bytes());
        row.push(self.is_whole.into());
        row.push(keeps_offsets.into());
        row
    }

    fn read(row: &[u8]) -> Option<(Progress, bool)> {
        let number = |at: usize| Some(u64::from_le_bytes(*row.get(at..)?.first_chunk()?));
        let progress = Progress {
            last: number(1)?,
            events: number(9)?,
            is_whole: *row.get(17)? == 1,
        };
        (row[0] == 1).then_some((progress, *row.get(18)? == 1))
    }
}

/// The last line of an export is whole whether or not a line feed follows it.
fn is_last(text: &[u8]) -> bool {
    text.starts_with(b"{\"eventringexport\":\"end\"") && text.ends_with(b"}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the bound of 10 GiB that a journal has by itself, one event into a larger one made a tenth of it go, and cut its holds.
    #[test]
    fn nothing_goes_by_a_bound_while_an_export_is_taken() {
        assert_eq!(options().retention, Retention::default());
        assert_ne!(SqliteOptions::default().retention, Retention::default());
    }
}
