//! Two namespaces and a bad link between them: netem where the kernel has it, else a relay of our own.

use crate::common::skipped;
use crate::namespace::Namespace;
use crate::relay::Relay;
use crate::tun;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// What is wrong with a link, in each direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Time that a packet takes.
    pub(crate) delay: Duration,
    /// Share of the packets that never arrive, in percent.
    pub(crate) loss_percent: u32,
    /// Bytes a second; `None`: as many as come.
    pub(crate) rate: Option<u64>,
}

/// Packets on their way in each direction; more are dropped. None of the tests sends as many at once.
pub(crate) const PACKETS_MAX: usize = 20_000;

/// The link; dropped, it is gone with both namespaces.
pub(crate) struct Link {
    /// Where the server is, and who publishes.
    pub(crate) near: Namespace,
    /// Where the readers are.
    pub(crate) far: Namespace,
    fault: Fault,
    relay: Option<Relay>,
}

/// Addresses for documentation: nothing outside has them.
const NEAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

impl Link {
    /// Lays it and makes sure that its delay is felt; `None`: not possible here, and it is said why.
    pub(crate) fn lay(fault: Fault) -> Option<Link> {
        match Link::try_lay(fault) {
            Ok(link) => {
                link.measure_delay();
                Some(link)
            }
            Err(why) => {
                skipped(&why);
                None
            }
        }
    }

    fn try_lay(fault: Fault) -> Result<Link, String> {
        let (near, far) = (Namespace::make()?, Namespace::make()?);
        for namespace in [&near, &far] {
            // Every kernel has it, and every namespace may.
            namespace.set("tcp_congestion_control", "reno")?;
            // No connection learns from those before it.
            namespace.set("tcp_no_metrics_save", "1")?;
        }
        let relay = match veth_with_netem(&near, &far, fault) {
            Ok(()) => None,
            Err(_) => Some(relayed(&near, &far, fault)?),
        };
        for (namespace, own, peer) in [(&near, NEAR, FAR), (&far, FAR, NEAR)] {
            namespace.run("ip", &format!("addr add {own} peer {peer} dev wan"))?;
            let queue = format!("link set wan mtu 1500 txqueuelen {PACKETS_MAX} up");
            namespace.run("ip", &queue)?;
        }
        Ok(Link {
            near,
            far,
            fault,
            relay,
        })
    }

    /// Where a server listens that is to be reached over the link.
    pub(crate) fn listen(&self) -> String {
        SocketAddr::from((NEAR, 0)).to_string()
    }

    /// Packets that the relay has dropped; `None`: netem counts its own.
    pub(crate) fn dropped(&self) -> Option<u64> {
        self.relay.as_ref().map(Relay::dropped)
    }

    /// Sees that to connect takes both delays; it may take longer.
    fn measure_delay(&self) {
        let address = SocketAddr::from((NEAR, 0));
        let listener = self.near.inside(|| TcpListener::bind(address));
        let listener = listener.expect("an address of ours");
        let address = listener.local_addr().expect("it is bound");
        let began = Instant::now();
        let connected = self.far.inside(|| TcpStream::connect(address));
        connected.expect("the link carries packets");
        let took = began.elapsed();
        assert!(took >= 2 * self.fault.delay, "no delay: {took:?}");
    }
}

fn veth_with_netem(near: &Namespace, far: &Namespace, fault: Fault) -> Result<(), String> {
    let pair = format!("link add wan type veth peer name wan netns {}", far.path());
    near.run("ip", &pair)?;
    let delay = fault.delay.as_millis();
    let loss = fault.loss_percent;
    let mut netem =
        format!("qdisc add dev wan root netem limit {PACKETS_MAX} delay {delay}ms loss {loss}%");
    if let Some(rate) = fault.rate {
        netem.push_str(&format!(" rate {}bit", rate * 8));
    }
    let both = [near, far].into_iter().try_for_each(|namespace| {
        // A packet of netem is one on the wire.
        namespace.run("ip", "link set wan gso_max_segs 1")?;
        namespace.run("tc", &netem)
    });
    if both.is_err() {
        near.run("ip", "link del wan")?;
    }
    both
}

fn relayed(near: &Namespace, far: &Namespace, fault: Fault) -> Result<Relay, String> {
    let ends = [near, far].map(|namespace| namespace.inside(|| tun::make("wan")));
    let [a, b] = ends.map(|end| end.map_err(|error| format!("no netem, and no TUN: {error}")));
    Ok(Relay::start([a?, b?], fault))
}
