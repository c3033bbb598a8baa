//! The table of the operator's page: what each durability loses in which crash. It is made here, of what was seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use eventring::Event;
use eventring::event::Position;
use eventring::hub::{
    Durability, GapReason, Hub, HubPublishError, PublishOptions, StartFrom, Subscription,
    SubscriptionError, TopicConfig, TryReceiveError,
};
use eventring::journal::{SqliteJournal, SqliteOptions};
use vfs_shim::{Call, Disk, Fault, Loss, Part, Random, Shim};

use crate::beside;
use crate::directory::{Directory, Said};
use crate::script::{self, MARK, RESERVATIONS};

const PAGE: &str = include_str!("../../../src/guide/operate/disk.rs");
const EVENTS: usize = 5;
const PAGE_BYTES: u32 = 16 << 10;
const DEADLINE: Duration = Duration::from_secs(20);

/// A crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    Kill,
    Power,
    Full,
    Flush,
    Detached,
    Copied,
    Flipped,
}

const CRASHES: [(Crash, &str); 7] = [
    (Crash::Kill, "the process is killed (`kill -9`, OOM)"),
    (Crash::Power, "the power fails, or the kernel panics"),
    (Crash::Full, "the disk is full"),
    (Crash::Flush, "a flush or a write fails (EIO)"),
    (
        Crash::Detached,
        "the disk goes away, and the machine does not",
    ),
    (
        Crash::Copied,
        "the folder is copied, with the server stopped",
    ),
    (Crash::Flipped, "a bit flips on the disk"),
];

/// What became of events that were acknowledged.
#[derive(Debug)]
struct Fate {
    there: usize,
    told: BTreeSet<String>,
}

/// A hub on a recorded disk, and a position that a reader has come to.
struct World {
    shim: Shim,
    from: Directory,
    hub: Hub,
    at: Position,
    /// The mark before anything was published that may be missed.
    mark: Vec<u8>,
}

fn open(directory: &Path, vfs: &str, same_epoch: bool) -> Hub {
    let options = SqliteOptions::default()
        .same_epoch(same_epoch)
        .page_bytes(PAGE_BYTES)
        .vfs(Some(vfs.to_owned()));
    let journal = SqliteJournal::open_with(directory, &options).unwrap();
    let hub = Hub::builder().journal(journal).build().unwrap();
    for durability in Durability::ALL {
        let config = TopicConfig::default().durability(durability);
        hub.set_topic(durability.name(), config).unwrap();
    }
    hub
}

fn publish(hub: &Hub, durability: Durability, data: &str) -> Result<Position, HubPublishError> {
    let mut event = Event::builder(durability.name(), "t");
    event.data("text/plain", data.as_bytes());
    let patient = PublishOptions::default().timeout(Some(DEADLINE));
    hub.publisher().publish(event.build().unwrap(), &patient)
}

fn data(number: usize) -> String {
    format!("this is event {number}")
}

impl World {
    fn new(crash: Crash, durability: Durability) -> Self {
        let name = format!("page-{crash:?}-{durability}").to_lowercase();
        let shim = Shim::register(&name);
        let from = Directory::new(&name);
        shim.record();
        let hub = open(from.path(), shim.name(), true);
        // The first one of a kind makes what the others find: names, a reservation, a flush.
        publish(&hub, durability, "").unwrap();
        let at = publish(&hub, Durability::Durable, "").unwrap();
        let mark = fs::read(from.path().join(MARK)).unwrap();
        // What is only written is not flushed by and by.
        if durability == Durability::Buffered {
            shim.hang(Part::Wal, Call::Sync);
        }
        let new = Self {
            shim,
            from,
            hub,
            at,
            mark,
        };
        for number in 0..EVENTS {
            publish(&new.hub, durability, &data(number)).unwrap();
        }
        new
    }

