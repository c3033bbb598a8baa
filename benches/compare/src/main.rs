//! Our ring beside other people's: one binary, one run, contenders in turn, medians of rounds, a table and JSON.
mod api;
mod args;
mod goals;
mod harness;
mod ours;
mod peers;
mod report;

use api::*;
use args::Args;
use bytes::Bytes;
use harness::*;
use ours::*;
use peers::*;
use report::Row;

struct Entry {
    name: &'static str,
    lossy: bool,
    run: fn(&Work, u64) -> Option<Sample>,
    ping: fn(bool, u64) -> Option<hdrhistogram::Histogram<u64>>,
}
fn e<P: Payload, C: Contender<P>>() -> Entry {
    Entry { name: C::NAME, lossy: C::LOSSY, run: run::<P, C>, ping: pingpong::<P, C> }
}
macro_rules! list {
    ($p:ty: $($c:ty),* $(,)?) => { vec![$(e::<$p, $c>()),*] };
}
/// Contenders that take any payload.
macro_rules! general {
    ($p:ty) => {
        list![$p: Gated, Lossy, GatedGroup, LossyGroup, Shared, StdLock, ParkingLot, Lanes, Task,
            Tokio, Disruptor, PhotonEvent, BusPeer, AsyncBroadcast, Crossbeam, Rtrb]
    };
}
/// And those that take plain data only.
macro_rules! plain {
    ($p:ty) => {{
        let mut v = general!($p);
        v.extend(list![$p: PhotonLossy, PhotonBounded]);
        v
    }};
}

/// What throughput is measured of; the keys are those of `args::ROWS`.
fn works() -> [(&'static str, &'static str, Work); 9] {
    let w = |shape, producers, consumers, batch| Work { shape, producers, consumers, batch };
    use Shape::*;
    [
        ("fan1", "1 -> 1", w(Reactor, 1, 1, 1)),
        ("batch", "1 -> 1, batches of 16", w(Reactor, 1, 1, 16)),
        ("fan64", "1 -> 64 cursors", w(Reactor, 1, 64, 1)),
        ("fan1000", "1 -> 1000 cursors", w(Reactor, 1, 1000, 1)),
        ("mp2", "2 -> 1", w(Reactor, 2, 1, 1)),
        ("mp4", "4 -> 1", w(Reactor, 4, 1, 1)),
        ("burst1", "burst of 64, 1 cursor", w(Burst, 1, 1, 64)),
        ("burst64", "burst of 64, 64 cursors", w(Burst, 1, 64, 64)),
        ("burst1000", "burst of 64, 1000 cursors", w(Burst, 1, 1000, 64)),
    ]
}

fn calibrate(e: &Entry, w: &Work, target: f64) -> Option<u64> {
    let mut m = 512u64;
    loop {
        let s = (e.run)(w, m)?;
        if s.secs > target / 5.0 || m > 40_000_000 {
            let want = (m as f64 * target / s.secs) as u64;
            return Some(want.clamp(512, 40_000_000));
        }
        m *= 4;
    }
}

/// The contenders of one round: each time another one begins, so that none always follows the same.
fn turns(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| (at + round) % count)
}

fn trips(args: &Args, row: &str, label: &str, park: bool) -> Vec<Row> {
    let trips = if park { 10_000 } else { 100_000 };
    let entries: Vec<Entry> = plain!(u64).into_iter().filter(|e| args.contender(e.name)).collect();
    let mut got: Vec<Vec<[f64; 4]>> = entries.iter().map(|_| Vec::new()).collect();
    for round in 0..args.rounds {
        for at in turns(round, entries.len()) {
            if let Some(h) = (entries[at].ping)(park, trips) {
                got[at].push([0.5, 0.99, 0.999, 1.0].map(|q| h.value_at_quantile(q) as f64));
            }
        }
    }
    let measured = entries.iter().zip(&got).filter(|(_, rounds)| !rounds.is_empty());
    measured.map(|(e, rounds)| Row::trip((row, label), (e.name, e.lossy), rounds)).collect()
}

fn throughput(args: &Args, row: &str, label: &str, w: &Work, payload: &str, all: Vec<Entry>) -> Vec<Row> {
    let entries: Vec<Entry> = all.into_iter().filter(|e| args.contender(e.name)).collect();
    let messages = |e: &Entry| args.messages.or_else(|| calibrate(e, w, args.seconds));
    let plan: Vec<Option<u64>> = entries.iter().map(messages).collect();
    let mut got: Vec<Vec<Sample>> = entries.iter().map(|_| Vec::new()).collect();
    for round in 0..args.rounds {
        for at in turns(round, entries.len()) {
            if let Some(sample) = plan[at].and_then(|messages| (entries[at].run)(w, messages)) {
                got[at].push(sample);
            }
        }
    }
    let measured = entries.iter().zip(&got).filter(|(_, samples)| !samples.is_empty());
    measured
        .map(|(e, samples)| Row::throughput((row, label, payload), (e.name, e.lossy), w.consumers, samples))
        .collect()
}

fn measure(args: &Args) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |table: Vec<Row>| {
        report::print(&table);
        rows.extend(table);
        save(&args.json, &rows);
    };
    for (row, label, park) in [("lat", "round trip, spinning", false), ("latpark", "round trip, parking", true)] {
        if args.row(row, 1) {
            add(trips(args, row, label, park));
        }
    }
    for (row, label, w) in works() {
        if !args.row(row, w.consumers) {
            continue;
        }
        for payload in ["u64", "inline64", "bytes64"].into_iter().filter(|p| args.payload(p)) {
            let entries = match payload {
                "u64" => plain!(u64),
                "inline64" => plain!(W64),
                _ => general!(Bytes),
            };
            add(throughput(args, row, label, &w, payload, entries));
        }
    }
    rows
}

/// After every table, so that a run cut short keeps what it measured.
fn save(to: &Option<String>, rows: &[Row]) {
    if let Some(file) = to {
        let text = serde_json::to_string_pretty(rows).expect("rows are plain data");
        std::fs::write(file, text).unwrap_or_else(|error| fail(&format!("{file}: {error}")));
    }
}

fn load(file: &String) -> Vec<Row> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| fail(&format!("{file}: {error}")));
    serde_json::from_str(&text).unwrap_or_else(|error| fail(&format!("{file}: {error}")))
}

fn fail(what: &str) -> ! {
    eprintln!("{what}\n\n{}", args::USAGE);
    std::process::exit(2)
}

fn main() {
    let args = Args::parse(std::env::args().skip(1)).unwrap_or_else(|what| fail(&what));
    let rows = match args.from.is_empty() {
        true => measure(&args),
        false => args.from.iter().flat_map(load).collect(),
    };
    if args.messages.is_none() {
        goals::print(&rows);
    }
    match args.markdown.as_deref() {
        Some("-") => println!("\n{}", goals::markdown(&rows)),
        Some(file) => std::fs::write(file, goals::markdown(&rows))
            .unwrap_or_else(|error| fail(&format!("{file}: {error}"))),
        None => {}
    }
}
