//! A value of a setting that is refused.

/// One of several values of a setting that cannot be read, and what is wrong with it.
#[derive(Debug)]
pub(in crate::gateway) struct BadValue {
    pub(in crate::gateway) value: String,
    pub(in crate::gateway) why: String,
}

impl BadValue {
    pub(in crate::gateway) fn new(value: &str, why: &str) -> Self {
        Self {
            value: value.to_owned(),
            why: why.to_owned(),
        }
    }
}
