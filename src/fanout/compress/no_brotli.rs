//! What stands for Brotli where the feature is off: an encoder that there is never.

pub(in crate::fanout) enum Encoder {}

impl Encoder {
    pub(in crate::fanout) fn new() -> Self {
        unreachable!("no stream is made with a coding that is not offered")
    }

    pub(in crate::fanout) fn encode(&mut self, _: &[u8], _: &mut Vec<u8>) {
        match *self {}
    }

    pub(in crate::fanout) fn finish(&mut self, _: &mut Vec<u8>) {
        match *self {}
    }
}
