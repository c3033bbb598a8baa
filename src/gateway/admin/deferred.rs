//! Deferred answers: of commands that reactors have to execute first, and lists, which are written in pieces.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use crate::fanout;
use crate::gateway::access::Cors;
use crate::gateway::admin::commands::{CommandQueues, PendingCommand, Reactors};
use crate::gateway::admin::connections::{
    Broadcast, Command, CommandResult, ConnectionInfo, PIECE_BYTES,
};
use crate::gateway::admin::endpoints::Endpoints;
use crate::gateway::admin::handlers::no_connection;
use crate::gateway::admin::json::{broadcast_json, connection_json, endpoint_json};
use crate::gateway::admin::listing::{ConnectionWalk, Page};
use crate::gateway::admin::state::{PendingCommit, of_transact};
use crate::gateway::http::pending_answer::PendingAnswer;
use crate::gateway::http::problem::{Problem, ReplyTo, json_answer, no_content};
use crate::gateway::http::response::response;
use crate::gateway::http::response::status_of;
use crate::gateway::http::route::RouteKind;
use crate::gateway::telemetry::Telemetry;
use crate::json::write_string;
use crate::net::{self, Answer, Handle, Piece};
use crate::wire::http::chunk;

/// Most deferred answers at once.
const DEFERRED_MAX: usize = 256;

/// The answers of one reactor that come later, and what they are made of.
pub(in crate::gateway) struct DeferredAnswers {
    commands: Arc<CommandQueues>,
    endpoints: Arc<Endpoints>,
    reactor: Handle,
    fanouts: Arc<fanout::Shared>,
    waiting: HashMap<u64, DeferredAnswer>,
    last: u64,
}

struct DeferredAnswer {
    reply: ReplyTo,
    cors: Cors,
    what: Deferred,
}

/// The source of a deferred answer.
pub(in crate::gateway) enum Deferred {
    /// The connections of a page. Nothing is looked for before it is this answer's turn.
    Connections(ConnectionPage),
    /// All endpoints, after a path.
    Endpoints { after: String, begun: bool },
    /// A command that was sent, and the answer that is made of its result.
    Command(PendingCommand, CommandAnswer),
    /// A command that was sent and a change that is on its way to the journal: the answer waits for both.
    CommandKept(PendingCommand, CommandAnswer, PendingCommit),
    /// A change on its way to the journal, and the answer once it is there.
    Kept(PendingCommit, Answer),
    /// An answer of another thread, and the metrics' name of its route.
    Made(PendingAnswer, RouteKind),
}

/// A page of the list of connections on its way.
pub(in crate::gateway) struct ConnectionPage {
    rest: PageRest,
    begun: bool,
}

/// The part of a page that is not handed out yet.
struct PageRest {
    walk: ConnectionWalk,
    left: usize,
    last: Option<String>,
    /// JSON that is not handed out yet.
    text: Vec<u8>,
}

impl ConnectionPage {
    pub(in crate::gateway) fn new(page: &Page) -> Self {
        let rest = PageRest {
            walk: ConnectionWalk::after(&page.after),
            left: page.limit,
            last: None,
            text: Vec::new(),
        };
        Self { rest, begun: false }
    }
}

impl PageRest {
    fn add(&mut self, infos: &[ConnectionInfo]) {
        for info in infos {
            if self.last.is_some() {
                self.text.push(b',');
            }
            self.text.extend_from_slice(&connection_json(info));
            self.last = Some(info.id.clone());
        }
        self.left = self.left.saturating_sub(infos.len());
    }

    fn end(&mut self, total: u64) {
        let _ = write!(self.text, r#"],"total":{total},"next":"#);
        match &self.last {
            Some(last) if !self.walk.is_over() => write_string(&mut self.text, last),
            _ => self.text.extend_from_slice(b"null"),
        }
        self.text.extend_from_slice(b"}\n");
    }
}

/// The answer that is made of the result of a command.
pub(in crate::gateway) enum CommandAnswer {
    Status(String),
    Disconnect { made: bool },
    Broadcast { asked: Vec<String> },
}

impl DeferredAnswers {
    pub(in crate::gateway) fn new(
        commands: Arc<CommandQueues>,
        endpoints: Arc<Endpoints>,
        reactor: Handle,
        fanouts: Arc<fanout::Shared>,
    ) -> Self {
        Self {
            commands,
            endpoints,
            reactor,
            fanouts,
            waiting: HashMap::new(),
            last: 0,
        }
    }

    /// Refuses where no more answers may wait: asked before anything is changed that an answer has to tell of.
    pub(in crate::gateway) fn check_room(&self) -> Result<(), Problem> {
        match self.waiting.len() < DEFERRED_MAX && self.commands.has_room() {
            true => Ok(()),
            false => Err(busy()),
        }
    }

