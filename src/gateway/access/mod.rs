//! Who may ask for what: authorizer, hosts, origins, and the client behind proxies.

mod authorization;
mod authorizer;
mod bad_value;
mod hosts;
mod origin_check;
mod origins;
mod proxies;
pub(in crate::gateway) mod public_url;
mod ticket;

pub(in crate::gateway) use self::authorization::{AccessError, Authorization};
pub(in crate::gateway) use self::authorizer::Access;
pub use self::authorizer::{
    AccessRequest, Action, AllowAll, Authorizer, Decision, Denied, Principal,
};
pub(in crate::gateway) use self::bad_value::BadValue;
pub(in crate::gateway) use self::hosts::{Authority, HostPolicy};
pub(in crate::gateway) use self::origin_check::{Cors, OriginCheck, OriginFault};
pub(in crate::gateway) use self::origins::Origins;
pub(in crate::gateway) use self::proxies::Proxies;
pub(in crate::gateway) use self::ticket::Grant;
pub use self::ticket::Ticket;
