//! The body that saves a checkpoint.

use crate::event::Position;
use crate::gateway::http::body::{Body, Member, Takes};
use crate::gateway::http::problem::Problem;

/// Members of a checkpoint that is saved.
pub(super) const CHECKPOINT_MEMBERS: &[Member] = &[
    Member {
        name: "position",
        takes: Takes::Name,
        wrong: "is a position",
        expects: "the last position that its reader is done with: the id of an event",
    },
    Member {
        name: "force",
        takes: Takes::Switch,
        wrong: "is true or false",
        expects: "whether it is saved whatever is kept: one that is before it, of another log, or cannot be read; else false",
    },
];

/// Reads the position that is to be saved, and whether by force.
pub(super) fn read_position(body: &[u8]) -> Result<(Position, bool), Problem> {
    let mut body = Body::read(body, CHECKPOINT_MEMBERS)?;
    let force = body.switch("force").unwrap_or(false);
    let position = match body.member("position") {
        None => Err("is missing".to_owned()),
        Some(value) => match value.string() {
            None => Err("is a string".to_owned()),
            Some(text) => text
                .parse::<Position>()
                .map_err(|error| format!("is no position: {error}")),
        },
    };
    let position = position.map_err(|why| body.note("position", why));
    body.finish()?;
    // What is wrong with it was noted.
    let position = position.map_err(|()| Problem::failed("a fault went unnoticed"))?;
    Ok((position, force))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_and_every_fault_is_told() {
        let text = br#"{"position":"00000000004hm-7","force":true}"#;
        let (position, force) = read_position(text).unwrap();
        assert_eq!((position.offset, force), (7, true));
        for (text, told) in [
            (&br#"{}"#[..], "position: is missing"),
            (b"", "position: is missing"),
            (br#"{"position":7}"#, "position: is a string"),
            (br#"{"position":"7"}"#, "position: is no position: no \"-\""),
            (
                br#"{"position":"00000000004hm-07","force":1}"#,
                "force: is true or false",
            ),
            (br#"{"postion":"x"}"#, "did you mean position?"),
        ] {
            let problem = read_position(text).unwrap_err();
            assert!(problem.detail().contains(told), "{}", problem.detail());
        }
    }
}
