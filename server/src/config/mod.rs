//! Settings of the server from flags, the environment, a file and the defaults, in this order of
//! precedence; whatever is wrong in any of them is found at once.

#[cfg(any(test, fuzzing))]
pub(crate) mod any;
// The settings are driven without the commands that use them.
#[cfg(not(fuzzing))]
mod check;
mod cross_checks;
mod definition;
mod fault;
mod file;
mod layers;
mod show;
#[cfg(test)]
mod tests;

#[cfg(not(fuzzing))]
pub(crate) use check::run as check;
pub(crate) use definition::lenient;
pub(crate) use fault::{Fault, Origin};
pub(crate) use layers::{Layers, load};
