//! Requests: routes, their parameters, dispatch, and problems as answers.

pub(in crate::gateway) mod body;
pub(in crate::gateway) mod health;
pub(in crate::gateway) mod index;
pub(in crate::gateway) mod openapi;
pub(in crate::gateway) mod pending_answer;
pub(in crate::gateway) mod preflight;
pub(in crate::gateway) mod problem;
pub(in crate::gateway) mod query;
pub(in crate::gateway) mod response;
pub(in crate::gateway) mod route;
pub(in crate::gateway) mod router;
pub(in crate::gateway) mod whole_body;
