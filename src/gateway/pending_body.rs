//! Requests whose bodies arrive, by who takes them.

use crate::gateway::access::Cors;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::whole_body::WholeBody;
use crate::gateway::publish::Publish;

/// A request whose body is arriving.
pub(crate) enum PendingBody {
    Publish(Publish),
    Whole(WholeBody),
}

impl PendingBody {
    pub(in crate::gateway) fn cors(&self) -> &Cors {
        match self {
            Self::Publish(publish) => publish.cors(),
            Self::Whole(whole) => whole.cors(),
        }
    }

    pub(in crate::gateway) fn kind(&self) -> RouteKind {
        match self {
            Self::Publish(_) => RouteKind::Publish,
            Self::Whole(whole) => whole.kind(),
        }
    }
}
