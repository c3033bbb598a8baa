//! What it costs to give each event to all clients: eventring beside other people's servers and the least
//! that such a server can be. The load is `eventring bench`; servers in turn, medians of rounds, a table.

mod args;
mod bench;
mod cpu;
mod programs;
mod report;
mod serve;
mod servers;
mod workload;

use args::{Args, USAGE};
use bench::Sample;
use programs::Programs;
use report::Row;
use servers::{SERVERS, Server, Start};
use workload::WORKLOADS;

/// Runs all workloads against all servers, each time a new process that is alone on its core.
fn measure(args: &Args, programs: &Programs) -> Vec<Row> {
    let wanted = SERVERS.iter().filter(|server| args.wants(server));
    let starts: Vec<(&Server, Start)> = wanted
        .filter_map(|server| Some((server, server.prepare(programs)?)))
        .collect();
    let mut rows = Vec::new();
    for workload in &WORKLOADS {
        let takes_part = |server: &Server| workload.takes_part(server);
        let parts: Vec<&(&Server, Start)> = starts
            .iter()
            .filter(|(server, _)| takes_part(server))
            .collect();
        let mut samples: Vec<Vec<Sample>> = parts.iter().map(|_| Vec::new()).collect();
        for round in 0..args.rounds() {
            // Each round begins with another one, so that none always follows the same.
            for turn in 0..parts.len() {
                let at = (turn + round) % parts.len();
                let (server, start) = parts[at];
                eprintln!("round {}: {}, {}", round + 1, workload.name, server.name);
                samples[at].push(bench::run(programs, server, start, workload, args));
            }
        }
        for ((server, _), samples) in parts.iter().zip(samples) {
            rows.push(Row::of(server, workload, samples));
        }
    }
    rows
}

fn fail(what: &str) -> ! {
    eprintln!("{what}\n\n{USAGE}");
    std::process::exit(2)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", name] => serve::run(name),
        ["table", ..] => {
            let words = words.into_iter().skip(1);
            let args = Args::parse(words).unwrap_or_else(|what| fail(&what));
            let programs = Programs::build(args.eventring());
            let rows = measure(&args, &programs);
            print!("{}", report::markdown(&rows));
            if let Some(file) = args.json() {
                let text = serde_json::to_string_pretty(&rows).expect("rows are plain data");
                std::fs::write(file, text)
                    .unwrap_or_else(|error| fail(&format!("{file}: {error}")));
            }
            // Figures of a server that lost something are no figures.
            std::process::exit(i32::from(rows.iter().any(|row| !row.is_clean())));
        }
        _ => fail("table, or serve NAME"),
    }
}
