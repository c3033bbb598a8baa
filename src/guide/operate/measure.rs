//! Measuring: `eventring bench`, what it reports, and what it reported here.
//!
//! `eventring bench` drives a running server over real sockets and judges what every client got. With `--spawn` it
//! starts a server of its own, with the settings of the environment.
//!
//! | what | command |
//! | --- | --- |
//! | 1000 connections, 100 events a second, CPU per delivery | `eventring bench --spawn --connections 1000 --rate 100` (`--ws`, `--gzip`) |
//! | the same, as fast as they arrive | `eventring bench --spawn --connections 1000 --rate max` |
//! | 9,900 connections (a descriptor limit of 20,000), 5 events a second | `eventring bench --spawn --connections 9900 --rate 5` |
//! | memory per idle connection | the row `idle client` of any of these |
//! | 10 % stalled readers, 16 KB events | `eventring bench --spawn --connections 300 --size 16K --slow-share 0.1` |
//! | overload: 4000 events of 1 KB a second to 1000 | `EVENTRING_RING_BYTES=4M eventring bench --spawn --connections 1000 --rate 4000 --size 1K --seconds 5` |
//! | connect storm | `eventring bench --spawn --storm --connections 128 --seconds 4` |
//! | published over HTTP to first byte | `eventring bench --spawn --first-byte` |
//! | published in process to first byte | `cargo bench --bench first_byte` |
//! | echo of WebSocket messages, beside axum and npm's `ws` | `cargo run --release` in `benches/echo` |
//!
//! A payload carries its sequence and when it was due, so missing, double and reordered events are exact, for each
//! client, and latency counts from when an event was due. What the server announced as a gap is counted apart;
//! anything else that is missing makes the exit code 1, and so does a connection of a storm that is not answered.
//! `--cut-share 0.5` cuts half of the clients each second, by turns with a reset and in good order; they resume.
//! Clients of `--slow-share` read nothing from half of `--seconds` until the others have everything: the report has the
//! others' latency before and during that. Memory of an idle client is what all of them add before anything is
//! published; the kernel's is that of the whole machine. `--first-byte` counts from writing the publish request.
//! `--json` has all figures with units in their names. Servers that are not on loopback need `--i-own-this-server`:
//! the load is that of an attack.
//!
//! Server and bench on the same two virtual cores, quiet. Nothing was missing, doubled or reordered in any run.
//!
//! | run | deliveries a second | latency p50 / p99, ms | server | bytes each |
//! | --- | --- | --- | --- | --- |
//! | 1000 x 100/s, SSE | 99,986 (as asked) | 2.2 / 6.7 | 4.04 us a delivery | 285.8 |
//! | the same, `--ws` | 99,986 | 2.9 / 6.6 | 5.24 us (the bench reads JSON beside it) | 375.8 |
//! | the same, `--gzip` | 99,987 | 3.0 / 8.8 | 4.26 us | 21.3 |
//! | 1000, max | 3.93 million | 7.6 / 16.9 | 0.25 us | 287.4 |
//! | 1000, max, `--ws` | 2.26 million (the bench has no more) | 12.9 / 24.8 | 0.43 us | 377.0 |
//! | 9,900 x 5/s | 49,493 (as asked) | 31 / 77 | 6.80 us, Pss 5.4 MiB | 284.7 |
//! | 9,900 x 5/s, `--ws` | 49,493 | 32 / 74 | 6.81 us, Pss 7.1 MiB | 374.7 |
//! | 300 x 100/s x 16 KB, 30 stall | 29,495 | before 2.7 / 4.3, during 2.2 / 3.7 | kernel: 23 KiB a stalled reader | 16,414 |
//! | 4000/s x 1 KB x 1000, ring of 4 MB | 3.98 million, 6,752 announced in 40 gaps | 25 / 508 | Pss grew by 11 MiB | 1,055 |
//!
//! | | |
//! | --- | --- |
//! | heap per idle connection, 9,900 of them | 202 bytes SSE, 380 bytes WebSocket |
//! | connect storm, 128 at a time | 24,632/s, answer p50 5.2 ms, p99 7.3, no errors |
//! | published over HTTP to first byte, alone / 100 a second | p50 159 / 53 us, p99 222 / 153 us |
//!
//! At `max` a write carries dozens of events, which is why a delivery costs so little; at a low rate
//! each delivery is a system call of its own. `SOAK_MINUTES=60 scripts/soak churn` holds 200 connects
//! and cuts a second for an hour and fails if memory has grown since the first minute, by more than the
//! 64 KiB in which an allocator comes to rest: after 720,998 cuts, on a machine busy with builds, the
//! server's own memory was 1,964 KiB, 1,924 KiB after the first minute.
