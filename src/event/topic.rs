//! Topic names: printable text, dots between segments, at most 255 bytes.
//!
//! A name that begins with `$` is *reserved*: it is for what a server says about itself. No wildcard in the first segment
//! of a pattern takes it (`>` and `*.x` do not take `$sys.x`; `$sys.>`, `$sys.*` and the name itself do), so nobody
//! receives it who did not ask for it, and nobody is allowed it who was not allowed it by name. The program itself
//! publishes to such topics; whoever comes by HTTP or WebSocket is answered 403.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Longest topic name and longest pattern, bytes.
pub const TOPIC_BYTES_MAX: usize = 255;

/// The first byte of names that no wildcard in the first segment takes.
pub(super) const RESERVED: u8 = b'$';

/// Says why a text is not a topic name. Columns count characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The name is empty.
    #[error("it is empty")]
    Empty,
    /// The name is too long.
    #[error("{bytes} bytes is over the limit of 255")]
    TooLong {
        /// Its length, bytes.
        bytes: usize,
    },
    /// Two dots in a row, or a dot at either end.
    #[error("empty segment at column {column}")]
    EmptySegment {
        /// The column at which the segment should be.
        column: usize,
    },
    /// A control character or a line separator.
    #[error("unprintable character at column {column}")]
    Unprintable {
        /// The column of the character.
        column: usize,
    },
    /// `*` or `>` as a whole segment: that is a pattern, not a name.
    #[error("wildcard segment at column {column}")]
    Wildcard {
        /// The column at which the segment starts.
        column: usize,
    },
}

/// Checks that `name` is a topic name.
///
/// # Errors
///
/// [`TopicError`] says what is wrong and at which column.
///
/// # Examples
///
/// ```
/// use eventring::event::topic;
///
/// assert!(topic::validate("orders.eu.created").is_ok());
/// assert!(topic::validate("Größe von π").is_ok());
/// assert_eq!(topic::validate("orders..created").unwrap_err().to_string(), "empty segment at column 8");
/// ```
pub fn validate(name: &str) -> Result<(), TopicError> {
    // Nearly every name is of that kind, and every event is checked: the exact check is slower and says what is wrong.
    if is_plain(name.as_bytes()) {
        return Ok(());
    }
    check_text(name)?;
    match segments(name).find(|(_, segment)| matches!(*segment, "*" | ">")) {
        Some((column, _)) => Err(TopicError::Wildcard { column }),
        None => Ok(()),
    }
}

/// Returns whether a name is reserved: it begins with `$`, so that no wildcard in the first segment takes it, and nobody
/// publishes to it from outside.
///
/// # Examples
///
/// ```
/// use eventring::event::{Pattern, topic};
///
/// assert!(topic::is_reserved("$sys.stats") && !topic::is_reserved("sys.$stats"));
/// assert!(!Pattern::all().matches("$sys.stats"));
/// assert!(Pattern::parse("$sys.>").unwrap().matches("$sys.stats"));
/// ```
pub fn is_reserved(name: &str) -> bool {
    name.as_bytes().first() == Some(&RESERVED)
}

/// Hashes a topic name. The key is random for each process: the hash is for tables in memory and never stored.
pub fn hash(name: &str) -> u64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    KEYS.get_or_init(RandomState::new).hash_one(name)
}

/// Returns whether it is a name of the usual kind: printable ASCII, nothing to look at twice. The slow way says what
/// is wrong with others, and accepts what is not ASCII.
fn is_plain(name: &[u8]) -> bool {
    // A fold and not `all`: without a way out, the compiler can judge many bytes at once.
    let printable = name
        .iter()
        .fold(true, |all, byte| all & (b' '..=b'~').contains(byte));
    printable
        && name.len() <= TOPIC_BYTES_MAX
        && name
            .split(|byte| *byte == b'.')
            .all(|segment| !matches!(segment, b"" | b"*" | b">"))
}

/// Checks what names and patterns have in common.
pub(super) fn check_text(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    // Before the walk: names come from outside, and may be of any length.
    if text.len() > TOPIC_BYTES_MAX {
        return Err(TopicError::TooLong { bytes: text.len() });
    }
    // As if a dot stood in front, so that one at the start makes an empty segment.
    let mut previous = '.';
    for (column, c) in (1..).zip(text.chars()) {
        if c == '.' && previous == '.' {
            return Err(TopicError::EmptySegment { column });
        }
        if is_unprintable(c) {
            return Err(TopicError::Unprintable { column });
        }
        previous = c;
    }
    if previous == '.' {
        return Err(TopicError::EmptySegment {
            column: text.chars().count() + 1,
        });
    }
    Ok(())
}

/// Returns the segments of a name with the column at which each starts.
pub(super) fn segments(name: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut column = 1;
    name.split('.').map(move |segment| {
        let start = column;
        column += segment.chars().count() + 1;
        (start, segment)
    })
}

/// Control characters, the line separators that are none, and the byte-order mark.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}
