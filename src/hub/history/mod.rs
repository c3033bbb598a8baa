//! History: questions about the past, answered a page at a time.
//!
//! A page is read from the journal and the ring (in a memory hub from what topics retain and the ring), and costs what it
//! returns: it begins where the cursor of the page before says. Pages do not change under those who publish meanwhile:
//! ascending ones go on into what is new, descending ones end where the first page began.

mod cursor;
mod error;
mod page;
mod query;
mod run;
mod source;

pub use cursor::HistoryCursorError;
pub use error::HistoryError;
pub use page::{EventPage, HistoryEvent, HistoryTotal};
pub use query::{HistoryOrder, HistoryQuery};

pub(in crate::hub) use run::{page, submit};