    /// What publishers are told while it lasts.
    fn publishing(&self) -> String {
        let words = |durability| match publish(&self.hub, durability, "") {
            Ok(_) => "goes on",
            Err(HubPublishError::NoSpace) => "507 until there is room",
            Err(HubPublishError::Unavailable { .. }) => "503 until a restart",
            Err(error) => panic!("{error}"),
        };
        // The first one may be told otherwise: it has met the fault.
        let _ = publish(&self.hub, Durability::Durable, "");
        let kept = words(Durability::Durable);
        assert_eq!(kept, words(Durability::Buffered));
        format!("{kept}; `none` {}", words(Durability::None))
    }

    /// Copies what is on the disk, as a crash leaves it.
    fn copy(&self, loss: Loss) -> Directory {
        let to = Directory::new(&format!("{}-to", self.shim.name()));
        self.from.lend_reserve(&to);
        let mut disk = Disk::default();
        let record = self.shim.record_so_far();
        record.iter().for_each(|entry| disk.apply(entry));
        disk.restore(to.path(), loss, &mut Random::new(1)).unwrap();
        // Nobody flushes the mark: what the disk has of it may be older. What is promised is flushed.
        let mut mark = fs::read(self.from.path().join(MARK)).unwrap();
        if loss != Loss::Nothing {
            mark[..RESERVATIONS].copy_from_slice(&self.mark[..RESERVATIONS]);
        }
        fs::write(to.path().join(MARK), mark).unwrap();
        to
    }

    fn end(self) {
        self.shim.clear_faults();
        self.shim.release();
        drop(self.hub);
    }
}

