//! What readers that stopped reading cost, with the settings that everybody has: in the kernel, by what it
//! says of the server's sockets, and in the server itself. Those that read get everything beside them.

use crate::common::{Http, Server, Stream, measured, offset, skipped, wait_until};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Command;

const STALLED: usize = 50;
const READERS: usize = 4;
/// Bytes of an event's data.
const EVENT: usize = 16 << 10;
/// Bytes of the frame of such an event; what stands around the data is less than this.
const FRAME: usize = EVENT + 256;
/// Events that fill the ring and the frame logs, so that they grow no more: 80 MiB.
const BEFORE: usize = 5120;
/// Events while readers stall: 32 MiB, what eight frame logs hold and half the ring.
const MEANWHILE: usize = 2048;
/// Events of one request.
const BATCH: usize = 32;
/// Most bytes that the kernel may hold for one that stalls.
const KERNEL_MAX: u64 = 64 << 10;
/// What the server may grow by beside a frame for each: a ring of 64 MiB comes and goes meanwhile, and the
/// allocator keeps some holes. A private buffer (64 KiB) for each would be more.
const SLACK_KB: u64 = 3 << 10;

#[test]
fn a_stalled_reader_costs_a_bounded_amount_and_the_others_nothing() {
    if Command::new("ss").arg("-V").output().is_err() {
        return skipped("ss is not installed");
    }
    let server = Server::start(&[]);
    let mut readers: Vec<Stream> = (0..READERS)
        .map(|_| Stream::open(server.address, "topic=load"))
        .collect();
    publish_and_read(&server, &mut readers, BEFORE);
    let before = anonymous_kb(&server);
    // Half of them with a small receive buffer, so that they stop at other places.
    let mut stalled: Vec<Stream> = (0..STALLED)
        .map(|n| match n % 2 {
            0 => Http::connect(server.address),
            _ => Http::connect_small(server.address),
        })
        .map(|http| Stream::on(http, "topic=load", &[]))
        .collect();
    server.wait_for_streams((READERS + STALLED) as u64);
    publish_and_read(&server, &mut readers, MEANWHILE);
    wait_until("all of them blocked and far behind", || {
        let mut http = Http::connect(server.address);
        let figures = http.get("/api/v1/stats").response().json();
        let behind = figures["fell_behind"].as_u64();
        figures["blocked"] == STALLED && behind >= Some(STALLED as u64)
    });

    let of_sockets = kernel_bytes(server.address);
    let held = stalled.iter().map(|stream| {
        let address = stream.http.stream.local_addr().expect("it is open");
        of_sockets[&address]
    });
    let held: Vec<u64> = held.collect();
    let largest = held.iter().copied().max().expect("there are some");
    let mean = held.iter().sum::<u64>() / STALLED as u64;
    let grown = anonymous_kb(&server).saturating_sub(before);
    measured(&format!(
        "kernel: {mean} bytes a stalled reader, {largest} at most; server: {grown} kB for all of them"
    ));
    assert!(mean > 0, "nothing waits for anybody: they do not stall");
    assert!(largest <= KERNEL_MAX, "{largest} bytes in the kernel");
    let frames = (STALLED * FRAME) as u64 >> 10;
    assert!(grown <= frames + SLACK_KB, "{grown} kB in the server");

    // They were only late.
    for stream in &mut stalled[..2] {
        stream.take(MEANWHILE);
    }
}

/// Publishes so many events, and has all readers get every one of them, a few at a time: they are never
/// far behind.
fn publish_and_read(server: &Server, readers: &mut [Stream], events: usize) {
    let data = vec![format!("\"{}\"", "x".repeat(EVENT - 2)); BATCH];
    let mut next = offset(&server.health().head) + 1;
    for _ in 0..events / BATCH {
        server.publish_all("load", &data, BATCH);
        for reader in &mut *readers {
            assert_eq!(reader.take(BATCH)[0].offset(), next);
        }
        next += BATCH as u64;
    }
}

/// What the kernel holds for each connection of the server at `address`, by the address of its peer:
/// received, on the way, queued, and set aside.
fn kernel_bytes(address: SocketAddr) -> HashMap<SocketAddr, u64> {
    let mut command = Command::new("ss");
    command.args(["-HtmnO", "state", "established", "sport"]);
    let output = command.arg(format!("= :{}", address.port())).output();
    let text = String::from_utf8(output.expect("ss runs").stdout).expect("text");
    text.lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let peer = words[3].parse().unwrap_or_else(|_| panic!("{line}"));
            let memory = words.iter().find_map(|word| word.strip_prefix("skmem:("));
            let memory = memory.unwrap_or_else(|| panic!("{line}"));
            let each = memory.trim_end_matches(')').split(',');
            let of = |name: &str| {
                let mut values = each.clone().filter_map(|word| word.strip_prefix(name));
                values.find_map(|value| value.parse::<u64>().ok())
            };
            let parts = ["r", "t", "f", "w"].map(|name| of(name).expect("a number"));
            (peer, parts.iter().sum())
        })
        .collect()
}

/// The server's own memory: pages of its file count less for each other server that a test runs beside it.
fn anonymous_kb(server: &Server) -> u64 {
    let pid = server.process.pid().as_raw_nonzero();
    let all = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it runs");
    let line = all.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.trim().parse().ok())
        .expect("a number of kB")
}
