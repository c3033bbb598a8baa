//! Requests: routes, their parameters, dispatch, and problems as answers.

pub(in crate::gateway) mod dispatch;
mod health;
mod index;
pub(in crate::gateway) mod openapi;
pub(in crate::gateway) mod pending_body;
pub(in crate::gateway) mod problem;
pub(in crate::gateway) mod query;
mod requests;
pub(in crate::gateway) mod response;
pub(in crate::gateway) mod route;
pub(in crate::gateway) mod router;
mod routes;
