//! The reactor: sockets, frame logs, timers on one thread.