    /// Sends a command to all reactors, and answers when it is done.
    pub(in crate::gateway) fn defer_command(
        &mut self,
        command: Command,
        render: CommandAnswer,
        reply: ReplyTo,
        cors: Cors,
    ) -> Result<net::Deferred, Problem> {
        // Before it is sent: a command cannot be taken back.
        self.check_room()?;
        let bell = self.reactor.notifier();
        let pending = self
            .commands
            .send(Reactors::All, command, move || bell.notify())
            .map_err(|_| busy())?;
        self.defer(Deferred::Command(pending, render), reply, cors)
    }

    /// Sends a command to all reactors, and answers when it is done and a change is kept; `None`: nothing is.
    pub(in crate::gateway) fn defer_kept_command(
        &mut self,
        command: Command,
        render: CommandAnswer,
        kept: Option<PendingCommit>,
        reply: ReplyTo,
        cors: Cors,
    ) -> Result<net::Deferred, Problem> {
        let Some(kept) = kept else {
            return self.defer_command(command, render, reply, cors);
        };
        let bell = self.reactor.notifier();
        let pending = self
            .commands
            .send(Reactors::All, command, move || bell.notify())
            .map_err(|_| busy())?;
        let what = Deferred::CommandKept(pending, render, kept);
        Ok(self.enter(what, reply, cors))
    }

    /// Defers an answer: `what` gives it, piece by piece, when its turn has come.
    pub(in crate::gateway) fn defer(
        &mut self,
        what: Deferred,
        reply: ReplyTo,
        cors: Cors,
    ) -> Result<net::Deferred, Problem> {
        self.check_room()?;
        Ok(self.enter(what, reply, cors))
    }

    /// Defers the answer to what is done already, for which there was [room](Self::check_room).
    pub(in crate::gateway) fn enter(
        &mut self,
        what: Deferred,
        reply: ReplyTo,
        cors: Cors,
    ) -> net::Deferred {
        self.last += 1;
        let ticket = self.last;
        self.waiting
            .insert(ticket, DeferredAnswer { reply, cors, what });
        net::Deferred {
            ticket,
            // HTTP/1.0 knows no chunks: there the end of the connection is the end of a list.
            close: !reply.keep_alive || (reply.http10 && !reply.head_only),
        }
    }

    /// Appends what there is of the answer of a ticket.
    pub(in crate::gateway) fn write(
        &mut self,
        ticket: u64,
        telemetry: &mut Telemetry,
        out: &mut Vec<u8>,
    ) -> Piece {
        // Taken out while it is written, and put back if there is more: writing needs the rest of this.
        let Some(mut waiting) = self.waiting.remove(&ticket) else {
            return Piece::Done;
        };
        let reply = waiting.reply;
        let mut answer = |answered: Result<Answer, Problem>, cors: &Cors| {
            let answer = answered.unwrap_or_else(|problem| problem.answer(reply));
            let mut bytes = answer.bytes;
            telemetry.answered(RouteKind::Manage, status_of(&bytes));
            cors.stamp(&mut bytes, 0);
            out.extend_from_slice(&bytes);
            Piece::Done
        };
        let piece = match &mut waiting.what {
            Deferred::Command(pending, _) | Deferred::CommandKept(pending, ..)
                if !pending.is_done() =>
            {
                Piece::Waits
            }
            Deferred::Command(pending, render) => {
                let answered = self.render(pending.take(), render, reply);
                answer(answered, &waiting.cors)
            }
            Deferred::CommandKept(pending, render, kept) => match kept.result() {
                None => Piece::Waits,
                Some(Ok(())) => {
                    let answered = self.render(pending.take(), render, reply);
                    answer(answered, &waiting.cors)
                }
                Some(Err(error)) => answer(Err(of_transact(&error)), &waiting.cors),
            },
            Deferred::Kept(kept, made) => match kept.result() {
                None => Piece::Waits,
                Some(Ok(())) => {
                    let made = Answer {
                        bytes: std::mem::take(&mut made.bytes),
                        close: made.close,
                    };
                    answer(Ok(made), &waiting.cors)
                }
                Some(Err(error)) => answer(Err(of_transact(&error)), &waiting.cors),
            },
            Deferred::Made(pending, kind) => match pending.take(waiting.reply) {
                None => Piece::Waits,
                Some(mut bytes) => {
                    telemetry.answered(*kind, status_of(&bytes));
                    waiting.cors.stamp(&mut bytes, 0);
                    out.extend_from_slice(&bytes);
                    Piece::Done
                }
            },
            Deferred::Connections(page) => {
                let mut list = ListWriter {
                    begun: &mut page.begun,
                    reply: waiting.reply,
                    cors: &waiting.cors,
                    telemetry,
                };
                self.list_connections(&mut page.rest, &mut list, out)
            }
            Deferred::Endpoints { after, begun } => {
                let mut list = ListWriter {
                    begun,
                    reply: waiting.reply,
                    cors: &waiting.cors,
                    telemetry,
                };
                self.list_endpoints(after, &mut list, out)
            }
        };
        if piece != Piece::Done {
            self.waiting.insert(ticket, waiting);
        }
        piece
    }

