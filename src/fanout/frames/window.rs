//! Which class has a window log, and who has to leave it.

use std::hash::Hash;

use smallvec::SmallVec;

use crate::fanout::Format;
use crate::fanout::class::ClassId;
use crate::fanout::form::Codec;
use crate::fanout::frames::{Frames, note_moved};
use crate::fanout::log::MEMBERS_MIN;
use crate::fanout::reader::Readers;

impl<K: Clone + Eq + Hash, F: Format, R: Readers<K>> Frames<'_, K, F, R> {
    /// Gives class `id` a window log if it has grown enough, and takes it if it has shrunk.
    pub(super) fn fit_window_log(&mut self, id: ClassId) {
        let limits = &self.fanout.limits;
        let chains = &self.fanout.counters.chains;
        let may = chains.get() < limits.max_chains as u64;
        let Some(class) = self.fanout.logs.classes.get_mut(id) else {
            return;
        };
        let members = class.members().len();
        // Messages that may not refer to those before have no use for a window.
        let shared_context = F::codec(class.form())
            != Codec::Messages {
                shared_context: false,
            };
        match class.window_log() {
            None if shared_context && members >= MEMBERS_MIN && may => {
                class.open_window_log(limits.frame_log_bytes);
                chains.add(1);
            }
            Some(window) if members < MEMBERS_MIN / 2 => {
                let end = window.log().end();
                // Past the end: also who has read all of it moves.
                self.move_out_of_window_log(id, end + 1);
                let class = self.fanout.logs.classes.get_mut(id);
                if class.is_some_and(|class| class.drop_window_log()) {
                    self.fanout.window_log_gone();
                }
            }
            _ => {}
        }
    }

    pub(super) fn make_room_in_window_log(&mut self, id: ClassId, tail: u64) {
        self.move_out_of_window_log(id, tail);
        let class = self.fanout.logs.classes.get_mut(id);
        if let Some(window) = class.and_then(|class| class.window_log_mut()) {
            window.advance_tail(tail);
        }
    }

    /// Sends all members that stand before byte `before` of the window log to history.
    fn move_out_of_window_log(&mut self, id: ClassId, before: u64) {
        let Some(class) = self.fanout.logs.classes.get(id) else {
            return;
        };
        let mut behind: SmallVec<[u32; 8]> = SmallVec::new();
        for &number in class.members() {
            let reader = self.readers.get(number).map(|member| *member.reader);
            let stands = reader.is_some_and(|reader| {
                reader.reads_log() && reader.is_aligned() && reader.cursor() < before
            });
            if stands {
                behind.push(number);
            }
        }
        for number in behind {
            if let Some(member) = self.readers.get(number) {
                let kept = self.fanout.fall_behind(member);
                note_moved(self.readers, number, kept);
            }
        }
    }
}
