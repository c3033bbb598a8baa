//! Configuration: where a setting can stand, what beats what, and how the server stops.
//!
//! Every setting of `eventring serve` has one name: `--ring-bytes` is `EVENTRING_RING_BYTES` in the
//! environment and `ring-bytes` in a TOML file, given by `--config` or `EVENTRING_CONFIG`. A flag beats
//! the environment, the environment beats the file, the file beats the default.
//!
//! ```toml
//! listen = ["127.0.0.1:8080", "[::1]:8080"]    # "[::]:8080" takes both families
//! data = "/var/lib/eventring"                 # the journal; "./eventring-data" where it is not given
//! allowed-host = ["events.example"]           # the public name that a proxy passes on
//! cors-origin = ["https://app.example"]       # pages that may read and publish
//! capacity = 1000000
//! ring-bytes = "1G"                           # or 1073741824
//! heartbeat = 15                              # or "15s"
//! log-format = "json"
//! ```
//!
//! `eventring check-config FILE` prints every value that holds and where it comes from, in the form of
//! a file to start from. All mistakes are told at once, with the flag, the variable or the line, and
//! what is allowed:
//!
//! ```text
//! eventring: 3 mistakes in the settings:
//! eventring:   eventring.toml:4: capcity: unknown setting; did you mean capacity?
//! eventring:   eventring.toml:6: heartbeat = 0.5: must be 0 (off) or between 1 and 3600 seconds
//! eventring:   EVENTRING_RING_BYTES="lots" (as --ring-bytes): expected bytes, such as 4096, 64K or 16M
//! ```
//!
//! Two settings that do not fit each other, such as `batch-events` over half of `capacity`, are a
//! mistake if both were given and a warning if one is a default. The log goes to standard error, a line
//! for each stream at its end and none for an event: `--log-level`, `--log-format`.
//! `eventring completions SHELL` and `eventring man [COMMAND]` print what shells and `man` want.
//!
//! # How it stops
//!
//! SIGINT and SIGTERM stop the server in good order: for `--drain-delay` (0 s) it serves on while `/readyz` says 503, then
//! no new connections, what is published goes out and the journal is closed, at most `--stop-timeout` (5 s). Exit code 0 says
//! that everything went out, 3 that something was left. A second signal ends it at once, with 130 or 143 (ends the draining, if
//! it drains). A wrong setting, a busy port or a journal that cannot be opened is 2.
