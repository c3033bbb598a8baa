//! Properties that hold for any input: the fuzz targets call these.

use super::item::{WsData, WsItem};
use super::session::Session;
use crate::wire::ws::MessageKind;

/// Version of the header of binary events.
const VERSION: u8 = 1;

/// Takes a message as text and as a binary event, of which the header and the data are all of it.
pub fn any_message(bytes: &[u8]) {
    let mut session = Session::after("1".to_owned());
    let _ = session.take(MessageKind::Text, bytes);
    let before = session.last_event_id().to_owned();
    let Ok(Some(item)) = session.take(MessageKind::Binary, bytes) else {
        assert_eq!(session.last_event_id(), before);
        return;
    };
    let WsItem::Event(event) = item else {
        panic!("a binary message is {item:?}");
    };
    let WsData::Binary {
        content_type,
        bytes: data,
    } = event.data
    else {
        panic!("a binary event holds {:?}", event.data);
    };
    // An event without an id has that of the last.
    let id = match bytes {
        [VERSION, 0, 0, ..] => "",
        _ => event.id.as_str(),
    };
    let mut again = vec![VERSION];
    for part in [id, &event.topic, &event.event, &content_type] {
        again.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
        again.extend_from_slice(part.as_bytes());
    }
    again.extend_from_slice(&data);
    assert_eq!(again, bytes);
}
