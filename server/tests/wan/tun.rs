//! TUN devices: interfaces whose packets a process carries.

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io;

/// `struct ifreq`, as far as it matters here; it is 40 bytes at most.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const TUNSETIFF: Opcode = opcode::write::<c_int>(b'T', 202);
const IFF_TUN: u16 = 0x0001;
/// Packets come as they are, without a header.
const IFF_NO_PI: u16 = 0x1000;

/// Makes a device of this name, at most 15 bytes, in the namespace of the calling thread. Reads do not wait; each
/// gives one packet. It is gone with the file.
pub(crate) fn make(name: &str) -> io::Result<File> {
    let path = "/dev/net/tun";
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut request = Request {
        name: [0; 16],
        flags: IFF_TUN | IFF_NO_PI,
        rest: [0; 22],
    };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: TUNSETIFF reads and writes a `struct ifreq`, and `Request` is as large and has its layout.
    let set = unsafe { Updater::<TUNSETIFF, Request>::new(&mut request) };
    // SAFETY: `set` borrows `request`, which outlives the call; the kernel keeps no pointer to it.
    unsafe { ioctl(&file, set) }?;
    rustix::io::ioctl_fionbio(&file, true)?;
    Ok(file)
}
