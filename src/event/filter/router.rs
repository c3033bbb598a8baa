//! A trie from topics, and an index on types, to the classes that want them: one walk an event, however many there are.

use std::sync::Arc;

use smallvec::SmallVec;

use super::cow_map::CowMap;
use super::event_filter::EventFilter;
use super::topic_filter::Filter;
use crate::event::event_ref::EventRef;
use crate::event::topic;

/// Routes a topic to everything whose filter takes it.
///
/// The walk costs the topic's segments times the wildcards that are in use at each, not the number of filters. Among
/// filters of the same topics, those that ask for exact types are found by the type.
///
/// A clone is cheap and shares what it can: changing one of the two costs the square root of the names at each segment.
/// So whoever changes it can publish a new one while others still read the old.
///
/// # Examples
///
/// ```
/// use eventring::event::{Filter, Router};
///
/// let mut router = Router::new();
/// router.insert(&Filter::parse(["orders.*", "orders.>"]).unwrap(), 1);
/// router.insert(&Filter::parse(["orders.created"]).unwrap(), 2);
/// assert_eq!(router.route_all("orders.created"), [1, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Router<C> {
    root: Node<C>,
}

#[derive(Clone, Debug)]
struct Node<C> {
    literal: CowMap<Arc<Node<C>>>,
    any: Option<Arc<Node<C>>>,
    /// Patterns that end here.
    here: Leaf<C>,
    /// Patterns whose `>` stands below this node.
    rest: Leaf<C>,
}

/// The classes at the end of a pattern.
#[derive(Clone, Debug)]
struct Leaf<C> {
    /// Those that take every type, or have patterns of them.
    any: Vec<Entry<C>>,
    by_type: CowMap<Vec<Entry<C>>>,
}

/// A class at the end of one of its patterns.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry<C> {
    class: C,
    /// Its filter has other patterns too, so a walk may meet it twice.
    several: bool,
}

impl<C> Default for Node<C> {
    fn default() -> Self {
        Self {
            literal: CowMap::default(),
            any: None,
            here: Leaf::default(),
            rest: Leaf::default(),
        }
    }
}

impl<C> Default for Leaf<C> {
    fn default() -> Self {
        Self {
            any: Vec::new(),
            by_type: CowMap::default(),
        }
    }
}

impl<C: Clone + PartialEq> Default for Router<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clone + PartialEq> Router<C> {
    /// Creates a router that routes nothing.
    pub fn new() -> Self {
        Self {
            root: Node::default(),
        }
    }

    /// Adds a class for every pattern of its filter. Adding the same pair again changes nothing. A class belongs to
    /// one filter: to change that, remove it first.
    pub fn insert(&mut self, filter: &Filter, class: C) {
        self.change(filter, |leaf, several| {
            let class = class.clone();
            add(&mut leaf.any, Entry { class, several });
        });
    }

    /// As [`insert`](Self::insert), with the exact types that the filter asks for: [`visit`](Self::visit) does not
    /// meet it for others.
    pub fn insert_typed(&mut self, filter: &EventFilter, class: C) {
        let Some(types) = filter.exact_types() else {
            return self.insert(filter.topics(), class);
        };
        self.change(filter.topics(), |leaf, several| {
            for ty in types {
                let class = class.clone();
                add(leaf.by_type.get_or_default(ty), Entry { class, several });
            }
        });
    }

    /// Removes a class from every pattern of a filter; what is not there is ignored.
    pub fn remove(&mut self, filter: &Filter, class: C) {
        self.change(filter, |leaf, _| leaf.any.retain(|one| one.class != class));
    }

    /// Removes what [`insert_typed`](Self::insert_typed) added.
    pub fn remove_typed(&mut self, filter: &EventFilter, class: C) {
        let Some(types) = filter.exact_types() else {
            return self.remove(filter.topics(), class);
        };
        self.change(filter.topics(), |leaf, _| {
            for ty in types {
                if let Some(list) = leaf.by_type.get_mut(ty) {
                    list.retain(|one| one.class != class);
                    if list.is_empty() {
                        leaf.by_type.remove(ty);
                    }
                }
            }
        });
    }

    /// Returns whether nothing is routed.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Appends the classes that want this topic to `out`, each once, in no particular order. Those that ask for exact
    /// types are not met.
    pub fn route<const N: usize>(&self, topic: &str, out: &mut SmallVec<[C; N]>) {
        let start = out.len();
        self.root.visit_first(topic, &mut |leaf| {
            // Only classes with several patterns can be met twice, and what `out` held before is not of this walk.
            for entry in &leaf.any {
                if !(entry.several && out[start..].contains(&entry.class)) {
                    out.push(entry.class.clone());
                }
            }
        });
    }

