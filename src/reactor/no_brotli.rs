//! What stands for Brotli where the feature is off: an encoder that there is never.

pub(super) enum Encoder {}

impl Encoder {
    pub(super) fn new() -> Self {
        unreachable!("no stream is made with a coding that is not offered")
    }

    pub(super) fn encode(&mut self, _: &[u8], _: &mut Vec<u8>) {
        match *self {}
    }

    pub(super) fn finish(&mut self, _: &mut Vec<u8>) {
        match *self {}
    }
}
