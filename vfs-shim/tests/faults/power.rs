//! The power fails at any write, and takes along any part of what was not flushed.

use eventring::journal::Journal;
use vfs_shim::{Disk, Entry, Loss, Random, Shim};

use crate::directory::Directory;
use crate::judge;
use crate::script::{self, Script};

/// Power failures that are judged for a run.
const FAILURES: u64 = 150;

#[test]
fn what_was_acknowledged_is_there_with_the_pages_that_are_shipped() {
    fails_at_any_write("shipped", 16 << 10, 60);
}

#[test]
fn what_was_acknowledged_is_there_with_small_pages() {
    fails_at_any_write("small", 4 << 10, 160);
}

fn fails_at_any_write(name: &str, page_bytes: u32, rounds: u64) {
    let shim = Shim::register(&format!("power-{name}"));
    let from = Directory::new(&format!("power-{name}-from"));
    let mut script = Script::new(16);
    shim.record();
    let mut journal = script::open(from.path(), shim.name(), page_bytes);
    script::restart_machine(from.path(), shim.name());
    // The first failures are those of a journal that is being made.
    shim.note(0);
    script.run(rounds, &mut journal, &shim, from.path());
    // Their thread may not have come to its turn.
    while journal.view().stats().checkpoints == 0 {
        script.run(1, &mut journal, &shim, from.path());
        assert!(script.rounds.len() < 5_000, "no checkpoint ran beside");
    }
    drop(journal);
    let record = shim.recorded();

    let is_copy =
        |entry: &Entry| matches!(entry, Entry::Write { file, .. } if !file.ends_with("-wal"));
    let (copies, all) = (
        record.iter().filter(|entry| is_copy(entry)).count() as u64,
        record.len(),
    );
    assert!(copies > 100, "checkpoints ran beside: {copies} of {all}");

    let to = Directory::new(&format!("power-{name}-to"));
    let (mut disk, mut acknowledged, mut random) = (Disk::default(), None, Random::new(16));
    let (mut judged, mut in_checkpoint, mut lost) = (0, 0, 0);
    for entry in &record {
        disk.apply(entry);
        if let Entry::Note(rounds) = entry {
            acknowledged = Some(*rounds as usize);
        }
        // Half of them while a checkpoint copies.
        let of = if is_copy(entry) {
            copies
        } else {
            all as u64 - copies
        };
        let Some(acknowledged) = acknowledged.filter(|_| random.below(of) < FAILURES / 2) else {
            continue;
        };
        let losses = [
            Loss::Nothing,
            Loss::Everything,
            Loss::Pieces {
                bytes: 512,
                percent: 50,
            },
            Loss::Writes(70),
        ];
        let loss = losses[random.below(4) as usize];
        to.empty();
        from.lend_reserve(&to);
        disk.restore(to.path(), loss, &mut random).unwrap();
        script.restore_mark(to.path(), acknowledged, &mut random);
        // What is only written is there after the process ends, and may go with the power.
        let kept = match loss {
            Loss::Nothing => acknowledged,
            _ => flushed(&script, acknowledged),
        };
        let journal = script::open(to.path(), "unix", page_bytes);
        let found = judge::read(&journal);
        let whole = found.check_whole(&script, kept);
        assert!(
            whole <= acknowledged + 1,
            "{whole} of {acknowledged}: nothing from the future"
        );
        // What comes next stands behind everything that was acknowledged, flushed or not: somebody has seen it there. Once an
        // offset that was lost was given out again.
        let rounds = &script.rounds[..acknowledged];
        let last = rounds
            .last()
            .map_or(0, |round| *round.offsets.last().unwrap());
        let recovered = journal.recovered();
        assert!(recovered.next > last, "{last}: {recovered:?}");
        let gone = rounds.iter().skip(whole).flat_map(|round| &round.offsets);
        for offset in gone {
            let mut holes = recovered.holes.iter();
            assert!(
                holes.any(|hole| hole.range.contains(offset)),
                "{offset} is gone, and nothing is told: {recovered:?}"
            );
        }
        judged += 1;
        in_checkpoint += u64::from(is_copy(entry));
        lost += u64::from(whole < acknowledged);
    }
    assert!(judged > FAILURES / 2, "{judged} failures were judged");
    assert!(
        in_checkpoint * 3 >= judged,
        "{in_checkpoint} of {judged} in a checkpoint"
    );
    println!(
        "{judged} failures, {in_checkpoint} in a checkpoint, {lost} lost what was not flushed"
    );
}

/// So many of the acknowledged rounds were flushed: the last one with a flush takes along those before it.
fn flushed(script: &Script, acknowledged: usize) -> usize {
    let mut rounds = script.rounds[..acknowledged].iter();
    rounds
        .rposition(|round| round.flush)
        .map_or(0, |last| last + 1)
}
