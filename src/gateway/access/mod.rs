//! Who may ask for what: authorizer, hosts, origins, and the client behind proxies.

pub(in crate::gateway) mod authorization;
pub(in crate::gateway) mod authorizer;
pub(in crate::gateway) mod hosts;
pub(in crate::gateway) mod origin_check;
pub(in crate::gateway) mod origins;
pub(in crate::gateway) mod proxies;
pub(in crate::gateway) mod public_url;
pub(in crate::gateway) mod ticket;
