//! Unix sockets to listen on: made where nobody listens, with their mode, and taken away at the end.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mio::net::UnixListener;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::net::listen::listeners::BACKLOG;
use crate::settings::setters;

/// Longest wait for another server that makes a socket in the same folder.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two looks at its lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A Unix socket to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixAddress {
    /// The path of its file. A file of an earlier server that nobody listens on any more is replaced;
    /// anything else there is an error.
    pub path: PathBuf,
    /// The permissions of its file, which say who may connect. `0o660`: the owner and the group.
    pub mode: u32,
}

impl UnixAddress {
    /// The socket at `path`, for the owner and the group.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            mode: 0o660,
        }
    }
}

setters! {
    UnixAddress {
        path: PathBuf,
        mode: u32,
    }
}

/// The file of a socket that we listen on; dropping it takes it away.
pub(in crate::net) struct SocketFile {
    path: PathBuf,
    /// Device and inode: whoever puts another file there keeps it.
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            // It may be gone by now, and then it is gone.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens on a Unix socket.
pub(in crate::net) fn listen(address: &UnixAddress) -> io::Result<(UnixListener, SocketFile)> {
    let path = &address.path;
    // Two servers that start at once must not both find the file stale: one waits for the other here.
    let _lock = Lock::take(path)?;
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile {
        path: path.clone(),
        identity: identity(path)?,
    };
    // Nobody can connect before `listen`, so nobody slips in while the mode is another.
    fs::set_permissions(path, fs::Permissions::from_mode(address.mode))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = std::os::unix::net::UnixListener::from(std::os::fd::OwnedFd::from(socket));
    Ok((UnixListener::from_std(listener), file))
}

/// Keeps other servers from making sockets in a folder until it is dropped.
struct Lock {
    #[expect(dead_code, reason = "the lock goes with it")]
    held: fs::File,
    /// A file of our own, where the folder cannot be read; it goes, too.
    file: Option<PathBuf>,
}

impl Lock {
    /// Locks the folder of a socket: the folder itself, or a file beside the socket.
    fn take(socket: &Path) -> io::Result<Self> {
        let folder = match socket.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        match fs::File::open(folder) {
            Ok(held) => {
                wait_for(&held)?;
                Ok(Self { held, file: None })
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Self::beside(socket),
            Err(error) => Err(error),
        }
    }

    /// For a folder that may be written and entered, and not read.
    fn beside(socket: &Path) -> io::Result<Self> {
        let mut name = socket.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        loop {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(false);
            let held = options.mode(0o600).open(&path)?;
            wait_for(&held)?;
            // Whoever had it before may have taken the file away: the lock is on what is there now.
            let mine = held.metadata()?;
            if identity(&path).is_ok_and(|now| now == (mine.dev(), mine.ino())) {
                let file = Some(path);
                return Ok(Self { held, file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.file {
            // It may be gone by now, and then it is gone.
            let _ = fs::remove_file(path);
        }
    }
}

/// Waits for a lock as long as another server may need to begin.
fn wait_for(file: &fs::File) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if start.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(Errno::WOULDBLOCK) => {
                let text = "somebody holds a lock (flock) on its folder: another server that does \
                            not get on, or a program that uses it as a lock";
                return Err(io::Error::new(ErrorKind::TimedOut, text));
            }
            Err(Errno::INTR) => {}
            done => return done.map_err(io::Error::from),
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Takes away the socket that a server left which did not end in order.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        let text = "there is a file that is no socket";
        return Err(io::Error::new(ErrorKind::AlreadyExists, text));
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A full backlog must not make us wait: who listens there lives.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(()) => Err(ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::AddrInUse.into()),
        Err(error) => Err(error),
    }
}
