//! The interner of the filters that sockets are subscribed to: equal ones are kept once, however many sockets have them.

use std::collections::HashMap;

use crate::event::Filter;

/// The filters of the classes that sockets are in, and how many classes have each.
#[derive(Default)]
pub(crate) struct FilterInterner(HashMap<Filter, u32>);

impl FilterInterner {
    /// The filter that is kept already and equals this one, or this one.
    pub(in crate::gateway) fn shared(&self, filter: Filter) -> Filter {
        match self.0.get_key_value(&filter) {
            Some((kept, _)) => kept.clone(),
            None => filter,
        }
    }

    /// Notes that a class of sockets has opened.
    pub(crate) fn opened(&mut self, filter: &Filter) {
        *self.0.entry(filter.clone()).or_default() += 1;
    }

    /// Notes that a class of sockets has closed.
    pub(crate) fn closed(&mut self, filter: &Filter) {
        if let Some(classes) = self.0.get_mut(filter) {
            *classes -= 1;
            if *classes == 0 {
                self.0.remove(filter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_kept_as_long_as_a_class_has_it() {
        let filter = || Filter::parse(["a.*"]).unwrap();
        let same = |a: &Filter, b: &Filter| std::ptr::eq(a.patterns(), b.patterns());
        let mut wanted = FilterInterner::default();
        let first = wanted.shared(filter());
        wanted.opened(&first);
        wanted.opened(&first);
        assert!(same(&wanted.shared(filter()), &first));
        wanted.closed(&first);
        assert!(same(&wanted.shared(filter()), &first));
        wanted.closed(&first);
        assert!(!same(&wanted.shared(filter()), &first));
        assert!(wanted.0.is_empty());
    }
}
