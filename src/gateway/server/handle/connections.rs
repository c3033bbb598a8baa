//! Endpoints and connections, as a program that embeds the server deals with them.

use std::sync::{Arc, MutexGuard, mpsc};
use std::time::Duration;

use thiserror::Error;

use crate::event::{AsEvent, Filter};
use crate::gateway::admin::commands::Reactors;
use crate::gateway::admin::connections::{
    Broadcast, Command, CommandResult, ConnectionInfo, NamedConnection, Target,
};
use crate::gateway::admin::endpoint_path::EndpointError;
use crate::gateway::admin::endpoints::{EndpointInfo, Endpoints};
use crate::gateway::admin::listing::ConnectionWalk;
use crate::gateway::admin::state::{Change, Row, Table};
use crate::gateway::server::handle::ServerHandle;
use crate::gateway::stream::options::StreamOptions;
use crate::net::DisconnectReason;

/// Connections that the program is told about in one go.
const PAGE: usize = 64;
/// Longest time that a server may take to answer its own program.
const ANSWER: Duration = Duration::from_secs(5);

/// A server did not answer: it has stopped, nobody drives it, or the question came from the thread that
/// drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the server does not answer")]
pub struct NotServing;

/// Endpoints and connections. What asks connections waits for the server's threads, five seconds at
/// most: do not ask from a thread that drives one.
impl ServerHandle {
    /// Makes an endpoint: streams of `filter` at `path`, which clients can narrow down by `topic=`. Where the hub has a
    /// journal, it is there again when the server is; this waits for that.
    ///
    /// # Examples
    ///
    /// ```
    /// use eventring::event::Filter;
    /// use eventring::gateway::{Server, ServerConfig, SlowPolicy, StreamOptions};
    /// use eventring::hub::Hub;
    ///
    /// let hub = Hub::new();
    /// let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let server = Server::bind(&hub, config)?.spawn()?;
    /// let options = StreamOptions::default().slow(SlowPolicy::Latest);
    /// server.handle().create_endpoint("/prices", Filter::parse(["prices.>"])?, options)?;
    /// println!("curl -N http://{}/prices", server.addr());
    /// server.handle().remove_endpoint("/prices")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EndpointError`] names the path or the option, or says that it could not be kept; then nothing has changed, unless
    /// that is [`TransactError::TimedOut`](crate::hub::TransactError::TimedOut): then it is there until it is known to fail.
    pub fn create_endpoint(
        &self,
        path: &str,
        filter: Filter,
        options: StreamOptions,
    ) -> Result<(), EndpointError> {
        let endpoints = &self.shared.endpoints;
        let turn = endpoints.turn();
        let group = endpoints.create(path, filter.clone(), options)?;
        let change = Change::Put(Table::Endpoints, path.to_owned(), Row { filter, options });
        let path = path.to_owned();
        self.keep(turn, change, move |endpoints| {
            endpoints.undo_create(&path, group);
        })
    }

    /// Removes an endpoint. Its clients get a `disconnect` event, and 404 when they come back.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Unknown`]; [`EndpointError::NotKept`] if it is gone and comes back when the server starts again.
    pub fn remove_endpoint(&self, path: &str) -> Result<(), EndpointError> {
        let endpoints = &self.shared.endpoints;
        let turn = endpoints.turn();
        let group = endpoints.remove(path)?;
        let command = Command::End(Target::Group(group), DisconnectReason::Removed);
        // A server that does not run has no clients to end.
        let _ = self.shared.commands.send(Reactors::All, command, || {});
        self.keep(turn, Change::delete(Table::Endpoints, path), |_| {})
    }

    /// The endpoints that were made, by path.
    pub fn endpoints(&self) -> Vec<EndpointInfo> {
        self.shared.endpoints.endpoints()
    }

    /// Makes a connection for a client that will come to `/api/v1/connections/{id}/stream`; returns its
    /// id. It is forgotten when nobody has come for five minutes. Where the hub has a journal, a restart does not end it.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] names the option, or the limit on such connections, or says that it could not be kept.
    pub fn create_connection(
        &self,
        filter: Filter,
        options: StreamOptions,
    ) -> Result<String, EndpointError> {
        let endpoints = &self.shared.endpoints;
        let turn = endpoints.turn();
        let id = endpoints.reserve(filter.clone(), options)?;
        let change = Change::Put(Table::Connections, id.clone(), Row { filter, options });
        let undo = {
            let id = id.clone();
            move |endpoints: &Endpoints| endpoints.undo_reserve(&id)
        };
        self.keep(turn, change, undo)?;
        Ok(id)
    }

