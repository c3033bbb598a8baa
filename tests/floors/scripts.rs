//! What a contributor runs ends what it has started, also when it is told to stop half-way.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::package;

/// A step as those of `scripts/test` and `scripts/soak`: it starts a child, one that goes to a session of its own and one
/// that has lost its parent as well, and comes to no end. It says what runs, then where its temporary files are.
const SCRIPT: &str = r#"
set -euo pipefail
. scripts/lib.sh
endless() {
  sleep 1000 & echo "pid $!"
  setsid sleep 1000 & echo "pid $!"
  (setsid sleep 1000 & echo "pid $!")
  touch "$TMPDIR/file"
  echo "scratch $TMPDIR"
  sleep 1000
}
step endless endless
"#;

fn is_there(pid: Pid) -> bool {
    // One that nobody has waited for yet has ended all the same.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_ok() && !stat.is_ok_and(|stat| stat.contains(") Z "))
}

/// Whether whoever started this test has it ignore that signal, and with it whatever it starts.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    mask >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
#[allow(clippy::print_stderr)]
fn a_script_that_is_stopped_leaves_nothing() {
    let tools = ["bash", "setsid"].map(|tool| Command::new(tool).arg("--version").output());
    if tools.iter().any(Result::is_err) {
        return eprintln!("skipped: bash or setsid is not installed");
    }
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        if is_ignored(signal) {
            eprintln!("skipped: {signal:?} is ignored here");
            continue;
        }
        let mut script = Command::new("bash")
            .args(["-c", SCRIPT])
            .current_dir(package())
            .stdout(Stdio::piped())
            // It says which of its jobs were ended.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let (mut started, mut scratch) = (Vec::new(), None);
        while scratch.is_none() {
            let line = lines.next().expect("it says what it starts").unwrap();
            match line.split_once(' ') {
                Some(("pid", pid)) => started.push(Pid::from_raw(pid.parse().unwrap()).unwrap()),
                Some(("scratch", path)) => scratch = Some(path.to_owned()),
                _ => {}
            }
        }
        let scratch = scratch.unwrap();
        assert!(started.len() == 3 && Path::new(&scratch).join("file").exists());
        let id = i32::try_from(script.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while script.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "{signal:?} does not end it");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!script.wait().unwrap().success());
        let left: Vec<Pid> = started.into_iter().filter(|pid| is_there(*pid)).collect();
        assert!(left.is_empty(), "{left:?} run on after {signal:?}");
        assert!(!Path::new(&scratch).exists(), "{scratch} is left");
    }
}
