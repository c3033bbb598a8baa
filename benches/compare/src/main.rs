//! Our ring beside other people's: one binary, one run, contenders in turn, medians of rounds, a table and JSON.
//!
//! `compare [GROUP...] [--rounds N] [--ms N] [--payload u64,inline64,bytes64] [--only NAME,...] [--json FILE]`.
//! Groups: fan1, batch, fan64, fan1000, burst, mp, lat, latpark; all of them without one.
mod api;
mod harness;
mod ours;
mod peers;

use api::*;
use bytes::Bytes;
use harness::*;
use ours::*;
use peers::*;
use serde_json::json;

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
        list![$p: Gated, Lossy, GatedGroup, LossyGroup, Shared, Locked, Lanes,
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

fn works() -> Vec<(&'static str, &'static str, Work)> {
    let w = |shape, producers, consumers, batch| Work { shape, producers, consumers, batch };
    use Shape::*;
    vec![
        ("fan1", "1->1", w(Reactor, 1, 1, 1)),
        ("batch", "1->1 batch 16", w(Reactor, 1, 1, 16)),
        ("fan64", "1->64 reactor", w(Reactor, 1, 64, 1)),
        ("fan1000", "1->1000 reactor", w(Reactor, 1, 1000, 1)),
        ("mp", "2->1", w(Reactor, 2, 1, 1)),
        ("mp", "4->1", w(Reactor, 4, 1, 1)),
        ("burst", "burst 64, 1", w(Burst, 1, 1, 64)),
        ("burst", "burst 64, 64", w(Burst, 1, 64, 64)),
        ("burst", "burst 64, 1000", w(Burst, 1, 1000, 64)),
    ]
}

fn median(v: &mut [f64]) -> f64 {
    v.sort_by(|a, b| a.total_cmp(b));
    v[v.len() / 2]
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

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let opt = |k: &str| args.iter().position(|a| a == k).and_then(|i| args.get(i + 1).cloned());
    let rounds: usize = opt("--rounds").map_or(5, |s| s.parse().unwrap());
    let target: f64 = opt("--ms").map_or(0.030, |s| s.parse::<f64>().unwrap() / 1e3);
    // Fixed message count, one round, no calibration: for instruction counts under callgrind.
    let fixed: Option<u64> = opt("--msgs").map(|s| s.parse().unwrap());
    let rounds = if fixed.is_some() { 1 } else { rounds };
    let only = opt("--only");
    let pay = opt("--payload");
    let json_to = opt("--json");
    let groups: Vec<&str> = args.iter().take_while(|a| !a.starts_with("--")).map(|s| s.as_str()).collect();
    let mut out = Vec::new();

    // One contender by its whole name, one number of cursors: for instruction counts.
    let exactly = opt("--exactly");
    let cursors: Option<usize> = opt("--cursors").map(|s| s.parse().unwrap());
    let keep = |n: &str| exactly.as_ref().is_none_or(|o| o == n) && only.as_ref().is_none_or(|o| o.split(',').any(|o| n.contains(o)));
    for (park, name) in [(false, "lat"), (true, "latpark")] {
        if !groups.contains(&name) && !groups.is_empty() {
            continue;
        }
        let trips = if park { 10_000 } else { 100_000 };
        println!("\n== round trip, {} (ns; median of {rounds} rounds for each quantile)", if park { "parking" } else { "spinning" });
        println!("{:<24} {:>8} {:>8} {:>9} {:>10}", "", "p50", "p99", "p99.9", "max");
        let es: Vec<Entry> = plain!(u64).into_iter().filter(|e| keep(e.name)).collect();
        let mut got: Vec<Vec<[f64; 4]>> = es.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (e, g) in es.iter().zip(&mut got) {
                if let Some(h) = (e.ping)(park, trips) {
                    g.push([0.5, 0.99, 0.999, 1.0].map(|q| h.value_at_quantile(q) as f64));
                }
            }
        }
        for (e, g) in es.iter().zip(got) {
            if g.is_empty() {
                continue;
            }
            let q: Vec<f64> = (0..4).map(|i| median(&mut g.iter().map(|r| r[i]).collect::<Vec<_>>())).collect();
            println!("{:<24} {:>8.0} {:>8.0} {:>9.0} {:>10.0}", e.name, q[0], q[1], q[2], q[3]);
            out.push(json!({"latency": name, "peer": e.name, "p50": q[0], "p99": q[1], "p999": q[2], "max": q[3]}));
        }
    }
    for (group, label, w) in works() {
        if !groups.contains(&group) && !groups.is_empty() || cursors.is_some_and(|n| n != w.consumers) {
            continue;
        }
        for (pname, es) in [("u64", plain!(u64)), ("inline64", plain!(W64)), ("bytes64", general!(Bytes))] {
            if pay.as_ref().is_some_and(|p| !p.split(',').any(|p| p == pname)) {
                continue;
            }
            let es: Vec<Entry> = es.into_iter().filter(|e| keep(e.name)).collect();
            let plan: Vec<Option<u64>> = es
                .iter()
                .map(|e| if fixed.is_some() { fixed } else { calibrate(e, &w, target) })
                .collect();
            let mut got: Vec<Vec<Sample>> = es.iter().map(|_| Vec::new()).collect();
            for _ in 0..rounds {
                for ((e, m), g) in es.iter().zip(&plan).zip(&mut got) {
                    if let Some(s) = m.and_then(|m| (e.run)(&w, m)) {
                        g.push(s);
                    }
                }
            }
            let rate = |g: &Vec<Sample>| {
                (!g.is_empty()).then(|| median(&mut g.iter().map(|s| s.deliveries as f64 / s.secs).collect::<Vec<_>>()))
            };
            let of = |n: &str| es.iter().position(|e| e.name == n).and_then(|i| rate(&got[i]));
            let (tok, dis, pho) = (of("tokio broadcast"), of("disruptor 4"), of("photon lossy"));
            println!("\n== {label}, {pname} ({rounds} rounds)");
            println!("{:<24} {:>10} {:>11} {:>9} {:>8} {:>8} {:>8} {:>7} {:>8} {:>6}", "", "Mmsg/s", "Mdeliv/s", "best", "xtokio", "xdisr", "xphoton", "spread", "cpu ns/d", "lag%");
            for (e, g) in es.iter().zip(&got) {
                let Some(r) = rate(g) else { continue };
                let rs: Vec<f64> = g.iter().map(|s| s.deliveries as f64 / s.secs).collect();
                let spread = rs.iter().cloned().fold(f64::MIN, f64::max) / rs.iter().cloned().fold(f64::MAX, f64::min);
                let best = rs.iter().cloned().fold(f64::MIN, f64::max);
                let lag: u64 = g.iter().map(|s| s.lagged).sum();
                let tot: u64 = g.iter().map(|s| s.deliveries + s.lagged).sum();
                let lagp = 100.0 * lag as f64 / tot as f64;
                let cpu = median(&mut g.iter().map(|s| s.cpu * 1e9 / s.deliveries as f64).collect::<Vec<_>>());
                let x = |b: Option<f64>| b.map_or("-".into(), |b| format!("{:.2}", r / b));
                println!(
                    "{:<24} {:>10.3} {:>11.2} {:>9.2} {:>8} {:>8} {:>8} {:>7.2} {:>8.1} {:>6.2}{}",
                    e.name, r / w.consumers as f64 / 1e6, r / 1e6, best / 1e6, x(tok), x(dis), x(pho), spread, cpu, lagp, if e.lossy { " lossy" } else { "" }
                );
                out.push(json!({"work": label, "payload": pname, "peer": e.name, "lossy": e.lossy, "mmsg_s": r / w.consumers as f64 / 1e6,
                    "mdeliv_s": r / 1e6, "x_tokio": tok.map(|t| r / t), "x_disruptor": dis.map(|t| r / t), "x_photon": pho.map(|t| r / t), "best_mdeliv_s": best / 1e6, "spread": spread, "cpu_ns_per_delivery": cpu, "lag_pct": lagp}));
            }
            save(&json_to, &out);
        }
    }
    save(&json_to, &out);
}

/// After every table, so that a run cut short keeps what it measured.
fn save(to: &Option<String>, out: &[serde_json::Value]) {
    if let Some(f) = to {
        std::fs::write(f, serde_json::to_string_pretty(out).unwrap()).unwrap();
    }
}