    /// Shows the classes whose topics and exact types take an event, each once, in no particular order.
    pub fn visit<'r>(&'r self, event: EventRef<'_>, mut visit: impl FnMut(&'r C)) {
        let mut met: SmallVec<[&C; 16]> = SmallVec::new();
        let mut show = |entry: &'r Entry<C>| {
            // A class of one pattern cannot be met again, so it is not searched for.
            if entry.several {
                if met.contains(&&entry.class) {
                    return;
                }
                met.push(&entry.class);
            }
            visit(&entry.class);
        };
        self.root.visit_first(event.topic(), &mut |leaf| {
            leaf.any.iter().for_each(&mut show);
            // The type is taken out of the record only where somebody asks for one.
            if !leaf.by_type.is_empty() {
                let typed = leaf.by_type.get(event.ty());
                typed.into_iter().flatten().for_each(&mut show);
            }
        });
    }

    /// Returns the classes that want this topic, sorted.
    pub fn route_all(&self, topic: &str) -> Vec<C>
    where
        C: Ord,
    {
        let mut out: SmallVec<[C; 8]> = SmallVec::new();
        self.route(topic, &mut out);
        out.sort_unstable();
        out.into_vec()
    }

    fn change(&mut self, filter: &Filter, mut change: impl FnMut(&mut Leaf<C>, bool)) {
        let several = filter.patterns().len() > 1;
        // A class is entered at the end of each of its patterns, so that a walk needs no second look at filters.
        for pattern in filter.patterns() {
            let mut segments = pattern.as_str().split('.');
            self.root
                .change(&mut segments, &mut |leaf| change(leaf, several));
        }
    }
}

impl<C: Clone + PartialEq> Node<C> {
    /// Changes the leaf at the end of a pattern; nodes that are empty then go.
    fn change<'p>(
        &mut self,
        segments: &mut impl Iterator<Item = &'p str>,
        change: &mut impl FnMut(&mut Leaf<C>),
    ) {
        match segments.next() {
            None => change(&mut self.here),
            Some(">") => change(&mut self.rest),
            Some("*") => {
                let node = Arc::make_mut(self.any.get_or_insert_default());
                node.change(segments, change);
                // Or a router through which many patterns have passed would keep a path for each.
                if node.is_empty() {
                    self.any = None;
                }
            }
            Some(name) => {
                let node = Arc::make_mut(self.literal.get_or_default(name));
                node.change(segments, change);
                if node.is_empty() {
                    self.literal.remove(name);
                }
            }
        }
    }

    /// Visits what a whole topic leads to, from the root.
    fn visit_first<'r>(&'r self, topic: &str, show: &mut impl FnMut(&'r Leaf<C>)) {
        // A reserved name is taken by name: the root's wildcards are those of first segments.
        if !topic::is_reserved(topic) {
            return self.visit(Some(topic), show);
        }
        let (segment, below) = split(topic);
        if let Some(node) = self.literal.get(segment) {
            node.visit(below, show);
        }
    }

    /// Visits what the part of a topic below this node leads to; `None` is past its end. The recursion is as deep as the
    /// topic has segments: at most 128.
    fn visit<'r>(&'r self, topic: Option<&str>, show: &mut impl FnMut(&'r Leaf<C>)) {
        let Some(topic) = topic else {
            return show(&self.here);
        };
        // `>` stands for at least one segment, and here one is left.
        show(&self.rest);
        let (segment, below) = split(topic);
        if let Some(node) = self.literal.get(segment) {
            node.visit(below, show);
        }
        if let Some(node) = &self.any {
            node.visit(below, show);
        }
    }

    fn is_empty(&self) -> bool {
        self.literal.is_empty()
            && self.any.is_none()
            && self.here.is_empty()
            && self.rest.is_empty()
    }
}

impl<C: Clone> Leaf<C> {
    fn is_empty(&self) -> bool {
        self.any.is_empty() && self.by_type.is_empty()
    }
}

/// Splits off the first segment of a topic; `None`: it is the last one.
fn split(topic: &str) -> (&str, Option<&str>) {
    // Segments are short: a plain loop beats a search for a pattern.
    match topic.bytes().position(|byte| byte == b'.') {
        Some(at) => (&topic[..at], Some(&topic[at + 1..])),
        None => (topic, None),
    }
}

fn add<C: PartialEq>(list: &mut Vec<Entry<C>>, entry: Entry<C>) {
    if !list.iter().any(|one| one.class == entry.class) {
        list.push(entry);
    }
}
