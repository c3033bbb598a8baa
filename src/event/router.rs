//! A trie from topics to the classes that want them: one walk an event, however many patterns there are.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::filter::Filter;

/// Routes a topic to everything whose filter takes it.
///
/// The walk costs the topic's segments times the wildcards that are in use at each, not the number of filters.
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
    literal: HashMap<Box<str>, Node<C>>,
    any: Option<Box<Node<C>>>,
    /// Patterns that end here.
    here: Vec<Entry<C>>,
    /// Patterns whose `>` stands below this node.
    rest: Vec<Entry<C>>,
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
            literal: HashMap::new(),
            any: None,
            here: Vec::new(),
            rest: Vec::new(),
        }
    }
}

impl<C: Copy + PartialEq> Default for Router<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Copy + PartialEq> Router<C> {
    /// Creates a router that routes nothing.
    pub fn new() -> Self {
        Self {
            root: Node::default(),
        }
    }

    /// Adds a class for every pattern of its filter. Adding the same pair again changes nothing. A class belongs to
    /// one filter: to change that, remove it first.
    pub fn insert(&mut self, filter: &Filter, class: C) {
        for pattern in filter.patterns() {
            let entry = Entry {
                class,
                several: filter.patterns().len() > 1,
            };
            self.root.insert(pattern.as_str().split('.'), entry);
        }
    }

    /// Removes a class from every pattern of a filter; what is not there is ignored.
    pub fn remove(&mut self, filter: &Filter, class: C) {
        for pattern in filter.patterns() {
            self.root.remove(pattern.as_str().split('.'), class);
        }
    }

    /// Returns whether nothing is routed.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// Appends the classes that want this topic to `out`, each once, in no particular order.
    pub fn route<const N: usize>(&self, topic: &str, out: &mut SmallVec<[C; N]>) {
        let start = out.len();
        let mut push = |entry: Entry<C>| {
            if !(entry.several && out[start..].contains(&entry.class)) {
                out.push(entry.class);
            }
        };
        self.root.visit(Some(topic), &mut push);
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
}

impl<C: Copy + PartialEq> Node<C> {
    fn insert<'p>(&mut self, mut segments: impl Iterator<Item = &'p str>, entry: Entry<C>) {
        match segments.next() {
            None => add(&mut self.here, entry),
            Some(">") => add(&mut self.rest, entry),
            Some("*") => self.any.get_or_insert_default().insert(segments, entry),
            Some(name) => self
                .literal
                .entry(name.into())
                .or_default()
                .insert(segments, entry),
        }
    }

    fn remove<'p>(&mut self, mut segments: impl Iterator<Item = &'p str>, class: C) {
        match segments.next() {
            None => self.here.retain(|one| one.class != class),
            Some(">") => self.rest.retain(|one| one.class != class),
            Some("*") => {
                if let Some(node) = &mut self.any {
                    node.remove(segments, class);
                    if node.is_empty() {
                        self.any = None;
                    }
                }
            }
            Some(name) => {
                if let Some(node) = self.literal.get_mut(name) {
                    node.remove(segments, class);
                    if node.is_empty() {
                        self.literal.remove(name);
                    }
                }
            }
        }
    }

    /// `rest` is what follows this node in the topic, `None` past its end. The recursion is as deep as the topic
    /// has segments: at most 128.
    fn visit(&self, topic: Option<&str>, push: &mut impl FnMut(Entry<C>)) {
        let Some(topic) = topic else {
            self.here.iter().for_each(|entry| push(*entry));
            return;
        };
        self.rest.iter().for_each(|entry| push(*entry));
        let (segment, below) = match topic.split_once('.') {
            Some((segment, below)) => (segment, Some(below)),
            None => (topic, None),
        };
        if let Some(node) = self.literal.get(segment) {
            node.visit(below, push);
        }
        if let Some(node) = &self.any {
            node.visit(below, push);
        }
    }

    fn is_empty(&self) -> bool {
        self.literal.is_empty()
            && self.any.is_none()
            && self.here.is_empty()
            && self.rest.is_empty()
    }
}

fn add<C: PartialEq>(list: &mut Vec<Entry<C>>, entry: Entry<C>) {
    if !list.iter().any(|one| one.class == entry.class) {
        list.push(entry);
    }
}
