//! `eventring journal export`: events as lines of CloudEvents JSON.

use super::progress::Line;
use super::unusable;
use crate::cli::ExportArgs;
use crate::{console, exit};
use eventring::event::{Epoch, Filter, Position};
use eventring::journal::{
    ExportEncoder, HoleReason, JournalError, JournalReader, Scan, SqliteFiles,
};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes of lines that are written at once.
const WRITE: usize = 256 << 10;
/// Events of one page.
const PAGE: usize = 4096;

/// Why there is no whole export.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("{0}")]
    Journal(#[from] JournalError),
    #[error("--topic: {0}")]
    Topic(eventring::event::FilterError),
    #[error("--{flag} {given}: expected a position, such as {epoch}-42, or its number")]
    Position {
        flag: &'static str,
        given: String,
        epoch: Epoch,
    },
    #[error("--{flag} {given}: of another log: this one has epoch {epoch}")]
    Epoch {
        flag: &'static str,
        given: Position,
        epoch: Epoch,
    },
    #[error("cannot make {0}: {1}")]
    Make(String, io::Error),
    #[error("cannot write: {0}")]
    Write(io::Error),
}

/// Writes what is asked for.
pub(super) fn run(args: &ExportArgs) -> ExitCode {
    match export(args) {
        Ok(true) => exit::OK,
        Ok(false) => ExitCode::from(exit::FAILED),
        Err(ExportError::Journal(error)) => unusable(&error),
        // Who read it has seen enough; the export has no end, which says so.
        Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => {
            ExitCode::from(exit::FAILED)
        }
        Err(error @ ExportError::Write(_)) => {
            console::err(error);
            ExitCode::from(exit::FAILED)
        }
        Err(error) => {
            console::err(error);
            ExitCode::from(exit::USAGE)
        }
    }
}

/// True where nothing was damaged.
fn export(args: &ExportArgs) -> Result<bool, ExportError> {
    let mut files = SqliteFiles::open(&args.journal.data)?;
    let filter = match args.topic.as_slice() {
        [] => Filter::all(),
        topics => Filter::parse(topics).map_err(ExportError::Topic)?,
    };
    let mut reader = files.reader()?;
    let asked = offsets(args, &files)?;
    let mut range = asked.clone();
    if let Some(since) = args.since {
        range.start = range.start.max(reader.since(since)?).min(range.end);
        if files.settle()? {
            reader = files.reader()?;
            range.start = asked.start.max(reader.since(since)?).min(asked.end);
        }
    }
    let mut output = Output::open(&args.file)?;
    let written = write(&mut files, reader, &filter, range, &mut output);
    let mut whole = match written {
        Ok(whole) => whole,
        Err(error) => {
            output.give_up();
            return Err(error);
        }
    };
    let lost = files.lost_end();
    if asked.end == files.offsets().end && args.to.is_none() && !lost.is_empty() {
        whole = false;
        console::err(format_args!(
            "events {} to {} were flushed, and are not in the journal, nor in the export",
            lost.start,
            lost.end - 1
        ));
    }
    Ok(whole)
}

/// Writes the events of a range; true where nothing of it was damaged.
fn write(
    files: &mut SqliteFiles,
    mut reader: Box<dyn JournalReader>,
    filter: &Filter,
    mut range: Range<u64>,
    output: &mut Output,
) -> Result<bool, ExportError> {
    let mut encoder = ExportEncoder::new(files.epoch());
    let mut line = Line::new("export");
    let mut text = Vec::with_capacity(2 * WRITE);
    let mut whole = true;
    encoder.begin(&mut text);
    while !range.is_empty() {
        let scan = Scan::new(filter, range.clone()).events_max(PAGE);
        let (before, length) = (encoder.clone(), text.len());
        let end = reader.read(&scan, &mut |event| {
            encoder.event(&event, &mut text);
            ControlFlow::Continue(())
        });
        if files.settle()? {
            // A server was started: of this page it may have written half.
            (encoder, reader) = (before, files.reader()?);
            text.truncate(length);
            continue;
        }
        let end = end?;
        for hole in end
            .holes
            .iter()
            .filter(|hole| hole.reason == HoleReason::Damaged)
        {
            whole = false;
            let (first, last) = (hole.range.start, hole.range.end - 1);
            line.aside(|| {
                console::err(format_args!(
                    "events {first} to {last} are damaged, and not in it"
                ));
            });
        }
        range.start = end.next;
        if text.len() >= WRITE {
            output.write(&mut text)?;
            line.events(encoder.events(), output.bytes);
        }
    }
    encoder.end(&mut text);
    output.write(&mut text)?;
    output.finish()?;
    line.finish();
    console::note(format_args!("{} events", encoder.events()));
    Ok(whole)
}

/// The offsets that are asked for.
fn offsets(args: &ExportArgs, files: &SqliteFiles) -> Result<Range<u64>, ExportError> {
    let all = files.offsets();
    let epoch = files.epoch();
    let offset = |flag, given: &Option<String>| match given {
        None => Ok(None),
        Some(given) => position(flag, given, epoch).map(Some),
    };
    let from = offset("from", &args.from)?.unwrap_or(all.start);
    let to = offset("to", &args.to)?.map_or(all.end, |last| last.saturating_add(1));
    let (from, to) = (from.max(all.start), to.min(all.end));
    Ok(from..to.max(from))
}

fn position(flag: &'static str, given: &str, epoch: Epoch) -> Result<u64, ExportError> {
    if let Ok(offset) = given.parse() {
        return Ok(offset);
    }
    match given.parse::<Position>() {
        Ok(position) if position.epoch == epoch => Ok(position.offset),
        Ok(given) => Err(ExportError::Epoch { flag, given, epoch }),
        Err(_) => Err(ExportError::Position {
            flag,
            given: given.to_owned(),
            epoch,
        }),
    }
}

/// The place that lines go to.
struct Output {
    to: Box<dyn Write>,
    file: Option<(File, PathBuf)>,
    bytes: u64,
}

impl Output {
    fn open(path: &Path) -> Result<Output, ExportError> {
        if path == Path::new("-") {
            return Ok(Output {
                to: Box::new(io::stdout()),
                file: None,
                bytes: 0,
            });
        }
        // Nothing that is there is written over.
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        let failed = |error| ExportError::Make(path.display().to_string(), error);
        let file = made.map_err(failed)?;
        Ok(Output {
            to: Box::new(file.try_clone().map_err(failed)?),
            file: Some((file, path.to_owned())),
            bytes: 0,
        })
    }

    fn write(&mut self, text: &mut Vec<u8>) -> Result<(), ExportError> {
        self.to.write_all(text).map_err(ExportError::Write)?;
        self.bytes += text.len() as u64;
        text.clear();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        let flushed = self.to.flush().and_then(|()| {
            let Some((file, path)) = &self.file else {
                return Ok(());
            };
            file.sync_all()?;
            // Of its name, too.
            let folder = path.canonicalize()?.parent().map(Path::to_owned);
            folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        });
        flushed.map_err(ExportError::Write)
    }

    /// Says what is left of an export that failed: what was read is not thrown away, the disk may not give it twice.
    fn give_up(&self) {
        if let Some((_, path)) = &self.file {
            console::note(format_args!(
                "{} is cut off: \"import --partial\" takes what is in it; another export needs another name",
                path.display()
            ));
        }
    }
}
