//! Reads lines, checks them and packs them into batches, on a thread of its own.

use super::batch::{Batch, BodyFormat};
use super::encode::{Encoder, LineError};
use crate::cli::OnError;
use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::SyncSender;

/// Bytes asked for at a time.
const READ: usize = 256 << 10;
/// A batch of this size goes, however few its lines.
const BATCH_BYTES: usize = 512 << 10;
/// Longest line; it is the largest body that a server takes by default.
pub(super) const LINE_BYTES: usize = 8 << 20;

/// The settings of a reader of lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) batch: usize,
    pub(super) on_error: OnError,
}

/// An item that the reader found, in the order of the lines.
#[derive(Debug)]
pub(super) enum ReadItem {
    Batch(Batch),
    BadLine {
        line: u64,
        error: LineError,
    },
    /// The input broke behind line `line`.
    ReadFailed {
        line: u64,
        error: io::Error,
    },
}

/// Reads to the end, to the first bad line if so asked, or until nobody wants the batches.
pub(super) fn read(
    mut input: impl Read,
    encoder: Encoder,
    settings: Settings,
    sender: &SyncSender<ReadItem>,
) {
    let batch = Batch::new(BodyFormat::Data);
    let mut packer = Packer {
        encoder,
        settings,
        sender,
        batch,
        line: 0,
    };
    // An error is a reason to stop early: the receiver has it already, or is gone.
    let _ = packer.read(&mut input);
}

/// Nothing more is to be read.
struct StopReading;

struct Packer<'a> {
    encoder: Encoder,
    settings: Settings,
    sender: &'a SyncSender<ReadItem>,
    batch: Batch,
    line: u64,
}

impl Packer<'_> {
    fn read(&mut self, input: &mut impl Read) -> Result<(), StopReading> {
        let mut buffer = Vec::new();
        let mut too_long = false; // inside a line whose beginning is given up already
        loop {
            match fill(input, &mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    // What was read before the failure is published.
                    self.flush()?;
                    return self.send(ReadItem::ReadFailed {
                        line: self.line,
                        error,
                    });
                }
            }
            let whole = self.whole_lines(&buffer, &mut too_long)?;
            buffer.drain(..whole);
            if too_long {
                // More of the long line: nobody wants it, and it must not gather.
                buffer.clear();
            } else if buffer.len() > LINE_BYTES {
                self.line += 1;
                self.bad(LineError::TooLong { limit: LINE_BYTES })?;
                // The bytes go, the mark stays: the rest of the line must not pass for a line of its own.
                buffer.clear();
                too_long = true;
            }
            // Nothing whole is left, and the next read may wait: what is there must not.
            self.flush()?;
        }
        // A last line without a line feed is a line, too.
        if !buffer.is_empty() {
            self.line(&buffer)?;
        }
        self.flush()
    }

    /// Takes the lines that have an end; answers how many bytes they were.
    fn whole_lines(&mut self, buffer: &[u8], too_long: &mut bool) -> Result<usize, StopReading> {
        let mut done = 0;
        while let Some(length) = buffer[done..].iter().position(|&b| b == b'\n') {
            // The end of a line that was given up, which is counted and told already.
            if !std::mem::take(too_long) {
                self.line(&buffer[done..done + length])?;
            }
            done += length + 1;
        }
        Ok(done)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), StopReading> {
        // Windows ends lines with CR LF, and a CR is never meant as part of the data.
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        self.line += 1;
        if self.line == 1 {
            line = self.encoder.begin(line);
        }
        if !self.encoder.is_event(line) {
            return Ok(());
        }
        // The format may have been settled by this very line, so an empty batch takes it anew.
        if self.batch.is_empty() {
            self.batch = Batch::new(self.encoder.body_format());
        }
        let (encoder, number) = (&mut self.encoder, self.line);
        match self
            .batch
            .push(number, |out| encoder.encode(number, line, out))
        {
            Err(error) => self.bad(error),
            Ok(()) if self.is_full() => self.flush(),
            Ok(()) => Ok(()),
        }
    }

    fn is_full(&self) -> bool {
        self.batch.len() >= self.settings.batch || self.batch.body_len() >= BATCH_BYTES
    }

    fn bad(&mut self, error: LineError) -> Result<(), StopReading> {
        // The lines before it are published; behind it nothing is.
        if self.settings.on_error == OnError::Stop {
            self.flush()?;
        }
        self.send(ReadItem::BadLine {
            line: self.line,
            error,
        })?;
        match self.settings.on_error {
            OnError::Stop => Err(StopReading),
            OnError::Skip => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), StopReading> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let next = Batch::new(self.batch.body_format());
        let batch = std::mem::replace(&mut self.batch, next);
        self.send(ReadItem::Batch(batch))
    }

    fn send(&mut self, item: ReadItem) -> Result<(), StopReading> {
        self.sender.send(item).map_err(|_| StopReading)
    }
}

/// One read, appended; 0 is the end.
fn fill(input: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let start = buffer.len();
    buffer.resize(start + READ, 0);
    let read = loop {
        match input.read(&mut buffer[start..]) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    buffer.truncate(start + *read.as_ref().unwrap_or(&0));
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::LineFormat;
    use std::path::Path;
    use std::sync::mpsc;

    /// Returns the items that a reader makes of `text` when it comes `piece` bytes at a time.
    fn found(text: &[u8], piece: usize, on_error: OnError) -> Vec<String> {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let n = self.1.min(self.0.len()).min(out.len());
                out[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        let (sender, receiver) = mpsc::sync_channel(1000);
        let encoder = Encoder::new(LineFormat::Ndjson, Path::new("-"), "t", "t", LINE_BYTES);
        read(
            Pieces(text, piece),
            encoder,
            Settings { batch: 2, on_error },
            &sender,
        );
        drop(sender);
        let mut out = Vec::new();
        for one in receiver {
            match one {
                ReadItem::Batch(batch) => {
                    out.extend((0..batch.len()).map(|i| batch.number(i).to_string()))
                }
                ReadItem::BadLine { line, .. } => out.push(format!("bad {line}")),
                ReadItem::ReadFailed { .. } => unreachable!("the text does not fail"),
            }
        }
        out
    }

    #[test]
    fn lines_keep_their_numbers_however_cut() {
        let text = b"1\n\n2\r\nx\n3\n4";
        for piece in 1..20 {
            let stopped = found(text, piece, OnError::Stop);
            assert_eq!(stopped, ["1", "3", "bad 4"]);
            let mut skipped = found(text, piece, OnError::Skip);
            skipped.retain(|one| !one.starts_with("bad"));
            assert_eq!(skipped, ["1", "3", "5", "6"]);
        }
    }

    #[test]
    fn an_endless_line_is_bad_and_passed_over() {
        let mut text = vec![b'1'; LINE_BYTES + READ];
        text.extend_from_slice(b"\n2\n");
        assert_eq!(found(&text, READ, OnError::Skip), ["bad 1", "2"]);
    }
}
