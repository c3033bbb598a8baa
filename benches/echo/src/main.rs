//! An echo over WebSocket, ours beside other people's: each server a process of its own, one load
//! generator, servers in turn, medians of rounds, a table and JSON.

mod args;
mod conn;
mod cpu;
mod load;
mod report;
mod serve;
mod servers;

use args::{Args, USAGE};
use load::{Load, Sample};
use report::Row;
use servers::{NAMES, Server};

fn measure(args: &Args) -> Vec<Row> {
    let wanted = NAMES.iter().filter(|name| args.server(name));
    cpu::pin(cpu::SERVERS);
    let servers: Vec<Server> = wanted.filter_map(|name| Server::start(name)).collect();
    cpu::pin(cpu::LOAD);
    let mut rows = Vec::new();
    for &kind in &args.kinds {
        for &window in &args.windows {
            let mut samples: Vec<Vec<Sample>> = servers.iter().map(|_| Vec::new()).collect();
            for round in 0..args.rounds {
                // Each round begins with another one, so that none always follows the same.
                for turn in 0..servers.len() {
                    let at = (turn + round) % servers.len();
                    let mut load = Load::connect(servers[at].address, kind, args);
                    samples[at].push(load.run(window, args.time, servers[at].pid()));
                }
            }
            for (server, samples) in servers.iter().zip(&samples) {
                rows.push(Row::of(server.name, kind, window, samples));
            }
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
    if let [serve, name] = &words[..]
        && serve == "serve"
    {
        return serve::run(name);
    }
    let args = Args::parse(words.into_iter()).unwrap_or_else(|what| fail(&what));
    let rows = measure(&args);
    print!("{}", report::markdown(&rows));
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&rows).expect("rows are plain data");
        std::fs::write(file, text).unwrap_or_else(|error| fail(&format!("{file}: {error}")));
    }
}
