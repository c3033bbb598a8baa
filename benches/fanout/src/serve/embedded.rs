//! eventring inside a program, with one reactor.

use std::net::SocketAddr;

use eventring::gateway::{Server, ServerConfig};
use eventring::hub::Hub;

pub fn serve(address: SocketAddr) {
    let config = ServerConfig::default().listen(address).reactors(1);
    let server = Server::bind(&Hub::new(), config).expect("a free port");
    super::listening(server.local_addrs()[0]);
    server.run().expect("a server");
}