/// What a reader finds that comes back.
fn found(hub: &Hub, at: Position) -> Fate {
    let mut told = BTreeSet::new();
    let all = |start| Subscription::all().start(start);
    let mut receiver = match hub.subscribe(all(StartFrom::After(at))) {
        Err(SubscriptionError::Epoch { .. }) => {
            told.insert("`reset`".to_owned());
            hub.subscribe(all(StartFrom::Beginning)).unwrap()
        }
        other => other.unwrap(),
    };
    let mut there = 0;
    let begun = Instant::now();
    while receiver.position().offset < hub.visible() {
        assert!(begun.elapsed() < DEADLINE);
        let drained = receiver.drain(usize::MAX, |_, event| {
            there += usize::from(event.data().starts_with(b"this is event"));
        });
        match drained {
            Ok(_) | Err(TryReceiveError::Empty) => {}
            // That some topics are in memory is no news; nor what was refused, which its publisher was told.
            Err(TryReceiveError::Gap(gap))
                if [GapReason::Memory, GapReason::Aborted].contains(&gap.reason) => {}
            Err(TryReceiveError::Gap(gap)) => {
                told.insert(format!("`{}`", format!("{:?}", gap.reason).to_lowercase()));
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    Fate { there, told }
}

/// What becomes of acknowledged events in each world that a crash may leave, and of publishing.
fn fates(crash: Crash, durability: Durability) -> (Vec<Fate>, String) {
    let world = World::new(crash, durability);
    let at = world.at;
    let mut publishing = "after the restart".to_owned();
    match crash {
        Crash::Full | Crash::Flush | Crash::Detached => {
            match crash {
                Crash::Full => world.shim.fail(Fault::no_space(Part::Wal, libc::ENOSPC)),
                Crash::Flush => world.shim.fail(Fault::io(Part::Wal, Call::Sync)),
                _ => {
                    let gone = [Call::Read, Call::Write, Call::Sync, Call::Size, Call::Open];
                    let parts = [Part::Database, Part::Wal];
                    let nothing = beside::broken("/dev/null", false);
                    beside::exchange(&world.from.path().join(MARK), &nothing);
                    for (part, call) in parts.iter().flat_map(|part| gone.map(|call| (*part, call)))
                    {
                        world.shim.fail(Fault::io(part, call).always());
                    }
                }
            }
            world.shim.release();
            publishing = world.publishing();
        }
        Crash::Kill | Crash::Power | Crash::Copied | Crash::Flipped => {}
    }
    let losses: &[Loss] = match crash {
        Crash::Kill => &[Loss::Nothing],
        Crash::Power | Crash::Flush | Crash::Detached => &[Loss::Nothing, Loss::Everything],
        Crash::Full | Crash::Copied | Crash::Flipped => &[],
    };
    let mut fates = Vec::new();
    if crash == Crash::Full {
        // It goes on.
        fates.push(found(&world.hub, at));
    }
    for loss in losses {
        let to = world.copy(*loss);
        if crash == Crash::Power {
            script::restart_machine(to.path(), "unix");
        }
        let hub = open(to.path(), "unix", true);
        fates.push(found(&hub, at));
        drop(hub);
    }
    if matches!(crash, Crash::Copied | Crash::Flipped) {
        world.shim.release();
        let from = world.from.path().to_owned();
        drop(world.hub);
        if crash == Crash::Copied {
            let to = Directory::new("page-copied-to");
            for (name, bytes) in world.from.files() {
                fs::write(to.path().join(name), bytes).unwrap();
            }
            let hub = open(to.path(), "unix", false);
            fates.push(found(&hub, at));
            publish(&hub, Durability::Durable, "").unwrap();
            publishing = "goes on, in either".to_owned();
        } else {
            let path = from.join("journal.sqlite");
            let mut bytes = fs::read(&path).unwrap();
            let marker = data(2).into_bytes();
            let place = bytes
                .windows(marker.len())
                .position(|found| found == marker);
            match place {
                Some(place) => bytes[place] ^= 1,
                None => assert_eq!(durability, Durability::None),
            }
            fs::write(&path, bytes).unwrap();
            let hub = open(&from, "unix", true);
            fates.push(found(&hub, at));
            publish(&hub, Durability::Durable, "").unwrap();
            publishing = "goes on".to_owned();
        }
        return (fates, publishing);
    }
    world.end();
    (fates, publishing)
}

/// Says it in the words of the page.
fn words(fates: &[Fate]) -> String {
    let told: BTreeSet<&str> = fates
        .iter()
        .flat_map(|fate| &fate.told)
        .map(String::as_str)
        .collect();
    let told = Vec::from_iter(told).join(" or ");
    let there: BTreeSet<usize> = fates.iter().map(|fate| fate.there).collect();
    let is_silent = |fate: &Fate| fate.there < EVENTS && fate.told.is_empty();
    let lost = match (there.first(), there.last()) {
        (Some(&EVENTS), _) if told.is_empty() => return "all is there".to_owned(),
        (Some(&EVENTS), _) => return format!("all is there, {told} is told"),
        (_, Some(0)) => "is lost",
        (_, Some(&EVENTS)) => "may be lost",
        _ => "what it hit is lost",
    };
    match fates.iter().any(is_silent) {
        true => format!("{lost}, **without a word**"),
        false => format!("{lost}, {told} is told"),
    }
}

#[test]
fn the_table_of_the_page_is_what_is_seen() {
    let mut lines = vec![
        "| what happens | `durable` | `buffered` | `none` | publishing |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    for (crash, name) in CRASHES {
        let seen = Durability::ALL.map(|durability| {
            let _said = Said(format!("{crash:?} {durability}"));
            fates(crash, durability)
        });
        let [none, buffered, durable] = &seen;
        lines.push(format!(
            "| {name} | {} | {} | {} | {} |",
            words(&durable.0),
            words(&buffered.0),
            words(&none.0),
            durable.1
        ));
    }
    let on_page = PAGE.lines().map(|line| line.trim_start_matches("//! "));
    let on_page: Vec<&str> = on_page
        .skip_while(|line| *line != lines[0])
        .take(lines.len())
        .collect();
    assert!(
        on_page == lines,
        "the page has to say:\n{}",
        lines.join("\n")
    );
}
