//! A map from names, of which a changed copy shares almost everything with the original.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Names and values in about as many shards as each has entries, so that changing a copy costs the square root of
/// their number. Changing a map that was not copied costs what a hash map's change does.
#[derive(Clone, Debug)]
pub(super) struct CowMap<V> {
    /// Secret, so that nobody outside can choose names that meet.
    keys: RandomState,
    /// None, or a power of two; each sorted by hash.
    shards: Vec<Arc<Shard<V>>>,
    len: usize,
}

type Shard<V> = Vec<Slot<V>>;

#[derive(Clone, Debug)]
struct Slot<V> {
    hash: u64,
    name: Arc<str>,
    value: V,
}

/// Fewer names than these are not worth another shard.
const SHARD_LEAST: usize = 16;

impl<V> Default for CowMap<V> {
    fn default() -> Self {
        Self {
            keys: RandomState::new(),
            shards: Vec::new(),
            len: 0,
        }
    }
}

impl<V: Clone> CowMap<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        // An empty map may have no shards, and `shard` could not mask by their number.
        if self.len == 0 {
            return None;
        }
        let hash = self.keys.hash_one(name);
        let shard = &self.shards[self.shard(hash)];
        let at = find(shard, hash, name).ok()?;
        Some(&shard[at].value)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        if self.len == 0 {
            return None;
        }
        let hash = self.keys.hash_one(name);
        let shard = self.shard(hash);
        // Found first: a name that is not here must not cost a copy of the shard.
        let at = find(&self.shards[shard], hash, name).ok()?;
        Some(&mut Arc::make_mut(&mut self.shards[shard])[at].value)
    }

    pub(super) fn get_or_default(&mut self, name: &str) -> &mut V
    where
        V: Default,
    {
        // Before the place is looked for, since names move.
        self.grow();
        let hash = self.keys.hash_one(name);
        let shard = self.shard(hash);
        let shard = Arc::make_mut(&mut self.shards[shard]);
        let at = find(shard, hash, name).unwrap_or_else(|at| {
            let (name, value) = (name.into(), V::default());
            shard.insert(at, Slot { hash, name, value });
            self.len += 1;
            at
        });
        &mut shard[at].value
    }

    pub(super) fn remove(&mut self, name: &str) {
        if self.len == 0 {
            return;
        }
        let hash = self.keys.hash_one(name);
        let shard = self.shard(hash);
        if let Ok(at) = find(&self.shards[shard], hash, name) {
            Arc::make_mut(&mut self.shards[shard]).remove(at);
            self.len -= 1;
        }
        // A router has a map at every node, and most become empty again: an empty one keeps no memory.
        if self.len == 0 {
            self.shards = Vec::new();
        }
    }

    fn shard(&self, hash: u64) -> usize {
        // The upper half: within a shard the whole hash decides.
        (hash >> 32) as usize & (self.shards.len() - 1)
    }

    /// Makes room for one more.
    fn grow(&mut self) {
        let shards = self.shards.len();
        if shards == 0 {
            self.shards.push(Arc::default());
        } else if self.len >= shards * shards.max(SHARD_LEAST) {
            let mut slots = Vec::with_capacity(self.len);
            for shard in self.shards.drain(..) {
                // What nobody else reads is moved; only shards shared with a copy are cloned.
                slots.extend(Arc::unwrap_or_clone(shard));
            }
            // Each shard is then filled in the order of hashes.
            slots.sort_unstable_by_key(|slot| slot.hash);
            let mut spread: Vec<Shard<V>> = Vec::new();
            spread.resize_with(shards * 2, Vec::new);
            for slot in slots {
                spread[(slot.hash >> 32) as usize & (shards * 2 - 1)].push(slot);
            }
            self.shards = spread.into_iter().map(Arc::new).collect();
        }
    }
}

/// Returns the place of a name in a shard, or the place at which it would be inserted.
fn find<V>(shard: &[Slot<V>], hash: u64, name: &str) -> Result<usize, usize> {
    let first = shard.partition_point(|slot| slot.hash < hash);
    let same = shard[first..].iter().take_while(|slot| slot.hash == hash);
    match same.enumerate().find(|(_, slot)| *slot.name == *name) {
        Some((at, _)) => Ok(first + at),
        None => Err(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_copy_changes_alone_and_agrees_with_a_hash_map() {
        let (mut map, mut model) = (CowMap::default(), HashMap::new());
        let mut copies = Vec::new();
        for round in 0u32..6_000 {
            // A walk that meets names again.
            let name = format!("n{}", round.wrapping_mul(2_654_435_761) >> 20);
            if round % 3 == 2 {
                map.remove(&name);
                model.remove(&name);
            } else {
                *map.get_or_default(&name) = round;
                model.insert(name.clone(), round);
            }
            if let Some(value) = map.get_mut("n7") {
                *value = round;
                model.insert("n7".to_owned(), round);
            }
            if round % 1_000 == 0 {
                copies.push((map.clone(), model.clone()));
            }
        }
        copies.push((map, model));
        for (map, model) in copies {
            assert_eq!(map.len, model.len());
            for n in 0..4_096 {
                let name = format!("n{n}");
                assert_eq!(map.get(&name), model.get(&name), "{name}");
            }
        }
    }

    #[test]
    fn an_empty_map_keeps_nothing() {
        let mut map: CowMap<u8> = CowMap::default();
        (0..100).for_each(|n| *map.get_or_default(&n.to_string()) = 1);
        (0..100).for_each(|n| map.remove(&n.to_string()));
        assert!(map.is_empty() && map.shards.is_empty());
        map.remove("1");
        assert_eq!(map.get("1"), None);
        assert_eq!(map.get_mut("1"), None);
    }
}
