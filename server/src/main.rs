//! The eventring server.
fn main() {}
