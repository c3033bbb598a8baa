//! Published crates.
use crate::api::*;
use crate::vec_set;
use std::sync::Arc;

type Opened<T, R> = Option<(Vec<T>, Vec<R>)>;

// ---- tokio::sync::broadcast ---------------------------------------------------------------
pub struct Tokio;
use tokio::sync::broadcast as tb;
impl<P: Payload> Tx for (tb::Sender<P>,) {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        let _ = self.0.send(P::make(seq));
        true
    }
}
impl<P: Payload> Rx for (tb::Receiver<P>,) {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let mut n = 0;
        while n < max {
            match self.0.try_recv() {
                Ok(p) => f(p.seq()),
                Err(tb::error::TryRecvError::Lagged(l)) => return Drained { n, lagged: l },
                Err(_) => break,
            }
            n += 1;
        }
        Drained { n, lagged: 0 }
    }
    fn recv(&mut self) -> u64 {
        self.0.blocking_recv().map(|p| p.seq()).unwrap()
    }
}
impl<P: Payload> Contender<P> for Tokio {
    const NAME: &'static str = "tokio broadcast";
    const LOSSY: bool = true;
    const PARKS: bool = true;
    type Tx = (tb::Sender<P>,);
    type Rx = (tb::Receiver<P>,);
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        let t = tb::Sender::new(cap);
        let rx = (0..n).map(|_| (t.subscribe(),)).collect();
        Some(((0..p).map(|_| (t.clone(),)).collect(), rx))
    }
}

// ---- disruptor -----------------------------------------------------------------------------
pub struct Disruptor;
use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, MultiProducer, MultiProducerBarrier, Producer,
    SingleConsumerBarrier, SingleProducer, SingleProducerBarrier,
};
pub enum DTx<P> {
    One(SingleProducer<P, SingleConsumerBarrier>),
    Many(SingleProducer<P, MultiConsumerBarrier>),
    MpOne(MultiProducer<P, SingleConsumerBarrier>),
    MpMany(MultiProducer<P, MultiConsumerBarrier>),
}
macro_rules! each {
    ($s:expr, $p:ident => $e:expr) => {
        match $s {
            DTx::One($p) => $e,
            DTx::Many($p) => $e,
            DTx::MpOne($p) => $e,
            DTx::MpMany($p) => $e,
        }
    };
}
impl<P: Payload> Tx for DTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        each!(self, p => p.try_publish(|e| *e = P::make(seq)).is_ok())
    }
    #[inline(always)]
    fn push_batch(&mut self, seq: u64, n: usize) -> usize {
        each!(self, p => p.try_batch_publish(n, |it| {
            for (i, e) in it.enumerate() { *e = P::make(seq + i as u64) }
        }).map_or(0, |_| n))
    }
}
pub enum DRx<P> {
    S(EventPoller<P, SingleProducerBarrier>),
    M(EventPoller<P, MultiProducerBarrier>),
}
impl<P: Payload> Rx for DRx<P> {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        macro_rules! go {
            ($p:expr) => {{
                let mut n = 0;
                if let Ok(mut g) = $p.take(max as u64) {
                    for e in &mut g {
                        f(e.seq());
                        n += 1;
                    }
                }
                n
            }};
        }
        let n = match self {
            DRx::S(p) => go!(p),
            DRx::M(p) => go!(p),
        };
        Drained { n, lagged: 0 }
    }
}
impl<P: Payload> Contender<P> for Disruptor {
    const NAME: &'static str = "disruptor 4";
    type Tx = DTx<P>;
    type Rx = DRx<P>;
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        macro_rules! build {
            ($b:expr, $one:path, $many:path, $rx:path) => {{
                let (r, b) = $b.new_event_poller();
                let mut rx = vec![$rx(r)];
                if n == 1 {
                    ($one(b.build()), rx)
                } else {
                    let (r, mut b) = b.new_event_poller();
                    rx.push($rx(r));
                    for _ in 2..n {
                        let (r, b2) = b.new_event_poller();
                        b = b2;
                        rx.push($rx(r));
                    }
                    ($many(b.build()), rx)
                }
            }};
        }
        let mk = || P::make(0);
        if p == 1 {
            let (t, r) = build!(disruptor::build_single_producer(cap, mk, BusySpin), DTx::One, DTx::Many, DRx::S);
            Some((vec![t], r))
        } else {
            let (t, r) = build!(disruptor::build_multi_producer(cap, mk, BusySpin), DTx::MpOne, DTx::MpMany, DRx::M);
            let mut v = Vec::new();
            for _ in 1..p {
                v.push(match &t {
                    DTx::MpOne(x) => DTx::MpOne(x.clone()),
                    DTx::MpMany(x) => DTx::MpMany(x.clone()),
                    _ => unreachable!(),
                });
            }
            v.push(t);
            Some((v, r))
        }
    }
}

