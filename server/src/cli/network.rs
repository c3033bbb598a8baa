//! Settings of `eventring serve` that say how connections come in.

use crate::units;
use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// Threads that serve connections; the first accepts and hands them round
    ///
    /// They share the frame logs' bytes; every other bound holds for all together.
    #[arg(long, env = "EVENTRING_REACTORS", value_name = "N", value_parser = reactors)]
    #[arg(default_value = "1")]
    pub(crate) reactors: usize,
}

fn reactors(text: &str) -> Result<usize, String> {
    units::within(text, 1..=64)
}
