//! What cannot be done is said in one line, with what to do.

use crate::journal;

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
