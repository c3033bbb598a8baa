//! The reactor's wire forms: what is not an event, in each of them.

use crate::gateway::encode::disconnect;
use crate::gateway::encode::format::WireFormat;
use crate::gateway::gateway::Gateway;
use crate::reactor::{Codec, DisconnectReason, FormId, Format};

impl Format for Gateway {
    const FORMS: usize = WireFormat::COUNT;

    fn codec(form: FormId) -> Codec {
        WireFormat::of(form).codec()
    }

    fn frame_block(form: FormId, block: &[u8], last: bool, out: &mut Vec<u8>) {
        WireFormat::of(form).frame_block(block, last, out);
    }

    fn heartbeat(&mut self, form: FormId, fed: u64, out: &mut Vec<u8>) {
        let head = self.at(fed - 1);
        self.encoder.heartbeat(WireFormat::of(form), head, out);
    }

    fn tick(&mut self, out: &mut Vec<u8>) {
        self.write_tick(out);
        self.topics.tick();
    }

    fn disconnect(&mut self, form: FormId, why: DisconnectReason, out: &mut Vec<u8>) {
        let form = WireFormat::of(form);
        if form.is_web_socket() {
            return self.write_disconnect(why, out);
        }
        disconnect::write(form, why, self.shared.options.retry, out);
        form.end(out);
    }
}
