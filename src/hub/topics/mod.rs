//! Topics: their settings and figures, what they retain, and where their events stand.

mod config;
mod history;
mod look_back;
mod manage;
mod offsets;
#[cfg(feature = "gateway")]
mod page;
mod table;
mod time_index;

pub use config::{TopicConfig, TopicConfigErrors, TopicInfo, TopicMode, TopicsError};

#[cfg(feature = "gateway")]
pub(crate) use look_back::joined_since;
pub(crate) use look_back::{LastEvents, LookBack, LookedUp, TopicSet};
#[cfg(feature = "gateway")]
pub(crate) use page::topic_page;

pub(in crate::hub) use history::{Histories, RetainedEvent};
pub(in crate::hub) use look_back::Recalled;
pub(in crate::hub) use manage::{
    create, delete, delete_below, describe, names, restore, set, submit,
};
pub(in crate::hub) use table::{ByHash, TopicTable};
pub(in crate::hub) use time_index::{TimeIndex, events_per_mark, now};
