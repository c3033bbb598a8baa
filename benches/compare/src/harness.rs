//! Workloads, each generic over the contender. All times are taken inside the threads that work.
use crate::api::*;
use std::hint::{black_box, spin_loop};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

pub const CAP: usize = 1024;
const MAX: usize = 256;
const PERMITS: u64 = 32;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// One reactor thread polls all consumers; producers on their own threads.
    Reactor,
    /// One thread does both: publish `batch`, then one round.
    Burst,
}
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub shape: Shape,
    pub producers: usize,
    pub consumers: usize,
    /// Messages handed to one `push_batch`; 1 = `push`. In `Burst` the length of the burst.
    pub batch: usize,
}
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub secs: f64,
    pub deliveries: u64,
    pub lagged: u64,
    pub cpu: f64,
}

pub fn pin(core: usize) {
    unsafe {
        let mut s: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut s);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &s);
    }
}
pub fn unpin() {
    unsafe {
        let mut s: libc::cpu_set_t = std::mem::zeroed();
        for c in 0..64 {
            libc::CPU_SET(c, &mut s);
        }
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &s);
    }
}
fn cpu() -> f64 {
    unsafe {
        let mut t: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t);
        t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
    }
}

/// Spin a little, then let another thread have the core (there are more threads than cores in some shapes).
struct Idle(u32, bool);
impl Idle {
    #[inline(always)]
    fn idle(&mut self) {
        self.0 += 1;
        if self.1 && self.0 > 32 {
            thread::yield_now();
            self.0 = 0;
        } else {
            for _ in 0..8 {
                spin_loop();
            }
        }
    }
    #[inline(always)]
    fn busy(&mut self) {
        self.0 = 0;
    }
}

/// Lossy peers are held back from outside, so that every contender delivers everything.
struct Pace {
    sent: AtomicU64,
    done: Vec<crossbeam_utils::CachePadded<AtomicU64>>,
    window: u64,
}
impl Pace {
    fn min(&self) -> u64 {
        self.done.iter().map(|d| d.load(Ordering::Acquire)).min().unwrap()
    }
}

fn produce<T: Tx>(mut tx: T, lossy: bool, pace: &Pace, msgs: u64, batch: usize, share: bool) {
    let mut idle = Idle(0, share);
    let (mut sent, mut permits, mut seen) = (0u64, 0u64, 0u64);
    while sent < msgs {
        let mut n = (msgs - sent).min(batch as u64);
        if lossy {
            if permits == 0 {
                permits = PERMITS.max(batch as u64).min(msgs - sent);
                let upto = pace.sent.fetch_add(permits, Ordering::Relaxed) + permits;
                while upto > seen + pace.window {
                    seen = pace.min();
                    if upto > seen + pace.window {
                        idle.idle();
                    }
                }
                idle.busy();
            }
            n = n.min(permits);
        }
        let did = if batch == 1 { tx.push(sent) as u64 } else { tx.push_batch(sent, n as usize) as u64 };
        if did == 0 {
            idle.idle();
        } else {
            idle.busy();
            sent += did;
            permits = permits.saturating_sub(did);
        }
    }
    // Some peers lose unread messages with the sender; wait for the consumers.
    while pace.min() < pace.sent.load(Ordering::Acquire).max(msgs) {
        thread::sleep(std::time::Duration::from_micros(20));
        if pace.min() == u64::MAX {
            break;
        }
    }
}

pub fn run<P: Payload, C: Contender<P>>(w: &Work, msgs: u64) -> Option<Sample> {
    match w.shape {
        Shape::Burst => burst::<P, C>(w, msgs),
        Shape::Reactor => reactor::<P, C>(w, msgs),
    }
}

fn burst<P: Payload, C: Contender<P>>(w: &Work, msgs: u64) -> Option<Sample> {
    let (mut tx, mut set) = C::open_set(CAP, 1, w.consumers)?;
    let tx = &mut tx[0];
    pin(1);
    let (mut sent, mut del, mut sum, mut lag) = (0u64, 0u64, 0u64, 0u64);
    let c0 = cpu();
    let t0 = Instant::now();
    while sent < msgs {
        if w.batch == 1 {
            sent += tx.push(sent) as u64;
        } else {
            for _ in 0..w.batch {
                sent += tx.push(sent) as u64;
            }
        }
        let r = set.round(MAX, &mut |s| sum = sum.wrapping_add(s));
        del += r.delivered;
        lag += r.lagged;
    }
    let secs = t0.elapsed().as_secs_f64();
    let cpu = cpu() - c0;
    black_box(sum);
    assert_eq!(del + lag, sent * w.consumers as u64, "{}", C::NAME);
    unpin();
    Some(Sample { secs, deliveries: del, lagged: lag, cpu })
}

