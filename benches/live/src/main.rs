//! What live streams notice of a journal. `README.md` says how it is run and read.

mod args;
mod load;
mod look_backs;
mod rows;
mod server;

use std::error::Error;

use crate::args::Args;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    let mut text = Vec::new();
    if args.wants("durable") {
        text.push(rows::durable(&args)?);
    }
    if args.wants("look back") {
        text.push(rows::look_back(&args)?);
    }
    print!("{}", text.concat());
    Ok(())
}
