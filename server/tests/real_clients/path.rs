//! A path to a server that passes bytes on until it is cut; who comes back finds it whole.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The clients' ends of what is open.
type Open = Arc<Mutex<Vec<TcpStream>>>;

/// The path.
pub(crate) struct Path {
    pub(crate) address: SocketAddr,
    open: Open,
}

impl Path {
    /// Makes one that leads to `server`.
    pub(crate) fn to(server: SocketAddr) -> Path {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let open = Open::default();
        let all = open.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(server) {
                    pass_on(&client, &server);
                    pass_on(&server, &client);
                    all.lock().expect("no panic elsewhere").push(client);
                }
            }
        });
        Path { address, open }
    }

    /// Ends all connections without a word; what was under way is lost.
    pub(crate) fn cut(&self) {
        for client in self.open.lock().expect("no panic elsewhere").drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

/// Copies one way in a thread of its own; when that ends, both ways end.
fn pass_on(from: &TcpStream, to: &TcpStream) {
    let both = (from.try_clone(), to.try_clone());
    let (mut from, mut to) = (both.0.expect("a clone"), both.1.expect("a clone"));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
