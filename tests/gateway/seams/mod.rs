//! The two seams of the gateway: requests whose authorizer answers later, and answers that wait for an outcome.

mod authorization;
mod decisions;
mod served;
