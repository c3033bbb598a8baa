//! Chunks that are kept deflated: the same events come back, less room is taken, and what is damaged is told.

use std::ops::ControlFlow;
use std::path::Path;

use eventring::event::{Event, Filter};
use eventring::journal::contract;
use eventring::journal::{
    CommitRound, Journal, JournalCompression, RoundEvent, Scan, SqliteJournal, SqliteOptions,
};

use crate::sqlite::{Directory, OnDisk, check_told, keep_up, read_all};

fn deflated() -> SqliteOptions {
    SqliteOptions::default().compression(JournalCompression::Deflate)
}

fn event(offset: u64) -> Event {
    let data = format!(
        "{{\"order\":{offset},\"customer\":{{\"id\":{},\"name\":\"alice\"}},\"status\":\"placed\",\"total\":{}.50,\
          \"items\":[{{\"sku\":\"SKU-{:05}\",\"qty\":1}}],\"note\":null}}",
        offset % 97,
        offset % 501,
        offset * 7_919 % 20_000,
    );
    let topic = format!("orders.{}", offset % 5);
    let mut event = Event::builder(&topic, "placed");
    event.id(&format!(
        "{:032x}",
        u128::from(offset) * 0x9e37_79b9_7f4a_7c15_f39c
    ));
    event.source("/shop/eu").json(&data).build().unwrap()
}

/// Commits rounds of a few events each.
fn fill(journal: &mut dyn Journal, events: u64, round: u64) -> Vec<(u64, Vec<u8>)> {
    let first = journal.recovered().next;
    let mut kept = Vec::new();
    for start in (first..first + events).step_by(round as usize) {
        let events: Vec<(u64, Event)> = (start..start + round)
            .map(|offset| (offset, event(offset)))
            .collect();
        let mut round = CommitRound::default();
        for (offset, event) in &events {
            let recorded = 1_000 + *offset as i64;
            let mut taken = RoundEvent::new(*offset, recorded, event.as_ref());
            taken.rest = (start + events.len() as u64 - 1 - offset) as u32;
            round.events.push(taken);
            kept.push((*offset, event.record().to_vec()));
        }
        journal.commit(&mut round).unwrap();
        keep_up(journal);
    }
    kept
}

fn number(directory: &Path, sql: &str) -> i64 {
    let path = directory.join("journal.sqlite");
    let database = rusqlite::Connection::open(path).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

const DEFLATED: &str = "SELECT count(*) FROM chunk WHERE count >> 32 > 0";
const PAGES: &str =
    "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";

#[test]
fn they_keep_the_contract() {
    contract::check(&mut || Box::new(OnDisk::new(deflated())));
}

#[test]
fn they_take_less_room_and_read_as_before() {
    let mut pages = Vec::new();
    for (options, round) in [
        (SqliteOptions::default(), 20),
        (deflated(), 20),
        (deflated(), 100),
    ] {
        let directory = Directory::new();
        let mut journal = SqliteJournal::open_with(directory.path(), &options).unwrap();
        let mut kept = fill(&mut journal, 6_000, round);
        journal.close().unwrap();
        drop(journal);
        let found = number(directory.path(), DEFLATED);
        let is_deflated = options.compression == JournalCompression::Deflate;
        assert_eq!(found > 10, is_deflated, "{found} deflated");
        pages.push(number(directory.path(), PAGES));
        // Whatever is chosen, both kinds are read, also mixed.
        let mut journal = SqliteJournal::open(directory.path()).unwrap();
        kept.extend(fill(&mut journal, 1_000, 50));
        let view = journal.view();
        for descending in [false, true] {
            let mut read = read_all(&*view, &Filter::all(), 7_001, descending);
            if descending {
                read.events.reverse();
            }
            assert!(read.events == kept && read.holes.is_empty() && !read.failed);
            let filter = Filter::parse(["orders.3"]).unwrap();
            let read = read_all(&*view, &filter, 7_001, descending);
            assert_eq!(read.events.len(), 1_400);
        }
        let mut reader = view.reader().unwrap();
        for (offset, record) in kept.iter().step_by(37) {
            let all = Filter::all();
            let mut scan = Scan::new(&all, *offset..offset + 3);
            scan.events_max = 1;
            let mut found = None;
            let end = reader.read(&scan, &mut |stored| {
                found = Some((stored.offset, stored.event.record().to_vec()));
                ControlFlow::Continue(())
            });
            assert_eq!(found, Some((*offset, record.clone())));
            assert_eq!(
                (end.clone().unwrap().next, end.unwrap().holes),
                (offset + 1, vec![])
            );
            assert_eq!(reader.since(1_000 + *offset as i64), Ok(*offset));
        }
    }
    let [plain, small, large] = pages[..] else {
        panic!("{pages:?}");
    };
    assert!(small * 9 < plain * 4 && large * 9 < plain * 4, "{pages:?}");
}

/// A damaged byte of what is deflated takes along what comes behind it in its chunk, and no more: it is told, once.
#[test]
fn what_is_damaged_is_told() {
    let directory = Directory::new();
    let mut journal = SqliteJournal::open_with(directory.path(), &deflated()).unwrap();
    let kept = fill(&mut journal, 2_000, 20);
    journal.close().unwrap();
    drop(journal);
    let path = directory.path().join("journal.sqlite");
    let mut lost = 0;
    for step in 0..40_u64 {
        let database = rusqlite::Connection::open(&path).unwrap();
        let sql = "SELECT first, last, body FROM chunk WHERE count >> 32 > 0 ORDER BY first LIMIT 1 OFFSET ?1";
        let (first, last, body): (u64, u64, Vec<u8>) = database
            .query_row(sql, [(step % 4) as i64], |row| {
                Ok((
                    row.get::<_, i64>(0)? as u64,
                    row.get::<_, i64>(1)? as u64,
                    row.get(2)?,
                ))
            })
            .unwrap();
        let mut damaged = body.clone();
        let at = (step as usize * 7_919) % body.len();
        damaged[at] ^= 1 << (step % 8);
        let write = "UPDATE chunk SET body = ?2 WHERE first = ?1";
        database
            .execute(write, rusqlite::params![first as i64, damaged])
            .unwrap();
        drop(database);
        let journal = SqliteJournal::open(directory.path()).unwrap();
        for descending in [false, true] {
            let read = read_all(&*journal.view(), &Filter::all(), 2_001, descending);
            check_told(&read, &kept, &format!("{step} {descending}"));
            assert!(!read.failed);
            // All that is missing lies in that chunk.
            let missing: u64 = read.holes.iter().map(|hole| hole.end - hole.start).sum();
            assert_eq!(read.events.len() as u64 + missing, 2_000);
            let chunk = first..last + 1;
            assert!(
                read.holes
                    .iter()
                    .all(|hole| chunk.contains(&hole.start) && hole.end <= chunk.end)
            );
            lost += missing;
        }
        drop(journal);
        let database = rusqlite::Connection::open(&path).unwrap();
        database
            .execute(write, rusqlite::params![first as i64, body])
            .unwrap();
    }
    assert!(lost > 1_000, "{lost}");
}
