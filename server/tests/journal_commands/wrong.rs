//! What cannot be done is said in one line, with what to do.

use crate::common::Server;
use crate::{done, journal};
use rustix::process::Signal;

#[test]
fn what_is_no_journal_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    for command in ["info", "verify", "export"] {
        let (code, out, said) = journal(command, &missing, &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{command}: {said}");
        assert!(said.contains("missing"), "{said}");
        assert!(!missing.exists(), "{command} makes nothing");
        let (code, _, said) = journal(command, folder.path(), &[]);
        assert_eq!(code, 2, "{command}: {said}");
        assert!(
            said.contains("it has no journal.sqlite") && said.contains("--data"),
            "{said}"
        );
    }
    let (code, _, said) = journal("backup", folder.path(), &["somewhere"]);
    assert_eq!(code, 2, "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("ours").count(), 0);
}

#[test]
fn positions_and_inputs_that_are_none_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let empty = folder.path().join("empty.ndjson");
    std::fs::write(&empty, "").expect("ours");
    let empty = empty.to_str().expect("UTF-8");
    let (code, _, said) = journal("import", &data, &[empty]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("line 1: not an export"), "{said}");
    assert!(!data.exists(), "what is no export makes no journal");
    let whole = folder.path().join("whole.ndjson");
    std::fs::write(&whole, export(&[])).expect("ours");
    done("import", &data, &[whole.to_str().expect("UTF-8")]);
    for (args, word) in [
        (&["--from", "yesterday"][..], "expected a position"),
        (&["--to", "0000000000001-7"], "of another log"),
        (&["--topic", "a..b"], "--topic"),
        (&["--since", "yesterday"], "expected a time"),
    ] {
        let (code, _, said) = journal("export", &data, args);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(word), "{said}");
    }
    // Nothing that is there is written over.
    let (code, _, said) = journal("export", &data, &[empty]);
    assert_eq!(code, 2);
    assert!(said.contains("exists"), "{said}");
    let (code, _, said) = journal("backup", &data, &[folder.path().to_str().expect("UTF-8")]);
    assert_eq!(code, 1);
    assert!(said.contains("exists"), "{said}");
}

/// An export of an epoch with these lines of events.
fn export(events: &[String]) -> String {
    let id = "0000000000abc";
    let mut text = format!(
        "{{\"eventringexport\":\"begin\",\"format\":1,\"id\":\"{id}\",\"epoch\":\"0000000000007\"}}\n"
    );
    events.iter().for_each(|line| text.push_str(line));
    text.push_str(&format!(
        "{{\"eventringexport\":\"end\",\"id\":\"{id}\",\"events\":{}}}\n",
        events.len()
    ));
    text
}

fn line(offset: u64, recorded: &str, more: &str) -> String {
    format!(
        "{{\"specversion\":\"1.0\",\"id\":\"{offset}\",\"source\":\"/s\",\"type\":\"t\",\"topic\":\"a\",\
         \"eventringposition\":\"0000000000007-{offset}\",\"eventringrecorded\":\"{recorded}\"{more},\"data\":1}}\n"
    )
}

/// One flipped digit made a journal that could not be used any more: no offset was left, or no time.
#[test]
fn numbers_that_no_journal_gives_out_are_refused_with_their_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.ndjson");
    let file = file.to_str().expect("UTF-8");
    let then = "2026-01-02T03:04:05Z";
    let mut number = 0;
    for (second, word) in [
        (
            line(i64::MAX as u64, then, ""),
            "no offset that a journal gives out",
        ),
        (line(u64::MAX, then, ""), "no offset"),
        (
            line(2, then, ",\"eventringrest\":2147483647"),
            "a batch of more than",
        ),
        (line(2, "9999-01-02T03:04:05Z", ""), "--from-future"),
    ] {
        std::fs::write(file, export(&[line(1, then, ""), second])).expect("ours");
        number += 1;
        let data = folder.path().join(format!("data-{number}"));
        let (code, _, said) = journal("import", &data, &[file]);
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains("line 3: ") && said.contains(word),
            "{word}: {said}"
        );
        let whole = done("verify", &data, &[]);
        assert!(whole.starts_with("whole: 1 events"), "{whole}");
    }
    // A server goes on behind what was taken.
    let server = Server::start_on(&folder.path().join("data-1"), &[]);
    assert!(server.publish("a", "1").ends_with("-2"));
    // Who means it has it.
    let data = folder.path().join("data-4");
    done("import", &data, &[file, "--from-future"]);
    assert!(done("verify", &data, &[]).starts_with("whole: 2 events"));
}

/// The second of two exports in one file was passed over without a word.
#[test]
fn exports_that_are_joined_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    server.publish("a", "1");
    server.signal(Signal::TERM);
    assert_eq!(server.process.code(), 0);
    let two = done("export", &data, &[]) + "\n" + &done("export", &data, &[]);
    let file = folder.path().join("two.ndjson");
    std::fs::write(&file, two).expect("ours");
    let restored = folder.path().join("restored");
    let (code, _, said) = journal("import", &restored, &[file.to_str().expect("UTF-8")]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("line 5: behind the end"), "{said}");
    assert!(
        said.contains("import one at a time") && said.contains("1 events taken"),
        "{said}"
    );
    // Blank lines are nothing.
    let one = folder.path().join("one.ndjson");
    std::fs::write(&one, done("export", &data, &[]) + "\n\n").expect("ours");
    let restored = folder.path().join("restored-one");
    done("import", &restored, &[one.to_str().expect("UTF-8")]);
}

/// An export of what was left went out as a whole one, where the end of the log was lost.
#[test]
fn an_export_tells_that_the_end_was_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start_on(&data, &[]);
    let events: Vec<String> = (0..500).map(|n| format!("\"{n:0>400}\"")).collect();
    server.publish_all("t", &events, 10);
    server.signal(Signal::KILL);
    server.process.wait();
    let path = data.join("journal.sqlite-wal");
    let bytes = std::fs::read(&path).expect("ours");
    std::fs::write(&path, &bytes[..bytes.len() * 3 / 4]).expect("ours");
    let file = folder.path().join("events.ndjson");
    let (code, _, said) = journal("export", &data, &[file.to_str().expect("UTF-8")]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("to 500 were flushed, and are not in the journal"),
        "{said}"
    );
}
