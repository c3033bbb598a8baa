//! What is measured: loads by the names and options of `eventring bench`.

use crate::servers::Server;

/// One load.
pub struct Workload {
    pub name: &'static str,
    options: &'static [&'static str],
    /// Seconds of one run.
    pub seconds: u32,
    /// Only for the servers that are cheap enough to be compared in it.
    closely: bool,
}

pub const PACED: &str = "1000 x 100/s";
pub const MAX: &str = "1000, as fast as they come";
pub const MANY: &str = "9900 x 5/s";
pub const STORM: &str = "connects";

/// All there are, in the order of the table. Payloads have 256 bytes.
pub const WORKLOADS: [Workload; 4] = [
    Workload {
        name: PACED,
        options: &["--connections", "1000", "--rate", "100"],
        seconds: 3,
        closely: false,
    },
    Workload {
        name: MAX,
        options: &["--connections", "1000", "--rate", "max", "--window", "16"],
        seconds: 3,
        closely: false,
    },
    Workload {
        // What an open-file limit of 20,000 has room for on both sides.
        name: MANY,
        options: &["--connections", "9900", "--rate", "5"],
        seconds: 4,
        closely: true,
    },
    Workload {
        name: STORM,
        options: &["--storm", "--connections", "128"],
        seconds: 3,
        closely: true,
    },
];

impl Workload {
    pub fn options(&self) -> &'static [&'static str] {
        self.options
    }

    pub fn takes_part(&self, server: &Server) -> bool {
        !self.closely || server.closely
    }
}
