//! State that commits with events: tables of bytes.

use thiserror::Error;

/// The tables of a journal within one transaction: (table, key) to value, all bytes.
///
/// What is put here is there if and only if the round is: a setting, a checkpoint, a dead letter with the cursor that
/// passes it. Keys are ordered as bytes are.
pub trait StateTx {
    /// Returns the value of a key.
    ///
    /// # Errors
    ///
    /// See [`StateError`].
    fn get(&mut self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    /// Sets the value of a key.
    ///
    /// # Errors
    ///
    /// See [`StateError`].
    fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StateError>;

    /// Deletes a key; returns whether it was there.
    ///
    /// # Errors
    ///
    /// See [`StateError`].
    fn delete(&mut self, table: &str, key: &[u8]) -> Result<bool, StateError>;

    /// Returns at most `limit` keys of a table with their values, from `from` on, in order.
    ///
    /// # Errors
    ///
    /// See [`StateError`].
    #[allow(clippy::type_complexity, reason = "keys with their values")]
    fn scan(
        &mut self,
        table: &str,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StateError>;
}

/// Says why a change of state was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// The change itself refused.
    #[error("{0}")]
    Refused(String),
    /// The change panicked.
    #[error("the change panicked")]
    Panicked,
    /// The journal could not read or write.
    #[error("{0}")]
    Journal(String),
}
