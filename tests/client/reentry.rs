//! A client as a stream: its wakers are no business of the thread that reads.

use crate::hooks::{DEADLOCK, Hook, Touch, within};
use eventring::client::SseClient;
use futures::Stream;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::task::{Context, Waker};
use std::thread;
use std::time::Instant;

/// Once: the waker that was replaced was dropped under the lock that the reading thread takes. Here its
/// `Drop` has the server send something, and waits until the next waker has been told.
#[test]
fn the_waker_of_a_client_may_wait_for_the_thread_that_reads() {
    within("a client's wakers", || {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (send, asked) = channel::<()>();
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]).unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: here\n\n";
            socket.write_all(head.as_bytes()).unwrap();
            while let Ok(()) = asked.recv() {
                let _ = socket.write_all(b"data: x\n\n");
            }
        });
        let url = format!("http://127.0.0.1:{port}/");
        let mut items = SseClient::open(&url).unwrap().into_stream().unwrap();
        let told = Hook::new(|| ());
        let next = told.clone();
        let replaced = Hook::new(move || {
            if next.count(Touch::Cloned) == 0 {
                return;
            }
            let _ = send.send(());
            let deadline = Instant::now() + DEADLOCK / 3;
            while next.count(Touch::Called) == 0 {
                assert!(Instant::now() < deadline, "the thread that reads waits");
                thread::yield_now();
            }
        });
        let mut poll = |waker: &Waker| {
            let mut cx = Context::from_waker(waker);
            Pin::new(&mut items).poll_next(&mut cx).is_ready()
        };
        let deadline = Instant::now() + DEADLOCK;
        while !poll(Waker::noop()) {
            assert!(Instant::now() < deadline, "it connects");
            thread::yield_now();
        }
        assert!(!poll(&replaced.waker()));
        assert!(!poll(&told.waker()));
        told.assert_touched(&[Touch::Called]);
        replaced.rest();
        drop(items);
        server.join().unwrap();
    });
}
