//! Who else has a lock on a file, as the system lists it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const LOCKS: &str = "/proc/locks";

/// Names the processes, other than this one, that hold a lock on a file, for people. `None`: the system does not say.
///
/// The file is not opened: closing it again would drop the locks that SQLite holds on it in this process.
pub(super) fn of(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    let locks = fs::read_to_string(LOCKS).ok()?;
    let pids = holders(&locks, found.ino(), std::process::id());
    let names: Vec<String> = pids.iter().map(|pid| named(*pid)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The processes of the lines whose inode is the file's. Devices are not compared: some file systems give one to a file
/// and list another.
fn holders(locks: &str, inode: u64, own: u32) -> Vec<u32> {
    let inode = inode.to_string();
    // "1: POSIX  ADVISORY  READ 2113 00:28:4413 128 128": who, and which file.
    let holder = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(4);
        let pid = fields.next()?.parse().ok()?;
        let file = fields.next()?.rsplit(':').next()?;
        (file == inode && pid != own).then_some(pid)
    };
    // Those that wait for a lock stand behind an arrow, and hold nothing.
    let held = locks.lines().filter(|line| !line.contains("->"));
    let mut pids: Vec<u32> = held.filter_map(holder).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

fn named(pid: u32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} (process {pid})", name.trim_end()),
        Err(_) => format!("process {pid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_that_hold_the_file_are_found() {
        let locks = "1: POSIX  ADVISORY  READ 2113 00:28:4413 128 128\n\
                     2: POSIX  ADVISORY  READ 7 00:28:4413 124 124\n\
                     2: -> POSIX  ADVISORY  WRITE 9 00:28:4413 124 124\n\
                     3: FLOCK  ADVISORY  WRITE 11 08:01:14413 0 EOF\n\
                     4: POSIX  ADVISORY  READ 12 08:01:4413 1 EOF\n\
                     5: POSIX  ADVISORY  READ 12 08:01:4413 2 EOF\n\
                     nonsense\n";
        assert_eq!(holders(locks, 4413, 7), [12, 2113]);
        assert!(holders(locks, 4413 + 1, 7).is_empty());
    }
}
