//! The source of the events: Server-Sent Events or a WebSocket, as one kind of items.

use crate::cli::{TailArgs, TailFormat};
use crate::client::escape;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventring::client::{
    Cause, ClientError, SseClient, SseClientBuilder, SseEvent, SseItem, WsClient, WsClientBuilder,
    WsData, WsEvent, WsItem, WsNotice,
};

/// A client of either kind.
pub(super) enum Source {
    Sse(Box<SseClient>),
    Ws(Box<WsClient>),
}

impl Source {
    pub(super) fn new(args: &TailArgs) -> Source {
        let mut query = format!("?from={}", escape(&args.from));
        for topic in &args.topic {
            query.push_str("&topic=");
            query.push_str(&escape(topic));
        }
        if args.format == TailFormat::Cloudevents {
            query.push_str("&format=cloudevents");
        }
        let url = args.url.clone();
        if args.ws {
            let target = format!("/api/v1/ws{query}");
            let builder = WsClientBuilder::new(url, &target).timeout(args.timeout);
            return Source::Ws(Box::new(builder.build()));
        }
        let target = format!("/api/v1/events/stream{query}");
        let builder = SseClientBuilder::new(url, &target).timeout(args.timeout);
        Source::Sse(Box::new(builder.build()))
    }

    pub(super) fn next_item(&mut self) -> Result<SseItem, ClientError> {
        match self {
            Source::Sse(client) => client.next_item(),
            Source::Ws(client) => loop {
                if let Some(item) = translated(client.next_item()?) {
                    return Ok(item);
                }
            },
        }
    }

    /// Returns the next item if it has arrived already.
    pub(super) fn try_next_item(&mut self) -> Result<Option<SseItem>, ClientError> {
        match self {
            Source::Sse(client) => client.try_next_item(),
            Source::Ws(client) => {
                while let Some(item) = client.try_next_item()? {
                    let item = translated(item);
                    if item.is_some() {
                        return Ok(item);
                    }
                }
                Ok(None)
            }
        }
    }
}

/// Refuses what goes together in no protocol.
pub(super) fn possible(args: &TailArgs) -> Result<(), &'static str> {
    if args.ws && args.format == TailFormat::Cloudevents {
        return Err(
            "--format cloudevents cannot be used with --ws: over a WebSocket an event comes as its id, \
             topic, type and data, without source, time and attributes; leave out --ws",
        );
    }
    Ok(())
}

/// Returns whether a connection ended as it should: the server had said that it would.
pub(super) fn is_end(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Ended | Cause::Bye { .. } | Cause::Closed { .. }
    )
}

/// Translates an item of a WebSocket to one of Server-Sent Events; `None`: there is nothing like it.
fn translated(item: WsItem) -> Option<SseItem> {
    match item {
        WsItem::Connected => Some(SseItem::Connected),
        WsItem::Event(event) => Some(SseItem::Event(plain(event))),
        WsItem::Gap(told) => Some(SseItem::Gap(notice("gap", told))),
        WsItem::Reset(told) => Some(SseItem::Reset(notice("reset", told))),
        WsItem::Disconnected(disconnected) => Some(SseItem::Disconnected(disconnected)),
        // Nobody asks for them here.
        WsItem::Presence { .. } | WsItem::PresenceReset { .. } | WsItem::Answer(_) => None,
        // Of a later version: as little.
        _ => None,
    }
}

fn notice(event: &str, told: WsNotice) -> SseEvent {
    SseEvent::default()
        .id(told.id)
        .event(event.to_owned())
        .data(told.data)
}

/// The event as it would have come in a stream: bytes in base 64.
fn plain(event: WsEvent) -> SseEvent {
    let data = match event.data {
        WsData::None => String::new(),
        WsData::Json(text) | WsData::Text { text, .. } => text,
        WsData::Binary { bytes, .. } => STANDARD.encode(bytes),
    };
    SseEvent::default()
        .id(event.id)
        .event(event.event)
        .data(data)
}
