//! The text of `GET /`: all routes and their parameters, for people.

use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::gateway::access::Action;
use crate::gateway::http::problem::ReplyTo;
use crate::gateway::http::query::{STREAM, Table};
use crate::gateway::http::route::Route;
use crate::gateway::http::router::Router;
use crate::net::Answer;

/// The list as an answer.
pub(in crate::gateway) fn answer(reply: ReplyTo) -> Answer {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(write);
    reply.whole(200, text.as_bytes(), |head| {
        head.header("Content-Type", "text/plain; charset=utf-8")
            .header("Vary", "Accept")
    })
}

fn write() -> String {
    let mut text = String::from(
        "eventring\n\nIn parentheses: the right that it takes, where the server asks.\n\n",
    );
    for route in Router::rows() {
        let (method, path) = (route.method.name(), readable(route.path));
        let actions = route.handler.claims().iter().map(|claim| claim.action);
        let actions: Vec<&str> = actions.map(Action::name).collect();
        let right = match actions.join(" or ") {
            none if none.is_empty() => none,
            actions => format!(" ({actions})"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{method:<6} {path:<34} {}{right}", route.summary);
    }
    text.push_str(
        "\nParameters. Any other is refused, but for what caches and trackers add (_, t, utm_..):\n",
    );
    let mut told: Vec<Table> = Vec::new();
    for table in Router::rows().filter_map(|route| route.parameters) {
        // Routes that share a table are told together.
        if table.is_empty() || told.contains(&table) {
            continue;
        }
        told.push(table);
        write_table(table, &mut text);
    }
    text
}

fn write_table(table: Table, text: &mut String) {
    let has_it = |route: &&Route| route.parameters == Some(table);
    let name = |route: &Route| format!("{} {}", route.method.name(), readable(route.path));
    let mut routes: Vec<String> = Router::rows().filter(has_it).map(name).collect();
    if table == STREAM {
        // They have no row: whoever runs the server makes them.
        routes.push("endpoints".to_owned());
    }
    let _ = writeln!(text, "\n{}", routes.join(", "));
    for parameter in table {
        parameter.write_line(text);
    }
}

/// A path as people write it: what it captures in capitals.
fn readable(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut captures = false;
    for c in path.chars() {
        match c {
            '{' | '}' => captures = c == '{',
            c if captures => text.extend(c.to_uppercase()),
            c => text.push(c),
        }
    }
    text
}