// ---- photon-ring: lossy, bounded, event -----------------------------------------------------
use photon_ring as ph;
pub struct PhotonLossy;
pub struct PhotonBounded;
pub struct PhotonEvent;
pub enum PhTx<P: ph::Pod> {
    S(ph::Publisher<P>),
    M(ph::MpPublisher<P>),
}
impl<P: Payload + ph::Pod> Tx for PhTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        match self {
            PhTx::S(p) => p.try_publish(P::make(seq)).is_ok(),
            PhTx::M(p) => {
                p.publish(P::make(seq));
                true
            }
        }
    }
}
impl<P: Payload + ph::Pod> Rx for (ph::Subscriber<P>,) {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let mut n = 0;
        while n < max {
            match self.0.try_recv() {
                Ok(p) => f(p.seq()),
                Err(ph::TryRecvError::Lagged { skipped }) => return Drained { n, lagged: skipped },
                Err(ph::TryRecvError::Empty) => break,
            }
            n += 1;
        }
        Drained { n, lagged: 0 }
    }
}
impl<P: Payload + ph::Pod> Contender<P> for PhotonLossy {
    const NAME: &'static str = "photon lossy";
    const LOSSY: bool = true;
    type Tx = PhTx<P>;
    type Rx = (ph::Subscriber<P>,);
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        if p == 1 {
            let (t, s) = ph::channel(cap);
            Some((vec![PhTx::S(t)], (0..n).map(|_| (s.subscribe(),)).collect()))
        } else {
            let (t, s) = ph::channel_mpmc(cap);
            Some(((0..p).map(|_| PhTx::M(t.clone())).collect(), (0..n).map(|_| (s.subscribe(),)).collect()))
        }
    }
}
impl<P: Payload + ph::Pod> Contender<P> for PhotonBounded {
    const NAME: &'static str = "photon bounded";
    type Tx = PhTx<P>;
    type Rx = (ph::Subscriber<P>,);
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        if p != 1 {
            return None;
        }
        let (t, s) = ph::channel_bounded(cap, 0);
        Some((vec![PhTx::S(t)], (0..n).map(|_| (s.subscribe(),)).collect()))
    }
}
pub struct PeTx<P>(ph::EventPublisher<P>);
pub struct PeRx<P>(ph::EventSubscriber<P>);
impl<P: Payload> Tx for PeTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        self.0.try_publish(|e| *e = P::make(seq))
    }
}
impl<P: Payload> Rx for PeRx<P> {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let mut n = 0;
        while n < max && self.0.process(|e| f(e.seq())).is_some() {
            n += 1;
        }
        Drained { n, lagged: 0 }
    }
}
impl<P: Payload> Contender<P> for PhotonEvent {
    const NAME: &'static str = "photon event";
    type Tx = PeTx<P>;
    type Rx = PeRx<P>;
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        if p != 1 {
            return None;
        }
        let (t, s) = ph::event_channel(cap, || P::make(0));
        Some((vec![PeTx(t)], (0..n).map(|_| PeRx(s.subscribe())).collect()))
    }
}

// ---- bus ---------------------------------------------------------------------------------------
pub struct BusPeer;
pub struct BTx<P>(bus::Bus<P>, Option<P>);
impl<P: Payload> Tx for BTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        let v = self.1.take().unwrap_or_else(|| P::make(seq));
        match self.0.try_broadcast(v) {
            Ok(()) => true,
            Err(v) => {
                self.1 = Some(v);
                false
            }
        }
    }
}
impl<P: Payload> Rx for (bus::BusReader<P>,) {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let mut n = 0;
        while n < max {
            match self.0.try_recv() {
                Ok(p) => f(p.seq()),
                Err(_) => break,
            }
            n += 1;
        }
        Drained { n, lagged: 0 }
    }
    fn recv(&mut self) -> u64 {
        self.0.recv().unwrap().seq()
    }
}
impl<P: Payload> Contender<P> for BusPeer {
    const NAME: &'static str = "bus";
    const PARKS: bool = true;
    type Tx = BTx<P>;
    type Rx = (bus::BusReader<P>,);
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        if p != 1 {
            return None;
        }
        let mut b = bus::Bus::new(cap);
        let rx = (0..n).map(|_| (b.add_rx(),)).collect();
        Some((vec![BTx(b, None)], rx))
    }
}

// ---- async-broadcast -----------------------------------------------------------------------------
pub struct AsyncBroadcast;
use async_broadcast as ab;
pub struct AbTx<P>(ab::Sender<P>, Option<P>);
impl<P: Payload> Tx for AbTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        let v = self.1.take().unwrap_or_else(|| P::make(seq));
        match self.0.try_broadcast(v) {
            Ok(_) => true,
            Err(e) => {
                self.1 = Some(e.into_inner());
                false
            }
        }
    }
}
impl<P: Payload> Rx for (ab::Receiver<P>,) {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let mut n = 0;
        while n < max {
            match self.0.try_recv() {
                Ok(p) => f(p.seq()),
                Err(_) => break,
            }
            n += 1;
        }
        Drained { n, lagged: 0 }
    }
    fn recv(&mut self) -> u64 {
        self.0.recv_blocking().unwrap().seq()
    }
}
impl<P: Payload> Contender<P> for AsyncBroadcast {
    const NAME: &'static str = "async-broadcast";
    const PARKS: bool = true;
    type Tx = AbTx<P>;
    type Rx = (ab::Receiver<P>,);
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        let (t, r) = ab::broadcast(cap);
        let mut rx: Vec<_> = (1..n).map(|_| (r.clone(),)).collect();
        rx.push((r,));
        Some(((0..p).map(|_| AbTx(t.clone(), None)).collect(), rx))
    }
}

