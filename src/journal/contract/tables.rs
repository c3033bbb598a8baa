//! State commits with its round, or not at all.

use super::Fixture;
use super::model::Model;
use crate::journal::{Journal, StateError, StateTx, StateWork};

/// Reads a key of a table, as committed.
fn get(journal: &dyn Journal, table: &str, key: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    let mut reader = journal.view().reader().expect("a reader");
    let looked = reader.state(&mut |tx| found = tx.get(table, key).expect("a value"));
    assert_eq!(looked, Ok(()));
    found
}

fn put<'a>(table: &'a str, key: &'a [u8], value: &'a [u8]) -> StateWork<'a> {
    StateWork::new(Box::new(move |tx| tx.put(table, key, value)))
}

pub(super) fn state_commits_with_its_round(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    let event = model.event("state", 10);
    let work = vec![
        put("settings", b"a", b"1"),
        put("settings", b"b", b""),
        put("others", b"a", b"2"),
        // It sees what those before it did.
        StateWork::new(Box::new(|tx| {
            assert_eq!(tx.get("settings", b"a")?, Some(b"1".to_vec()));
            assert!(tx.delete("settings", b"a")? && !tx.delete("settings", b"a")?);
            tx.put("settings", b"a", b"3")
        })),
    ];
    let done = model.commit_with(&mut *journal, vec![event], work);
    let called = |work: &StateWork<'_>| work.run.is_none() && work.outcome == Some(Ok(()));
    assert!(done.iter().all(called));
    let check = |journal: &dyn Journal| {
        assert_eq!(get(journal, "settings", b"a"), Some(b"3".to_vec()));
        assert_eq!(get(journal, "settings", b"b"), Some(Vec::new()));
        assert_eq!(get(journal, "others", b"a"), Some(b"2".to_vec()));
        assert_eq!(get(journal, "others", b"b"), None);
        assert_eq!(get(journal, "none", b"a"), None);
    };
    check(&*journal);
    // Without an event, too.
    model.commit_with(&mut *journal, Vec::new(), vec![put("alone", b"k", b"v")]);
    fixture.crash(journal);
    let journal = fixture.open();
    check(&*journal);
    assert_eq!(get(&*journal, "alone", b"k"), Some(b"v".to_vec()));
    model.check(&*journal);
}

pub(super) fn a_change_that_fails_is_undone_alone(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    model.commit_with(&mut *journal, Vec::new(), vec![put("t", b"kept", b"0")]);
    let event = model.event("state", 10);
    let refused = || StateError::Refused("no".into());
    let fails = |tx: &mut dyn StateTx| {
        tx.put("t", b"half", b"1")?;
        tx.put("t", b"kept", b"1")?;
        tx.delete("t", b"kept")?;
        tx.delete("t", b"before")?;
        Ok::<(), StateError>(())
    };
    let work = vec![
        put("t", b"before", b"1"),
        StateWork::new(Box::new(move |tx| fails(tx).and(Err(refused())))),
        StateWork::new(Box::new(move |tx| {
            fails(tx)?;
            // A panic on purpose, without a word on the terminal.
            std::panic::resume_unwind(Box::new("on purpose"))
        })),
        put("t", b"behind", b"1"),
    ];
    let done = model.commit_with(&mut *journal, vec![event], work);
    let outcomes: Vec<_> = done.into_iter().map(|work| work.outcome).collect();
    let expected = [
        Some(Ok(())),
        Some(Err(refused())),
        Some(Err(StateError::Panicked)),
        Some(Ok(())),
    ];
    assert_eq!(outcomes, expected);
    for (key, value) in [
        ("before", Some("1")),
        ("behind", Some("1")),
        ("kept", Some("0")),
        ("half", None),
    ] {
        let found = get(&*journal, "t", key.as_bytes());
        assert_eq!(found.as_deref(), value.map(str::as_bytes), "{key}");
    }
    model.check(&*journal);
}

pub(super) fn tables_are_ordered_as_bytes(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    let keys: &[&[u8]] = &[b"", b"\0", b"a", b"a\0", b"ab", b"b", b"\xff", b"\xff\xff"];
    let work = keys.iter().rev().map(|key| put("t", key, b"v"));
    let others = [
        put("s", b"z", b""),
        put("tt", b"", b""),
        put("u", b"a", b""),
    ];
    model.commit_with(&mut *journal, Vec::new(), work.chain(others).collect());
    let mut reader = journal.view().reader().expect("a reader");
    let looked = reader.state(&mut |tx| {
        for from in 0..keys.len() {
            for limit in [0, 1, 3, 100] {
                let rows = tx.scan("t", keys[from], limit).expect("rows");
                let found: Vec<&[u8]> = rows.iter().map(|(key, _)| &**key).collect();
                assert_eq!(found, keys[from..(from + limit).min(keys.len())]);
                assert!(rows.iter().all(|(_, value)| value == b"v"));
            }
        }
        assert_eq!(tx.scan("none", b"", 10), Ok(Vec::new()));
    });
    assert_eq!(looked, Ok(()));
}

pub(super) fn looking_at_state_changes_nothing(fixture: &mut dyn Fixture) {
    let mut journal = fixture.open();
    let mut model = Model::new();
    model.commit_with(&mut *journal, Vec::new(), vec![put("t", b"k", b"1")]);
    let mut reader = journal.view().reader().expect("a reader");
    let looked = reader.state(&mut |tx| {
        // A journal may refuse it, or forget it.
        let _ = (tx.put("t", b"k", b"2"), tx.delete("t", b"k"));
    });
    assert_eq!(looked, Ok(()));
    drop(reader);
    assert_eq!(get(&*journal, "t", b"k"), Some(b"1".to_vec()));
    model.commit_with(&mut *journal, Vec::new(), vec![put("t", b"l", b"1")]);
    assert_eq!(get(&*journal, "t", b"l"), Some(b"1".to_vec()));
}