    /// Has the journal, if there is one, take the change that was made in this `turn`, and waits for it; `undo` takes it
    /// back where it is not kept.
    fn keep(
        &self,
        turn: MutexGuard<'_, ()>,
        change: Change,
        undo: impl Fn(&Endpoints) + Clone + Send + 'static,
    ) -> Result<(), EndpointError> {
        let endpoints = &self.shared.endpoints;
        let Some(store) = endpoints.store() else {
            return Ok(());
        };
        let (registry, take_back) = (endpoints.clone(), undo.clone());
        let submitted = store.submit_to_wait(change, move || take_back(&registry));
        if submitted.is_err() {
            undo(endpoints);
        }
        // Others may change something while this one is committed.
        drop(turn);
        let kept = submitted.and_then(|pending| pending.wait());
        kept.map_err(EndpointError::NotKept)
    }

    /// All connections that receive events or were made to, by id. They are asked for in pages, so that no stream waits
    /// for it: who comes or goes meanwhile may be among them or not.
    ///
    /// # Errors
    ///
    /// [`NotServing`].
    pub fn connections(&self) -> Result<Vec<ConnectionInfo>, NotServing> {
        let (commands, endpoints) = (&self.shared.commands, &self.shared.endpoints);
        let (mut all, mut walk) = (Vec::new(), ConnectionWalk::after(""));
        while !walk.is_over() {
            // Room for the one answer: a reactor never waits for whoever asked, and may find that it has gone.
            let (done, answered) = mpsc::sync_channel(1);
            let ask = move || {
                let _ = done.try_send(());
            };
            match walk.next(PAGE, commands, endpoints, ask) {
                Some(infos) => all.extend(infos),
                // Over once the order is done, or nobody takes it.
                None => answered.recv_timeout(ANSWER).map_err(|_| NotServing)?,
            }
        }
        // A reactor that has ended meanwhile told nothing of its connections: a part must not pass for all.
        if !commands.are_open() {
            return Err(NotServing);
        }
        all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    /// Returns what is known of a connection; `None`: there is none of that id.
    ///
    /// # Errors
    ///
    /// [`NotServing`].
    pub fn connection(&self, id: &str) -> Result<Option<ConnectionInfo>, NotServing> {
        let endpoints = &self.shared.endpoints;
        if let Some(addr) = endpoints.addr_of(id) {
            let these = vec![NamedConnection {
                id: id.to_owned(),
                addr,
            }];
            let found = self.ask(Command::Look(these))?.infos.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(endpoints.last_known(id))
    }

    /// Ends a connection: its client gets a `disconnect` event. One that was made is forgotten. `false`:
    /// there is none of that id.
    ///
    /// # Errors
    ///
    /// [`NotServing`].
    pub fn disconnect(&self, id: &str) -> Result<bool, NotServing> {
        // Before it is forgotten: afterwards its id leads nowhere.
        let addr = self.shared.endpoints.addr_of(id);
        let turn = self.shared.endpoints.turn();
        let made = self.shared.endpoints.forget(id).is_some();
        if let Some(store) = self.shared.endpoints.store().filter(|_| made) {
            store.forget(Table::Connections, vec![id.to_owned()]);
        }
        drop(turn);
        let Some(addr) = addr else { return Ok(made) };
        let target = Target::These(vec![NamedConnection {
            id: id.to_owned(),
            addr,
        }]);
        let found = self.ask(Command::End(target, DisconnectReason::Disconnected))?;
        Ok(made || found.count > 0)
    }

    /// Sends an event to all streams, or to those of an endpoint, whatever their filters. It is not
    /// published: it has no position, is not kept, and who is away does not get it later.
    ///
    /// # Errors
    ///
    /// [`NotServing`]. An endpoint that is not there has no streams.
    pub fn broadcast(
        &self,
        event: impl AsEvent,
        endpoint: Option<&str>,
    ) -> Result<Broadcast, NotServing> {
        let target = match endpoint.map(|path| self.shared.endpoints.group_of(path)) {
            None => Target::All,
            Some(Some(group)) => Target::Group(group),
            Some(None) => return Ok(Broadcast::default()),
        };
        let found = self.ask(Command::Send(target, Arc::new(event.into_event())))?;
        Ok(Broadcast::of(found, Vec::new()))
    }

    /// The same for the connections of these ids; the answer names those that are not there.
    ///
    /// # Errors
    ///
    /// [`NotServing`].
    pub fn broadcast_to<S: AsRef<str>>(
        &self,
        event: impl AsEvent,
        ids: impl IntoIterator<Item = S>,
    ) -> Result<Broadcast, NotServing> {
        let ids: Vec<String> = ids.into_iter().map(|id| id.as_ref().to_owned()).collect();
        let target = Target::These(self.shared.endpoints.addrs_of(&ids));
        let found = self.ask(Command::Send(target, Arc::new(event.into_event())))?;
        Ok(Broadcast::of(found, ids))
    }

    fn ask(&self, command: Command) -> Result<CommandResult, NotServing> {
        let (done, answered) = mpsc::sync_channel(1);
        let asked = self.shared.commands.send(Reactors::All, command, move || {
            let _ = done.try_send(());
        });
        let asked = asked.map_err(|_| NotServing)?;
        answered.recv_timeout(ANSWER).map_err(|_| NotServing)?;
        Ok(asked.take())
    }
}
