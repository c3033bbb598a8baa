//! A publish on its way: what its head said, and its body as far as it has come.

use crate::gateway::access::Cors;
use crate::gateway::http::problem::ReplyTo;
use crate::gateway::http::whole_body::Collected;
use crate::gateway::publish::cloudevents::{Attributes, Mode};
use crate::gateway::publish::lines::{HeldLines, Lines};
use crate::gateway::publish::room::RoomPlace;
use crate::hub::PublishOptions;
use crate::net::Share;

/// A publish whose body is arriving.
pub(crate) struct Publish {
    pub(super) topic: String,
    pub(super) mode: Mode,
    pub(super) content_type: String,
    pub(super) attributes: Attributes,
    pub(super) reply: ReplyTo,
    pub(super) options: PublishOptions,
    pub(super) body: Body,
    /// Its place among those who wait for room.
    pub(super) room: RoomPlace,
    /// The fields of every answer for the page that sent it.
    pub(super) cors: Cors,
}

impl Publish {
    /// Returns whether the head of the answer is written.
    pub(in crate::gateway) fn has_begun(&self) -> bool {
        matches!(self.body, Body::Lines { begun: true, .. })
    }

    /// Returns whether the answer comes as a whole, at the end.
    pub(in crate::gateway) fn is_atomic(&self) -> bool {
        matches!(self.body, Body::Atomic(_))
    }

    pub(in crate::gateway) fn cors(&self) -> &Cors {
        &self.cors
    }
}

pub(super) enum Body {
    /// All or nothing: the body is collected first.
    Atomic(Collected),
    /// Each line is published as it comes.
    Lines {
        lines: Lines,
        /// Lines that have come whole and found no room yet, or stand behind one that did not.
        held: HeldLines,
        begun: bool,
        /// The share of what has come and is not published in the total.
        share: Share,
    },
}
