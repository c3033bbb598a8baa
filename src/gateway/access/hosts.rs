//! Which names the server goes by: the allow-list for `Host`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::gateway::access::BadValue;

/// The names that requests may be for.
#[derive(Debug)]
pub(in crate::gateway) struct HostPolicy {
    /// Names that the configuration adds, in lower case, each for all ports or for one.
    allowed: Vec<(String, Option<u16>)>,
    /// Addresses listened on: who names one of them needs no resolver.
    listened: Vec<IpAddr>,
    checked: Checked,
}

/// The names that are good beside those that are allowed and those of loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checked {
    /// All.
    Nothing,
    /// For who comes over loopback, none; for others, what no stranger can point at this machine.
    Unnamed { loopback: bool },
    /// None.
    Names,
}

/// Ends of names that public resolvers answer with nothing (RFC 6761, 6762, 8375, and ICANN's
/// reservation of `.internal`), and of the names that a cluster gives its services (`NAME.NAMESPACE.svc`), which no
/// public registry has. `NAME.NAMESPACE` alone is not among them: a namespace may be called like a public domain.
const PRIVATE_ENDS: [&str; 6] = ["localhost", "local", "internal", "test", "svc", "home.arpa"];

/// The host and port of a `Host` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Authority<'a> {
    pub(in crate::gateway) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Takes apart what the parser has found to be `host [":" port]`.
    pub(in crate::gateway) fn of(text: &'a str) -> Self {
        let (host, port) = match text.rsplit_once(':') {
            // `[::1]` has colons, and no port.
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (text, None),
        };
        Self { host, port }
    }

    fn ip(&self) -> Option<IpAddr> {
        let inside = self.host.strip_prefix('[').map(|v6| v6.strip_suffix(']'));
        match inside {
            Some(v6) => v6?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => self.host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        }
    }

    fn is_loopback(&self) -> bool {
        match self.ip() {
            Some(ip) => ip.is_loopback(),
            None => self.name().eq_ignore_ascii_case("localhost"),
        }
    }

    /// Returns whether this is an address, or a name that is not to be had in the public DNS: whoever asks for
    /// such a host was not led here by a resolver that an attacker controls.
    fn is_private(&self) -> bool {
        let name = self.name().to_ascii_lowercase();
        let ends = |end: &&str| {
            name.strip_suffix(*end)
                .is_some_and(|rest| rest.ends_with('.'))
        };
        self.ip().is_some() || !name.contains('.') || PRIVATE_ENDS.iter().any(ends)
    }

    /// The host without the dot that says that it is whole.
    fn name(&self) -> &'a str {
        self.host.strip_suffix('.').unwrap_or(self.host)
    }
}

impl HostPolicy {
    /// Makes the policy for these listeners. With names, every request must be for one of them or for
    /// loopback. Without, a listener on loopback answers to loopback's names, and any other to
    /// addresses and to names that nobody can have in the public DNS. `*` allows everything.
    ///
    /// # Errors
    ///
    /// The name that is none, and why.
    pub(in crate::gateway) fn new(
        listen: &[SocketAddr],
        names: &[String],
    ) -> Result<Self, BadValue> {
        let mut allowed = Vec::new();
        for name in names.iter().filter(|name| *name != "*") {
            allowed.push(entry(name).map_err(|why| BadValue::new(name, why))?);
        }
        let checked = if names.iter().any(|name| name == "*") {
            Checked::Nothing
        } else if !names.is_empty() {
            Checked::Names
        } else {
            let loopback = listen.iter().any(|address| address.ip().is_loopback());
            Checked::Unnamed { loopback }
        };
        let listened = listen.iter().map(SocketAddr::ip).collect();
        Ok(Self {
            allowed,
            listened,
            checked,
        })
    }

    /// Allows one more name, in lower case or not, for all ports.
    pub(in crate::gateway) fn also_allow(&mut self, name: &str) {
        self.allowed.push((name.to_ascii_lowercase(), None));
    }

    /// Returns whether a request for `authority` may come in from `peer`.
    pub(super) fn allows(&self, authority: &Authority<'_>, peer: IpAddr) -> bool {
        // Loopback and the addresses listened on are good in any case: no public resolver has to be asked
        // for them, so none can have deceived whoever names one.
        let more = match self.checked {
            Checked::Nothing => true,
            Checked::Unnamed { loopback: true } if peer.to_canonical().is_loopback() => false,
            Checked::Unnamed { .. } => authority.is_private(),
            Checked::Names => false,
        };
        more || authority.is_loopback()
            || authority.ip().is_some_and(|ip| self.listened.contains(&ip))
            || self.allowed.iter().any(|(host, port)| {
                authority.host.eq_ignore_ascii_case(host)
                    && (port.is_none() || authority.port == *port)
            })
    }

