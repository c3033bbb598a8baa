//! Faults of the disk, and what becomes of what was acknowledged.

mod sqlite;
