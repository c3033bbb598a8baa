//! The pair of fences between "I woke nobody" and "I sleep": symmetric, or with all of its cost on the side that
//! sleeps.
//!
//! The waker stores what others wait for, and then looks whether somebody sleeps; the sleeper says that it sleeps, and
//! then looks whether it has to. Neither look may come before its own store. Either both sides fence, or the waker only
//! keeps its compiler in order and the sleeper makes every running thread of the process fence (`membarrier(2)`): then
//! publishing costs no fence as long as nobody goes to sleep. (folly and C++ call this an asymmetric fence, light and
//! heavy.)

use crate::sync::{MODEL, Ordering, fence};
use std::sync::atomic::compiler_fence;

/// The kind of fences by which a ring makes sure that nobody sleeps through: what
/// [`Builder::fencing`](crate::ring::Builder::fencing) takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fencing {
    /// `membarrier(2)` where the kernel has it (Linux, `PRIVATE_EXPEDITED`), else [`Fence`](Self::Fence). Publishing
    /// pays nothing for sleepers while nobody sleeps. Going to sleep interrupts each core that runs a thread of this
    /// process, a microsecond or two.
    #[default]
    Auto,
    /// A full fence on both sides: some nanoseconds for each publish. Better where a thousand threads of one process
    /// sleep and wake all the time.
    Fence,
}

/// The fences that a ring settled on when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ring) enum FencePair {
    /// A full fence on both sides.
    Symmetric,
    /// A compiler fence for the waker, and `membarrier(2)` for the sleeper.
    Membarrier,
    /// A `membarrier` that worked once and does no more, as after a filter on system calls was set.
    #[cfg(test)]
    Broken,
}

impl FencePair {
    /// Chooses the fences: registers this process for `membarrier`, and tries it once.
    pub(in crate::ring) fn new(wanted: Fencing) -> Self {
        match wanted {
            // Models have no `membarrier`: those in which nobody sleeps run with no fence at all, which is what the
            // waker's side is then.
            Fencing::Auto if MODEL || (system::register() && system::execute()) => {
                FencePair::Membarrier
            }
            Fencing::Auto | Fencing::Fence => FencePair::Symmetric,
        }
    }

    /// Fences on the waker's side, between its store and its look at who sleeps.
    #[inline(always)]
    pub(in crate::ring) fn light(self) {
        if self == FencePair::Symmetric {
            // SeqCst fence: pairs with the one in `heavy`, see there.
            fence(Ordering::SeqCst);
        } else {
            // The compiler keeps the order; the processor is told by `heavy`, when it matters.
            compiler_fence(Ordering::SeqCst);
        }
    }

    /// Fences on the sleeper's side, between saying that it sleeps and its look at the condition. False if it could not
    /// be done: then the sleeper must look again by itself.
    pub(in crate::ring) fn heavy(self) -> bool {
        // SeqCst fence: pairs with the one in `light`. Of two such fences one comes first: either the sleeper's look at
        // its condition sees the waker's store, or the waker's look at who sleeps sees the sleeper.
        fence(Ordering::SeqCst);
        match self {
            FencePair::Symmetric => true,
            // Each running thread of the process executes a full barrier between the call and its return. A waker's
            // store that comes before its barrier is seen by us; a look that comes after its barrier sees our store.
            FencePair::Membarrier => {
                if MODEL {
                    unreachable!("models that sleep ask for fences");
                }
                system::execute()
            }
            #[cfg(test)]
            FencePair::Broken => false,
        }
    }
}

/// `membarrier(2)` by number: std links the C library anyway, so this takes no further crate.
#[cfg(all(
    target_os = "linux",
    not(miri),
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ),
    target_pointer_width = "64"
))]
mod system {
    use std::ffi::{c_int, c_long, c_uint};

    // SAFETY: this is the C library's own declaration, `long syscall(long number, ...)`; std links that library.
    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
    }

    pub(in crate::ring) fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    pub(in crate::ring) fn execute() -> bool {
        membarrier(PRIVATE_EXPEDITED)
    }

    fn membarrier(command: c_int) -> bool {
        let (flags, cpu): (c_uint, c_int) = (0, 0);
        // SAFETY: `syscall` is variadic and takes the arguments of the call it names; membarrier(2) takes a command,
        // flags and a cpu, touches no memory of ours, and answers an unknown command with an error.
        unsafe { syscall(NUMBER, command, flags, cpu) == 0 }
    }

    const NUMBER: c_long = if cfg!(target_arch = "x86_64") {
        324
    } else {
        283
    };
    const PRIVATE_EXPEDITED: c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;
}

/// No `membarrier` elsewhere.
#[cfg(not(all(
    target_os = "linux",
    not(miri),
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ),
    target_pointer_width = "64"
)))]
mod system {
    pub(in crate::ring) fn register() -> bool {
        false
    }

    pub(in crate::ring) fn execute() -> bool {
        false
    }
}
