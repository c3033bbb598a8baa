//! The hub: the object a program embeds.
#![forbid(unsafe_code)]
