//! What was exported comes back whole, in one go or in several.

use crate::common::{Process, Server, wait_until};
use crate::{done, journal};
use rustix::process::Signal;
use std::path::Path;

/// Makes a journal with batches, and stops its server.
fn filled(data: &Path) {
    let mut server = Server::start_on(data, &[]);
    let events: Vec<String> = (0..90).map(|n| format!("{{\n  \"n\": {n}\n}}\n")).collect();
    server.publish_all("orders.eu", &events, 9);
    server.publish("others", "[1,\n2]");
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
}

/// The lines of events of an export, without the epoch.
fn lines(data: &Path) -> Vec<String> {
    let export = done("export", data, &[]);
    let lines: Vec<&str> = export.lines().collect();
    let epoch = lines[0].split('"').nth(13).expect("an epoch");
    let events = lines[1..lines.len() - 1].iter();
    events.map(|line| line.replace(epoch, "EPOCH")).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn an_export_comes_back_whole_under_a_new_epoch() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (
        folder.path().join("data"),
        folder.path().join("events.ndjson"),
    );
    filled(&data);
    done("export", &data, &[text(&file)]);
    let restored = folder.path().join("restored");
    let (code, _, said) = journal("import", &restored, &[text(&file)]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("91 events taken"), "{said}");
    assert_eq!(lines(&restored), lines(&data));
    assert!(
        lines(&data)[0].contains("\"eventringrest\":8"),
        "{}",
        lines(&data)[0]
    );
    assert!(done("verify", &restored, &["--deep"]).starts_with("whole: 91 "));
    // Twice is once.
    let (code, _, said) = journal("import", &restored, &[text(&file)]);
    assert_eq!(code, 1);
    assert!(
        said.contains("taken already") && said.contains("--again"),
        "{said}"
    );
    // A server reads it, and goes on behind it.
    let mut server = Server::start_on(&restored, &[]);
    let position = server.publish("others", "3");
    assert!(position.ends_with("-92"), "{position}");
    // Into a journal that somebody has open nothing is taken.
    let (code, _, said) = journal("import", &restored, &[text(&file)]);
    let pid = server.process.pid().as_raw_nonzero().to_string();
    assert_eq!(code, 2);
    assert!(
        said.contains(&pid) && said.contains("stop it first"),
        "{said}"
    );
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);

    // Behind the events of another log only where that is asked for.
    let other = folder.path().join("other");
    filled(&other);
    let (code, _, said) = journal("import", &other, &[text(&file)]);
    assert_eq!(code, 1);
    assert!(
        said.contains("mean nothing here: --append gives them new ones"),
        "{said}"
    );
    let (code, _, said) = journal("import", &other, &[text(&file), "--append"]);
    assert_eq!(code, 0, "{said}");
    let (all, whole) = (lines(&other), lines(&data));
    assert_eq!(all.len(), 182);
    let data_of = |line: &str| {
        line.split("\"data\"")
            .nth(1)
            .map(|rest| rest.split("\"eventring").next().map(str::to_owned))
    };
    assert_eq!(data_of(&all[91]), data_of(&whole[0]));
    assert!(all[91].contains("EPOCH-92\""), "{}", all[91]);
    assert!(done("verify", &other, &[]).starts_with("whole: 182 "));
}

#[test]
fn what_is_cut_off_is_told_and_can_be_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (
        folder.path().join("data"),
        folder.path().join("events.ndjson"),
    );
    filled(&data);
    done("export", &data, &[text(&file)]);
    let whole = std::fs::read(&file).expect("ours");
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    let cut = folder.path().join("cut.ndjson");
    // In the middle of the line of event 41, which is one of a batch from 37 to 45.
    std::fs::write(&cut, &whole[..ends[40] + 50]).expect("ours");
    let restored = folder.path().join("restored");
    let (code, _, said) = journal("import", &restored, &[text(&cut)]);
    assert_eq!(code, 1);
    assert!(
        said.contains("line 42, byte ") && said.contains("cut off behind 40 events"),
        "{said}"
    );
    assert!(
        said.contains("36 events taken") && said.contains("--partial"),
        "{said}"
    );
    // The same export, whole now, goes on behind what was taken.
    let (code, _, said) = journal("import", &restored, &[text(&file)]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("55 events taken"), "{said}");
    assert_eq!(lines(&restored), lines(&data));
    // Asked for, what is there is taken, without half of a batch.
    let part = folder.path().join("part");
    let (code, _, said) = journal("import", &part, &[text(&cut), "--partial"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(lines(&part), lines(&data)[..36]);
}

/// A kill at any time leaves whole rounds, and the next run goes on behind them.
#[test]
fn an_import_that_is_killed_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (
        folder.path().join("data"),
        folder.path().join("events.ndjson"),
    );
    let mut server = Server::start_on(&data, &[]);
    let events: Vec<String> = (0..20_000).map(|n| format!("{n}")).collect();
    server.publish_all("t", &events, 1000);
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
    done("export", &data, &[text(&file)]);
    let whole = std::fs::read(&file).expect("ours");
    let restored = folder.path().join("restored");
    let mut process = Process::eventring(&["journal", "import", "--data", text(&restored), "-"]);
    process.write(&whole[..whole.len() / 2]);
    wait_until("some of it is taken", || {
        let (code, out, _) = journal("info", &restored, &["--json"]);
        code == 0 && !out.contains("\"events\":0,")
    });
    process.signal(Signal::KILL);
    process.wait();
    let (code, _, said) = journal("import", &restored, &[text(&file)]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("20000 events taken"), "{said}");
    assert_eq!(lines(&restored), lines(&data));
}

#[test]
fn publish_takes_an_export_of_one_topic() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (
        folder.path().join("data"),
        folder.path().join("orders.ndjson"),
    );
    filled(&data);
    done("export", &data, &["--topic", "orders.eu", text(&file)]);
    let other = folder.path().join("other");
    let mut server = Server::start_on(&other, &[]);
    let url = server.url();
    let mut publish = Process::eventring(&[
        "publish",
        "--url",
        &url,
        "--topic",
        "orders.eu",
        "--format",
        "cloudevents",
        text(&file),
    ]);
    assert_eq!(publish.code(), 0, "{}", publish.stderr());
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
    let published = lines(&other);
    assert_eq!(published.len(), 90);
    // What the journal before knew of them is told apart from what this one knows.
    assert!(
        published[0].contains("\"x-eventringposition\""),
        "{}",
        published[0]
    );
    let again = folder.path().join("again");
    let back = folder.path().join("back.ndjson");
    done("export", &other, &[text(&back)]);
    done("import", &again, &[text(&back)]);
    assert_eq!(lines(&again), published);
}
