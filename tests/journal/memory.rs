//! The journal in memory, which is what the others are judged by.

use eventring::journal::contract::{self, Fixture};
use eventring::journal::{Journal, MemoryJournal, MemoryLog};

#[derive(Default)]
struct InMemory(MemoryLog);

impl Fixture for InMemory {
    fn open(&mut self) -> Box<dyn Journal> {
        Box::new(MemoryJournal::open(&self.0))
    }

    fn deletes(&self) -> bool {
        true
    }
}

#[test]
fn it_keeps_the_contract() {
    contract::check(&mut || Box::<InMemory>::default());
}
