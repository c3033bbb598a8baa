//! `eventring publish`: every line of a file or a pipe becomes one event, in order.

mod batch;
mod encode;
mod lines;
mod pipeline;
mod progress;
mod run;

use crate::cli::PublishArgs;
use crate::{console, exit};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;

/// Batches read ahead of the connection.
const READ_AHEAD: usize = 2;

/// Why nothing was even tried.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("{path}: {source}")]
    Open {
        path: String,
        source: std::io::Error,
    },
}

/// Publishes the lines and tells how it went.
pub(crate) fn run(args: PublishArgs) -> ExitCode {
    match publish(&args) {
        Ok(true) => exit::OK,
        Ok(false) => ExitCode::from(exit::FAILED),
        Err(error) => {
            console::err(error);
            ExitCode::from(exit::FAILED)
        }
    }
}

/// True when every line was published.
fn publish(args: &PublishArgs) -> Result<bool, SetupError> {
    let input = open(&args.file)?;
    let encoder = encode::Encoder::new(
        args.format,
        &args.file,
        &args.topic,
        &args.kind,
        lines::LINE_BYTES,
    );
    // Bounded: a fast disk must not fill the memory while a slow server answers.
    let (sender, batches) = mpsc::sync_channel(READ_AHEAD);
    let settings = lines::Settings {
        batch: args.batch,
        on_error: args.on_error,
    };
    // The reader may be stuck in a read when the server has refused: it ends with the process.
    std::thread::spawn(move || lines::read(input, encoder, settings, &sender));
    let pipeline = pipeline::Pipeline::new(args);
    Ok(run::Run::new(pipeline, args.on_error).run(&batches))
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, SetupError> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let failed = |source| SetupError::Open {
        path: path.display().to_string(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    // Linux opens a directory for reading, and only the first read of it fails.
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(Box::new(file))
}
