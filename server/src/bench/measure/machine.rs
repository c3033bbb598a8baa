//! Figures that the kernel counts for the whole machine: its memory for TCP, and the time its CPUs are busy.

use std::fs;

/// Clock ticks a second in `/proc/stat`: USER_HZ, which is 100 on every Linux that we know.
const TICKS: f64 = 100.0;

/// Bytes of kernel memory that all TCP sockets of the machine take up.
pub(crate) fn tcp_bytes() -> u64 {
    let text = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    pages(&text) * rustix::param::page_size() as u64
}

/// Seconds that all CPUs together were busy since the machine started.
pub(crate) fn busy_s() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    busy_ticks(&text) as f64 / TICKS
}

fn pages(sockstat: &str) -> u64 {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"));
    let number = line.and_then(|line| line.split_once(" mem ")?.1.split(' ').next()?.parse().ok());
    number.unwrap_or(0)
}

/// user, nice, system, irq and softirq of the first line: neither idle nor taken by others.
fn busy_ticks(stat: &str) -> u64 {
    let line = stat.lines().next().unwrap_or_default();
    let fields: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    [0, 1, 2, 5, 6]
        .iter()
        .filter_map(|&at| fields.get(at))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_where_they_stand() {
        let sockstat =
            "sockets: used 14\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 309\nUDP: inuse 0 mem 7\n";
        assert_eq!((pages(sockstat), pages("")), (309, 0));
        let stat = "cpu  1 20 300 4000 5 60 700 8000 0 0\ncpu0 9 9 9 9\n";
        assert_eq!((busy_ticks(stat), busy_ticks("")), (1081, 0));
        assert!(busy_s() > 0.0);
    }
}