    /// Returns whether others than this machine's own users reach the server, and no name was given.
    pub(in crate::gateway) fn is_exposed_unnamed(&self) -> bool {
        matches!(self.checked, Checked::Unnamed { .. })
            && self
                .listened
                .iter()
                .any(|ip| !ip.to_canonical().is_loopback())
    }
}

fn entry(name: &str) -> Result<(String, Option<u16>), &'static str> {
    const NO_NAME: &str = "must be a host name or address, with or without a port";
    if name.contains("//") {
        return Err("must be a host name without a scheme");
    }
    let authority = Authority::of(name);
    let reg_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let named = !authority.host.is_empty() && authority.host.bytes().all(reg_name);
    let port_is_there = name.len() > authority.host.len();
    if !(named || authority.ip().is_some()) || (port_is_there && authority.port.is_none()) {
        return Err(NO_NAME);
    }
    Ok((authority.host.to_ascii_lowercase(), authority.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn policy(listen: &str, names: &[&str]) -> HostPolicy {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        HostPolicy::new(&[listen.parse().unwrap()], &names).unwrap()
    }

    fn allows(policy: &HostPolicy, host: &str, peer: IpAddr) -> bool {
        policy.allows(&Authority::of(host), peer)
    }

    #[test]
    fn loopback_goes_by_its_own_names_only() {
        let policy = policy("127.0.0.1:8080", &[]);
        for good in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:8080",
        ] {
            assert!(allows(&policy, good, LOOPBACK), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evillocalhost",
            "192.0.2.1",
            "[::2]",
            "0.0.0.0",
            "127.1",
        ] {
            assert!(!allows(&policy, bad, LOOPBACK), "{bad}");
        }
    }

    #[test]
    fn names_that_the_config_adds_hold_for_everybody() {
        let policy = policy(
            "0.0.0.0:8080",
            &["Events.example", "other.example:81", "[2001:db8::1]"],
        );
        for (host, may) in [
            ("events.EXAMPLE", true),
            ("events.example:9999", true),
            ("other.example:81", true),
            ("other.example", false),
            ("[2001:db8::1]:8080", true),
            ("localhost:8080", true),
            ("evil.example", false),
        ] {
            assert_eq!(allows(&policy, host, ELSEWHERE), may, "{host}");
            assert_eq!(allows(&policy, host, LOOPBACK), may, "{host}");
        }
    }

    #[test]
    fn an_exposed_server_without_names_answers_to_no_public_name() {
        let open = policy("0.0.0.0:80", &[]);
        assert!(open.is_exposed_unnamed());
        for good in [
            "192.168.1.5:80",
            "[fe80::1]:80",
            "localhost",
            "eventring",
            "eventring:8080",
            "printer.local",
            "events.default.svc.cluster.local.",
            "db.INTERNAL:8080",
            "a.home.arpa",
        ] {
            assert!(allows(&open, good, LOOPBACK), "{good}");
            assert!(allows(&open, good, ELSEWHERE), "{good}");
        }
        for bad in [
            "evil.example",
            "evil.example:80",
            "notlocal.example",
            "a.nolocal",
            "1.2.3",
            "127.1",
        ] {
            assert!(!allows(&open, bad, LOOPBACK), "{bad}");
            assert!(!allows(&open, bad, ELSEWHERE), "{bad}");
        }
    }

    #[test]
    fn one_listener_of_two_on_loopback_is_as_strict_to_its_own_users() {
        let listen = ["127.0.0.1:80", "192.0.2.1:80"].map(|address| address.parse().unwrap());
        let both = HostPolicy::new(&listen, &[]).unwrap();
        assert!(allows(&both, "eventring", ELSEWHERE) && !allows(&both, "eventring", LOOPBACK));
        assert!(allows(&both, "192.0.2.1", LOOPBACK) && both.is_exposed_unnamed());
    }

    #[test]
    fn a_star_allows_every_name() {
        let any = policy("127.0.0.1:80", &["*"]);
        assert!(allows(&any, "any.example", LOOPBACK));
        assert!(!policy("0.0.0.0:80", &["*"]).is_exposed_unnamed());
        assert!(!policy("127.0.0.1:80", &[]).is_exposed_unnamed());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "", "http://a", "a b", "a/b", "a:b", "a:", "[::1", "a,b", "é",
        ] {
            assert!(HostPolicy::new(&[], &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
