//! std or loom: the only file that says `cfg(loom)`.