fn reactor<P: Payload, C: Contender<P>>(w: &Work, msgs: u64) -> Option<Sample> {
    let (txs, mut set) = C::open_set(CAP, w.producers, w.consumers)?;
    let per = msgs / w.producers as u64;
    let total = per * w.producers as u64;
    let pace = Pace {
        sent: AtomicU64::new(0),
        done: vec![crossbeam_utils::CachePadded::new(AtomicU64::new(0))],
        window: CAP as u64 / 2,
    };
    let share = w.producers > 1;
    let bar = Barrier::new(w.producers + 1);
    let c0 = cpu();
    let mut out = None;
    thread::scope(|s| {
        for (i, tx) in txs.into_iter().enumerate() {
            let (bar, pace) = (&bar, &pace);
            s.spawn(move || {
                if w.producers == 1 {
                    pin(0)
                } else if w.producers == 2 && i == 0 {
                    // two producers and one consumer on two cores: leave it to the scheduler
                }
                bar.wait();
                produce(tx, C::LOSSY, pace, per, w.batch, share);
            });
        }
        let (bar, pace) = (&bar, &pace);
        let h = s.spawn(move || {
            if w.producers == 1 {
                pin(1)
            }
            let mut idle = Idle(0, share);
            let (mut del, mut lag, mut sum) = (0u64, 0u64, 0u64);
            let want = total * w.consumers as u64;
            bar.wait();
            let t0 = Instant::now();
            while del + lag < want {
                let r = set.round(MAX, &mut |s| sum = sum.wrapping_add(s));
                del += r.delivered;
                lag += r.lagged;
                if r.delivered + r.lagged != 0 {
                    idle.busy();
                    if C::LOSSY {
                        pace.done[0].store(r.min, Ordering::Release);
                    }
                } else {
                    idle.idle();
                }
            }
            let secs = t0.elapsed().as_secs_f64();
            pace.done[0].store(u64::MAX, Ordering::Release);
            if lag == 0 && w.producers == 1 {
                let each = total.wrapping_mul(total.wrapping_sub(1)) / 2;
                assert_eq!(sum, each.wrapping_mul(w.consumers as u64), "{}", C::NAME);
            }
            Sample { secs, deliveries: del, lagged: lag, cpu: 0.0 }
        });
        out = Some(h.join().unwrap());
    });
    let mut o = out.unwrap();
    o.cpu = cpu() - c0;
    Some(o)
}

/// Round trips, in ns. `park`: both sides use the parking receive.
pub fn pingpong<P: Payload, C: Contender<P>>(park: bool, trips: u64) -> Option<hdrhistogram::Histogram<u64>> {
    if park && !C::PARKS || !park && !C::SPINS {
        return None;
    }
    let (mut t1, mut r1) = C::open(CAP, 1, 1)?;
    let (mut t2, mut r2) = C::open(CAP, 1, 1)?;
    let (mut t1, mut r1, mut t2, mut r2) = (t1.pop()?, r1.pop()?, t2.pop()?, r2.pop()?);
    let mut h = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).unwrap();
    fn take<R: Rx>(r: &mut R, park: bool) -> u64 {
        if park {
            return r.recv();
        }
        let mut v = 0;
        while r.drain(1, &mut |s| v = s).n == 0 {
            spin_loop();
        }
        v
    }
    let warm = trips / 10;
    let bar = Barrier::new(2);
    thread::scope(|s| {
        let bar = &bar;
        let echo = s.spawn(move || {
            pin(1);
            for _ in 0..trips + warm {
                let v = take(&mut r1, park);
                while !t2.push(v) {}
            }
            bar.wait();
        });
        let h = &mut h;
        s.spawn(move || {
            pin(0);
            for i in 0..trips + warm {
                let t = Instant::now();
                while !t1.push(i) {}
                let v = take(&mut r2, park);
                let e = t.elapsed().as_nanos() as u64;
                assert_eq!(v, i);
                if i >= warm {
                    h.record(e).unwrap();
                }
            }
            bar.wait();
        });
        echo.join().unwrap();
    });
    Some(h)
}
