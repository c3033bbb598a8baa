//! Faults of the disk, and what becomes of what was acknowledged.

mod damage;
mod directory;
mod flush;
mod judge;
mod power;
mod script;
mod space;
mod sqlite;
