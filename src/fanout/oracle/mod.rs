//! What must hold of frame logs, classes and streams for any input: the fuzz targets and the property tests call this.

mod client;
mod delivery;
mod elsewhere;
mod events;
mod frame_log;
mod model;

pub use self::delivery::delivery;
pub use self::frame_log::frame_log;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Mostly small numbers, and as many operations as carry a log round several times.
    fn inputs(operations: usize) -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![4 => 0u16..200, 1 => any::<u16>()];
        let operation = (any::<u8>(), part).prop_map(|(kind, part)| {
            let [a, b] = part.to_le_bytes();
            [kind, a, b]
        });
        let operations = prop::collection::vec(operation, 0..operations);
        (any::<u8>(), operations)
            .prop_map(|(first, operations)| [&[first], operations.as_flattened()].concat())
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn a_log_and_its_classes_equal_the_model(input in inputs(600)) {
            frame_log(&input);
        }

        #[test]
        fn every_stream_gets_the_frames_of_a_plain_list(input in inputs(400)) {
            delivery(&input);
        }
    }
}
