//! The JSON shapes of events: which member is which attribute. Reading and writing both follow these tables.

use crate::event::attribute::{AttributeKind, AttributeValue};
use crate::event::record::layout::Field;

/// A JSON shape of events.
///
/// What was read in a shape is written back in it without loss; members that a shape does not know are kept. Written
/// in another shape, attributes that have no name there stand at the top under their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// CloudEvents 1.0, structured mode; `specversion`, `id`, `source` and `type` are required.
    CloudEvents,
    /// CloudEvents with only `type` required: the rest is filled in.
    Relaxed,
    /// codomyrmex `Event.to_dict`: `id`, `type`, `data`, `metadata`, `timestamp`. The topic is `metadata.topic`.
    Codomyrmex,
    /// tamma `DomainEvent`: `id` or `eventId`, `type`, `timestamp`, `actor`, `tags`, `payload`, `metadata`.
    DomainEvent,
    /// eventuali `Event`: `id` or `event_id`, `aggregate_…`, `event_type`, `data`, `metadata`, `timestamp`.
    Eventuali,
    /// eventuali `StreamEvent`: `event`, `stream_position`, `global_position`.
    EventualiStream,
    /// A vergnetp stream frame: `type` and the data's members side by side, and `_context`. It has no id and no time,
    /// and other attributes are not written.
    StreamEvent,
}

/// One member of a shape.
pub(super) struct Member {
    pub(super) key: &'static str,
    pub(super) slot: Slot,
    pub(super) required: bool,
}

