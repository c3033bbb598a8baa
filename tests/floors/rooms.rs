//! The rooms of the gateway: which one may name which other one. There is no circle.

use std::fs;

use crate::{named_below, sources, src};

/// Each room, after those that it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("access", &[]),
    ("http", &["access"]),
    ("dashboard", &["http"]),
    ("encode", &["http"]),
    // The first one of those that know both `net` and `fanout`.
    ("delivery", &["encode"]),
    ("telemetry", &["access", "http", "encode", "delivery"]),
    (
        "stream",
        &["access", "http", "encode", "delivery", "telemetry"],
    ),
    ("publish", &["access", "http", "encode"]),
    (
        "ws",
        &["access", "http", "encode", "delivery", "publish", "stream"],
    ),
    (
        "admin",
        &[
            "access",
            "http",
            "encode",
            "delivery",
            "telemetry",
            "stream",
        ],
    ),
    ("history", &["access", "http", "encode", "stream", "admin"]),
    (
        "clients",
        &[
            "access",
            "http",
            "encode",
            "delivery",
            "telemetry",
            "ws",
            "admin",
        ],
    ),
    (
        "server",
        &[
            "access",
            "http",
            "encode",
            "delivery",
            "telemetry",
            "stream",
            "publish",
            "ws",
            "admin",
            "clients",
        ],
    ),
];

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

#[test]
fn rooms_name_only_those_before_them() {
    let mut wrong = Vec::new();
    for (room, may_name) in ROOMS {
        for path in sources(&src().join("gateway").join(room)) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate() {
                // Files at the gateway's root introduce the rooms to each other, and may be named by all.
                let others = named_below("crate::gateway::", line);
                let others = others
                    .iter()
                    .map(String::as_str)
                    .filter(|name| is_room(name));
                let others = others.filter(|name| name != room && !may_name.contains(name));
                wrong.extend(
                    others.map(|name| format!("{}:{}: {name}", path.display(), number + 1)),
                );
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "rooms that these may not name:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_room_is_named_before_it_comes() {
    for (at, (room, may_name)) in ROOMS.iter().enumerate() {
        let before = |name: &str| ROOMS[..at].iter().any(|(room, _)| *room == name);
        assert!(
            may_name.iter().all(|name| before(name)),
            "{room} is in a circle"
        );
    }
}

#[test]
fn every_folder_of_the_gateway_is_a_room() {
    for entry in fs::read_dir(src().join("gateway")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(
            !entry.path().is_dir() || is_room(&name),
            "{name}: add it to ROOMS"
        );
    }
}
