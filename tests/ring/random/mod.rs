//! Anything that can be done to a ring, in any order: the property test. The fuzz target `ring` does the same.

mod check;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Finds batches that end early, and values that are dropped while they are read, within a second.
    #[test]
    fn whatever_is_done_to_a_ring_values_are_read_as_published_and_dropped_once(
        input in prop::collection::vec(any::<u8>(), 0..800),
    ) {
        check::ring(&input);
    }
}
