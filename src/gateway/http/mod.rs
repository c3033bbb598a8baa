//! Requests: routes, their parameters, dispatch, and problems as answers.

pub(in crate::gateway) mod deferred;
pub(in crate::gateway) mod dispatch;
pub(in crate::gateway) mod health;
pub(in crate::gateway) mod problem;
pub(in crate::gateway) mod query;
mod requests;
pub(in crate::gateway) mod response;
pub(in crate::gateway) mod routes;