// ---- N queues -------------------------------------------------------------------------------------------------
macro_rules! nqueues {
    ($c:ident, $name:literal, $S:ty, $R:ty, $new:expr, $try:expr, $recv:expr, $block:expr, $mp:expr) => {
        pub struct $c;
        const _: () = {
            pub struct NTx<P>(Arc<Vec<$S>>, usize, Option<P>);
            pub struct NRx<P>($R, std::marker::PhantomData<P>);
            impl<P: Payload> Tx for NTx<P> {
                #[inline(always)]
                fn push(&mut self, seq: u64) -> bool {
                    let v = self.2.take().unwrap_or_else(|| P::make(seq));
                    let last = self.0.len() - 1;
                    while self.1 < last {
                        if !$try(&self.0[self.1], v.clone()) {
                            self.2 = Some(v);
                            return false;
                        }
                        self.1 += 1;
                    }
                    if !$try(&self.0[last], v) {
                        return false;
                    }
                    self.1 = 0;
                    true
                }
            }
            impl<P: Payload> Rx for NRx<P> {
                #[inline(always)]
                fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
                    let mut n = 0;
                    while n < max {
                        match $recv(&mut self.0) {
                            Some(p) => f(P::seq(&p)),
                            None => break,
                        }
                        n += 1;
                    }
                    Drained { n, lagged: 0 }
                }
                fn recv(&mut self) -> u64 {
                    P::seq(&$block(&mut self.0))
                }
            }
            impl<P: Payload> Contender<P> for $c {
                const NAME: &'static str = $name;
                const PARKS: bool = true;
                type Tx = NTx<P>;
                type Rx = NRx<P>;
                vec_set!(P);
                fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
                    if p > 1 && !$mp {
                        return None;
                    }
                    let (t, r): (Vec<_>, Vec<_>) = (0..n).map(|_| $new(cap)).unzip();
                    let t = Arc::new(t);
                    Some((
                        (0..p).map(|_| NTx(t.clone(), 0, None)).collect(),
                        r.into_iter().map(|r| NRx(r, std::marker::PhantomData)).collect(),
                    ))
                }
            }
        };
    };
}
nqueues!(Crossbeam, "crossbeam-channel xN", crossbeam_channel::Sender<P>, crossbeam_channel::Receiver<P>,
    crossbeam_channel::bounded, |t: &crossbeam_channel::Sender<P>, v| t.try_send(v).is_ok(),
    |r: &mut crossbeam_channel::Receiver<P>| r.try_recv().ok(), |r: &mut crossbeam_channel::Receiver<P>| r.recv().unwrap(), true);

// ---- rtrb xN (SPSC; the floor of a queue per consumer) ---------------------------------------------------------
pub struct Rtrb;
pub struct RtTx<P>(Vec<rtrb::Producer<P>>, usize, Option<P>);
pub struct RtRx<P>(rtrb::Consumer<P>);
impl<P: Payload> Tx for RtTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        let v = self.2.take().unwrap_or_else(|| P::make(seq));
        let last = self.0.len() - 1;
        while self.1 < last {
            if self.0[self.1].push(v.clone()).is_err() {
                self.2 = Some(v);
                return false;
            }
            self.1 += 1;
        }
        match self.0[last].push(v) {
            Ok(()) => {
                self.1 = 0;
                true
            }
            Err(rtrb::PushError::Full(v)) => {
                self.2 = Some(v);
                false
            }
        }
    }
}
impl<P: Payload> Rx for RtRx<P> {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let mut n = 0;
        while n < max {
            match self.0.pop() {
                Ok(p) => f(p.seq()),
                Err(_) => break,
            }
            n += 1;
        }
        Drained { n, lagged: 0 }
    }
}
impl<P: Payload> Contender<P> for Rtrb {
    const NAME: &'static str = "rtrb xN";
    type Tx = RtTx<P>;
    type Rx = RtRx<P>;
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Opened<Self::Tx, Self::Rx> {
        if p != 1 {
            return None;
        }
        let (t, r): (Vec<_>, Vec<_>) = (0..n).map(|_| rtrb::RingBuffer::new(cap)).unzip();
        Some((vec![RtTx(t, 0, None)], r.into_iter().map(RtRx).collect()))
    }
}