/// The role of a member: which part of an event it becomes.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    SpecVersion,
    /// The id; with `uuid` it must be one.
    Id {
        uuid: bool,
    },
    /// The shape's other name for the id.
    OtherId,
    Field(Field),
    /// The time; with `local`, text without an offset is taken as UTC.
    Time {
        local: bool,
    },
    Data,
    /// Data under a tag: `{"Json": value}` or `{"Protobuf": [bytes]}`.
    TaggedData,
    DataBase64,
    /// An attribute of this name.
    Attribute(&'static str),
    /// An object whose members are a kind's.
    Attributes(AttributeKind),
    /// An object with members of its own. Others go to the kind; without one, the object is then kept whole.
    Object(&'static [Member], Option<AttributeKind>),
    /// The event itself, one level down.
    Event(&'static [Member]),
}

const fn member(key: &'static str, slot: Slot) -> Member {
    Member {
        key,
        slot,
        required: false,
    }
}

const fn required(key: &'static str, slot: Slot) -> Member {
    Member {
        key,
        slot,
        required: true,
    }
}

const CLOUD_EVENTS: &[Member] = &[
    required("specversion", Slot::SpecVersion),
    required("id", Slot::Id { uuid: false }),
    required("source", Slot::Field(Field::Source)),
    required("type", Slot::Field(Field::Type)),
    member("topic", Slot::Field(Field::Topic)),
    member("subject", Slot::Field(Field::Subject)),
    member("time", Slot::Time { local: false }),
    member("dataschema", Slot::Field(Field::DataSchema)),
    member("tags", Slot::Attributes(AttributeKind::Tag)),
    member("headers", Slot::Attributes(AttributeKind::Header)),
    member("metadata", Slot::Attributes(AttributeKind::Metadata)),
    member("datacontenttype", Slot::Field(Field::ContentType)),
    member("data", Slot::Data),
    member("data_base64", Slot::DataBase64),
];

const CODOMYRMEX: &[Member] = &[
    member("id", Slot::Id { uuid: false }),
    required("type", Slot::Field(Field::Type)),
    member("data", Slot::Data),
    member("metadata", Slot::Attributes(AttributeKind::Metadata)),
    member("timestamp", Slot::Time { local: true }),
];

const ACTOR: &[Member] = &[
    member("type", Slot::Attribute("actortype")),
    member("id", Slot::Attribute("actorid")),
];

const DOMAIN_METADATA: &[Member] = &[
    member("correlationId", Slot::Attribute("correlationid")),
    member("causationId", Slot::Attribute("causationid")),
];

const DOMAIN_EVENT: &[Member] = &[
    member("id", Slot::Id { uuid: true }),
    member("eventId", Slot::OtherId),
    required("type", Slot::Field(Field::Type)),
    member("timestamp", Slot::Time { local: false }),
    member("schemaVersion", Slot::Attribute("schemaversion")),
    member("actor", Slot::Object(ACTOR, None)),
    member("tags", Slot::Attributes(AttributeKind::Tag)),
    member("payload", Slot::Data),
    member(
        "metadata",
        Slot::Object(DOMAIN_METADATA, Some(AttributeKind::Metadata)),
    ),
];

const EVENTUALI_METADATA: &[Member] = &[
    member("causation_id", Slot::Attribute("causationid")),
    member("correlation_id", Slot::Attribute("correlationid")),
    member("user_id", Slot::Attribute("userid")),
    member("headers", Slot::Attributes(AttributeKind::Header)),
];

const EVENTUALI: &[Member] = &[
    member("id", Slot::Id { uuid: true }),
    member("event_id", Slot::OtherId),
    required("aggregate_id", Slot::Attribute("streamid")),
    required("aggregate_type", Slot::Attribute("streamtype")),
    required("event_type", Slot::Field(Field::Type)),
    member("event_version", Slot::Attribute("schemaversion")),
    member("aggregate_version", Slot::Attribute("streamversion")),
    member("data", Slot::TaggedData),
    member(
        "metadata",
        Slot::Object(EVENTUALI_METADATA, Some(AttributeKind::Metadata)),
    ),
    member("timestamp", Slot::Time { local: true }),
];

const EVENTUALI_STREAM: &[Member] = &[
    required("event", Slot::Event(EVENTUALI)),
    member("stream_position", Slot::Attribute("streamposition")),
    member("global_position", Slot::Attribute("globalposition")),
];

const STREAM_EVENT: &[Member] = &[
    required("type", Slot::Field(Field::Type)),
    member("_context", Slot::Attributes(AttributeKind::Metadata)),
];

/// Members that shapes beside CloudEvents may have too; with an unexpected JSON type they are kept as they are.
///
/// A static, not a constant: readers tell its members by their address.
static COMMON: [Member; 6] = [
    member("topic", Slot::Field(Field::Topic)),
    member("source", Slot::Field(Field::Source)),
    member("subject", Slot::Field(Field::Subject)),
    member("dataschema", Slot::Field(Field::DataSchema)),
    member("datacontenttype", Slot::Field(Field::ContentType)),
    member("data_base64", Slot::DataBase64),
];

impl Member {
    /// Returns whether a reader would take an attribute of this name for this member, though it never makes one of it; a member
    /// that is `common` is kept as an attribute where it is no string.
    pub(super) fn takes(&self, name: &str, value: AttributeValue<'_>, common: bool) -> bool {
        if self.key != name {
            return false;
        }
        match self.slot {
            Slot::Data | Slot::TaggedData => true,
            Slot::Field(_) | Slot::DataBase64 => {
                !common || matches!(value, AttributeValue::Text(_))
            }
            // An object becomes attributes, or is refused where its names could not be those of any.
            Slot::Attributes(_) => matches!(value, AttributeValue::Json(text) if has_members(text)),
            _ => false,
        }
    }
}

/// Returns whether a JSON value is an object that has members.
fn has_members(json: &str) -> bool {
    let inside = json.strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| !inside.starts_with('}'))
}

impl Shape {
    pub(super) fn members(self) -> &'static [Member] {
        match self {
            Self::CloudEvents | Self::Relaxed => CLOUD_EVENTS,
            Self::Codomyrmex => CODOMYRMEX,
            Self::DomainEvent => DOMAIN_EVENT,
            Self::Eventuali => EVENTUALI,
            Self::EventualiStream => EVENTUALI_STREAM,
            Self::StreamEvent => STREAM_EVENT,
        }
    }

    pub(super) fn is_cloud_events(self) -> bool {
        matches!(self, Self::CloudEvents | Self::Relaxed)
    }

    /// The shape's other name for the id.
    pub(super) fn other_id(self) -> Option<&'static str> {
        match self {
            Self::DomainEvent => Some("eventId"),
            Self::Eventuali | Self::EventualiStream => Some("event_id"),
            _ => None,
        }
    }

    /// The members of [`COMMON`], where the shape may have them.
    pub(super) fn common(self) -> &'static [Member] {
        match self {
            Self::CloudEvents | Self::Relaxed | Self::StreamEvent => &[],
            _ => &COMMON,
        }
    }

    pub(super) fn requires(self, member: &Member) -> bool {
        member.required && (self != Self::Relaxed || member.key == "type")
    }
}
