//! Our own ring, in the shapes in which it is used.
use crate::api::*;
use crate::vec_set;
use eventring::ring::{
    Builder, CursorId, LaneGroup, Overflow, Publisher, ReaderGroup, SharedPublisher, Start, Subscriber,
};
use parking_lot::Mutex as PlMutex;
use std::sync::{Arc, Mutex};

pub struct EvTx<P>(Publisher<P>);
impl<P: Payload> Tx for EvTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        self.0.publish_with(|slot| slot.set(P::make(seq))).is_ok()
    }
    #[inline(always)]
    fn push_batch(&mut self, seq: u64, n: usize) -> usize {
        let done = self
            .0
            .publish_batch_with(n, |i, slot| slot.set(P::make(seq + i as u64)));
        done.map_or(0, |_| n)
    }
}
pub struct EvRx<P>(Subscriber<P>);
impl<P: Payload> Rx for EvRx<P> {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let before = self.0.position();
        let read = self.0.drain(max, |_, values| values.iter().for_each(|value| f(value.seq())));
        match read {
            Ok(n) => Drained { n, lagged: 0 },
            Err(_) => Drained { n: 0, lagged: self.0.position() - before },
        }
    }
    fn recv(&mut self) -> u64 {
        self.0.recv().map(|value| value.seq()).expect("it is open")
    }
}
pub struct EvSet<P> {
    group: ReaderGroup<P>,
    ids: Vec<CursorId>,
    lossy: bool,
    min: u64,
}
impl<P: Payload> Set for EvSet<P> {
    #[inline(always)]
    fn round(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Round {
        let round = self.group.drain(max, |_, _, values| values.iter().for_each(|value| f(value.seq())));
        if self.lossy && round.read + round.missed != 0 {
            self.min = self.ids.iter().filter_map(|&id| self.group.position(id)).min().unwrap_or(0);
        }
        Round { delivered: round.read, lagged: round.missed, min: self.min }
    }
}
pub struct Gated;
pub struct Lossy;
pub struct GatedGroup;
pub struct LossyGroup;
fn builder(cap: usize, gated: bool) -> Builder {
    Builder::new(cap).overflow(if gated { Overflow::Reject } else { Overflow::Overwrite })
}
macro_rules! single {
    ($c:ty, $name:literal, $gated:literal, $subscribe:ident) => {
        impl<P: Payload> Contender<P> for $c {
            const NAME: &'static str = $name;
            const LOSSY: bool = !$gated;
            const PARKS: bool = true;
            type Tx = EvTx<P>;
            type Rx = EvRx<P>;
            vec_set!(P);
            fn open(cap: usize, p: usize, n: usize) -> Option<(Vec<Self::Tx>, Vec<Self::Rx>)> {
                let (publisher, ring) = builder(cap, $gated).build().ok()?;
                let rx = (0..n).map(|_| EvRx(ring.$subscribe(Start::Newest).unwrap()));
                (p == 1).then(|| (vec![EvTx(publisher)], rx.collect()))
            }
        }
    };
}
single!(Gated, "eventring gated", true, subscribe_gated);
single!(Lossy, "eventring lossy", false, subscribe);
macro_rules! group {
    ($c:ty, $name:literal, $gated:literal, $group:ident) => {
        impl<P: Payload> Contender<P> for $c {
            const NAME: &'static str = $name;
            const LOSSY: bool = !$gated;
            type Tx = EvTx<P>;
            type Rx = EvRx<P>;
            type Set = EvSet<P>;
            fn open(_: usize, _: usize, _: usize) -> Option<(Vec<Self::Tx>, Vec<Self::Rx>)> {
                None
            }
            fn open_set(cap: usize, p: usize, n: usize) -> Option<(Vec<Self::Tx>, Self::Set)> {
                if p != 1 || n < 2 {
                    return None;
                }
                let (publisher, ring) = builder(cap, $gated).build().ok()?;
                let mut group = ring.$group().ok()?;
                let ids = (0..n).map(|_| group.add(Start::Newest).unwrap()).collect();
                Some((vec![EvTx(publisher)], EvSet { group, ids, lossy: !$gated, min: 0 }))
            }
        }
    };
}
group!(GatedGroup, "eventring gated group", true, group_gated);
group!(LossyGroup, "eventring lossy group", false, group);

pub struct Shared;
pub struct EvSharedTx<P>(SharedPublisher<P>, Vec<P>);
impl<P: Payload> Tx for EvSharedTx<P> {
    #[inline(always)]
    fn push(&mut self, seq: u64) -> bool {
        self.0.try_publish(P::make(seq)).is_ok()
    }
    #[inline(always)]
    fn push_batch(&mut self, seq: u64, n: usize) -> usize {
        self.1.clear();
        self.1.extend((0..n).map(|i| P::make(seq + i as u64)));
        self.0.publish_batch(&mut self.1).map_or(0, |_| n)
    }
}
impl<P: Payload> Contender<P> for Shared {
    const NAME: &'static str = "eventring shared";
    const PARKS: bool = true;
    type Tx = EvSharedTx<P>;
    type Rx = EvRx<P>;
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Option<(Vec<Self::Tx>, Vec<Self::Rx>)> {
        let (publisher, ring) = builder(cap, true).build_shared().ok()?;
        let rx = (0..n).map(|_| EvRx(ring.subscribe_gated(Start::Newest).unwrap())).collect();
        Some(((0..p).map(|_| EvSharedTx(publisher.clone(), Vec::new())).collect(), rx))
    }
}

/// A `Publisher` behind a lock.
pub struct EvLockedTx<L>(Arc<L>);
macro_rules! locked {
    ($c:ident, $name:literal, $mutex:ident, $m:ident => $lock:expr) => {
        pub struct $c;
        impl<P: Payload> Tx for EvLockedTx<$mutex<Publisher<P>>> {
            #[inline(always)]
            fn push(&mut self, seq: u64) -> bool {
                let $m = &self.0;
                $lock.publish_with(|slot| slot.set(P::make(seq))).is_ok()
            }
            #[inline(always)]
            fn push_batch(&mut self, seq: u64, n: usize) -> usize {
                let $m = &self.0;
                let mut publisher = $lock;
                let done = publisher.publish_batch_with(n, |i, slot| slot.set(P::make(seq + i as u64)));
                done.map_or(0, |_| n)
            }
        }
        impl<P: Payload> Contender<P> for $c {
            const NAME: &'static str = $name;
            type Tx = EvLockedTx<$mutex<Publisher<P>>>;
            type Rx = EvRx<P>;
            vec_set!(P);
            fn open(cap: usize, p: usize, n: usize) -> Option<(Vec<Self::Tx>, Vec<Self::Rx>)> {
                let (publisher, ring) = builder(cap, true).build().ok()?;
                let rx = (0..n).map(|_| EvRx(ring.subscribe_gated(Start::Newest).unwrap()));
                let publisher = Arc::new($mutex::new(publisher));
                (p > 1).then(|| ((0..p).map(|_| EvLockedTx(publisher.clone())).collect(), rx.collect()))
            }
        }
    };
}
locked!(StdLock, "eventring lock", Mutex, m => m.lock().unwrap());
locked!(ParkingLot, "eventring parking_lot", PlMutex, m => m.lock());

pub struct Lanes;
pub struct EvLanesRx<P>(LaneGroup<P>);
impl<P: Payload> Rx for EvLanesRx<P> {
    #[inline(always)]
    fn drain(&mut self, max: usize, f: &mut impl FnMut(u64)) -> Drained {
        let round = self.0.drain(max, |_, _, values| values.iter().for_each(|value| f(value.seq())));
        Drained { n: round.read as usize, lagged: round.missed }
    }
}
impl<P: Payload> Contender<P> for Lanes {
    const NAME: &'static str = "eventring lanes";
    type Tx = EvTx<P>;
    type Rx = EvLanesRx<P>;
    vec_set!(P);
    fn open(cap: usize, p: usize, n: usize) -> Option<(Vec<Self::Tx>, Vec<Self::Rx>)> {
        // The same memory in all as a ring that is shared.
        let (publishers, lanes) = builder(cap / p.next_power_of_two(), true).build_lanes(p).ok()?;
        let rx = (0..n).map(|_| EvLanesRx(lanes.group_gated(Start::Newest).unwrap())).collect();
        (p > 1).then(|| (publishers.into_iter().map(EvTx).collect(), rx))
    }
}

/// Waits as a task on an executor that parks at once, as tokio's `blocking_recv` does: nobody spins first.
pub struct Task;
pub struct EvTaskRx<P>(Subscriber<P>);
impl<P: Payload> Rx for EvTaskRx<P> {
    fn drain(&mut self, _: usize, _: &mut impl FnMut(u64)) -> Drained {
        unreachable!("it only waits")
    }
    fn recv(&mut self) -> u64 {
        futures_executor::block_on(self.0.recv_async()).map(|value| value.seq()).expect("it is open")
    }
}
impl<P: Payload> Contender<P> for Task {
    const NAME: &'static str = "eventring task";
    const SPINS: bool = false;
    const PARKS: bool = true;
    type Tx = EvTx<P>;
    type Rx = EvTaskRx<P>;
    type Set = VecSet<EvTaskRx<P>>;
    fn open(cap: usize, _: usize, _: usize) -> Option<(Vec<Self::Tx>, Vec<Self::Rx>)> {
        let (publisher, ring) = builder(cap, false).build().ok()?;
        Some((vec![EvTx(publisher)], vec![EvTaskRx(ring.subscribe(Start::Newest).unwrap())]))
    }
    fn open_set(_: usize, _: usize, _: usize) -> Option<(Vec<Self::Tx>, Self::Set)> {
        None
    }
}
