//! actix-web with one worker: a frame is made once, and each client has a queue of frames.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::web::{Bytes, Data, get, post};
use actix_web::{App, Error, HttpResponse, HttpServer};
use futures_util::StreamExt;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, channel};

/// Frames that a client may be behind.
const CAPACITY: usize = 256;

#[derive(Default)]
struct Clients {
    all: Mutex<Vec<Sender<Bytes>>>,
    next: AtomicU64,
}

pub fn serve(address: SocketAddr) {
    let clients = Data::new(Clients::default());
    let app = move || {
        let app = App::new().app_data(clients.clone());
        app.route(super::EVENTS, post().to(publish))
            .route(super::STREAM, get().to(stream))
    };
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(app).workers(1).backlog(super::BACKLOG);
        let server = server.max_connections(20_000).bind(address);
        let server = server.expect("a free port");
        super::listening(server.addrs()[0]);
        server.run().await.expect("a server");
    });
}

async fn publish(clients: Data<Clients>, body: Bytes) -> HttpResponse {
    let id = clients.next.fetch_add(1, Ordering::Relaxed);
    let frame = [format!("id: {id}\ndata: ").as_bytes(), &body, b"\n\n"].concat();
    let frame = Bytes::from(frame);
    let mut all = clients.all.lock().expect("no panic");
    all.retain(|client| !matches!(client.try_send(frame.clone()), Err(TrySendError::Closed(_))));
    HttpResponse::Ok().body("ok")
}

async fn stream(clients: Data<Clients>) -> HttpResponse {
    let (sender, receiver) = channel(CAPACITY);
    clients.all.lock().expect("no panic").push(sender);
    let frames = futures_util::stream::unfold(receiver, async |mut receiver| {
        let frame = receiver.recv().await?;
        Some((frame, receiver))
    });
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/event-stream");
    answer.insert_header(("Cache-Control", "no-cache"));
    answer.streaming(frames.map(Ok::<_, Error>))
}