    /// Forgets an answer that nobody waits for any more. What it was to find out is not looked for; what it was to
    /// change is changed.
    pub(in crate::gateway) fn forget(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
    }

    fn render(
        &self,
        found: CommandResult,
        render: &mut CommandAnswer,
        reply: ReplyTo,
    ) -> Result<Answer, Problem> {
        match render {
            CommandAnswer::Status(id) => self.status(found, id, reply),
            CommandAnswer::Disconnect { made } if *made || found.count > 0 => Ok(no_content(reply)),
            CommandAnswer::Disconnect { .. } => Err(no_connection("of that id")),
            CommandAnswer::Broadcast { asked } => {
                let text = broadcast_json(&Broadcast::of(found, std::mem::take(asked)));
                Ok(json_answer(reply, &text))
            }
        }
    }

    fn status(
        &self,
        mut found: CommandResult,
        id: &str,
        reply: ReplyTo,
    ) -> Result<Answer, Problem> {
        let endpoints = &self.endpoints;
        // It may have ended between the question and the answer: then what was known last is the answer.
        let info = found.infos.pop().or_else(|| endpoints.last_known(id));
        let mut text = connection_json(&info.ok_or_else(|| no_connection(id))?);
        text.push(b'\n');
        Ok(json_answer(reply, &text))
    }

    fn list_connections(
        &mut self,
        page: &mut PageRest,
        list: &mut ListWriter<'_>,
        out: &mut Vec<u8>,
    ) -> Piece {
        let (commands, endpoints) = (&self.commands, &self.endpoints);
        if page.text.is_empty() && !*list.begun {
            page.text.extend_from_slice(br#"{"connections":["#);
        }
        // A piece at a time: ten thousand connections with long filters are never text at once.
        while page.left > 0 && !page.walk.is_over() && page.text.len() < PIECE_BYTES {
            let bell = self.reactor.notifier();
            let done = move || bell.notify();
            let Some(infos) = page.walk.next(page.left, commands, endpoints, done) else {
                return Piece::Waits;
            };
            page.add(&infos);
        }
        let done = page.left == 0 || page.walk.is_over();
        if done {
            let total = self.fanouts.stats().streams + endpoints.without_stream();
            page.end(total);
        }
        let text = std::mem::take(&mut page.text);
        list.write(&text, done, out)
    }

    fn list_endpoints(
        &mut self,
        after: &mut String,
        list: &mut ListWriter<'_>,
        out: &mut Vec<u8>,
    ) -> Piece {
        let mut text = Vec::new();
        if !*list.begun {
            text.extend_from_slice(br#"{"endpoints":["#);
        }
        let mut done = false;
        while !done && text.len() < PIECE_BYTES {
            let endpoints = self.endpoints.endpoints_after(after);
            for endpoint in &endpoints {
                if !after.is_empty() {
                    text.push(b',');
                }
                endpoint_json(endpoint, &mut text);
                after.clone_from(&endpoint.path);
            }
            done = endpoints.is_empty();
        }
        if done {
            text.extend_from_slice(b"]}\n");
        }
        list.write(&text, done, out)
    }
}

/// Writes a list in pieces.
struct ListWriter<'a> {
    /// The head is written.
    begun: &'a mut bool,
    reply: ReplyTo,
    cors: &'a Cors,
    telemetry: &'a mut Telemetry,
}

impl ListWriter<'_> {
    /// Appends a piece of a list, after the head if it is the first one.
    fn write(&mut self, text: &[u8], done: bool, out: &mut Vec<u8>) -> Piece {
        let (reply, cors) = (self.reply, self.cors);
        let whole = !*self.begun && done;
        if !std::mem::replace(self.begun, true) {
            self.telemetry.answered(RouteKind::Manage, 200);
            let start = out.len();
            if whole {
                out.extend_from_slice(&json_answer(reply, text).bytes);
                cors.stamp(out, start);
                return Piece::Done;
            }
            let head = response(out, 200)
                .header("Content-Type", "application/json")
                .header("Cache-Control", "no-store");
            match reply.http10 {
                true => head.close().end(),
                false => reply.finish(head.chunked()),
            }
            cors.stamp(out, start);
        }
        // The head is all there is to send: the rest of the list is not looked for.
        if reply.head_only {
            return Piece::Done;
        }
        match reply.http10 {
            true => out.extend_from_slice(text),
            false => {
                if !text.is_empty() {
                    chunk::wrap(out, text.len(), |out| out.extend_from_slice(text));
                }
                if done {
                    out.extend_from_slice(chunk::LAST);
                }
            }
        }
        if done { Piece::Done } else { Piece::More }
    }
}

fn busy() -> Problem {
    Problem::new(503, "too many such requests at once").retry_after_s(1)
}
