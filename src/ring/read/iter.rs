//! Iterators over copies of the values.

use super::subscriber::Subscriber;
use crate::ring::error::{Lagged, RecvError, TryRecvError};
use std::iter::FusedIterator;

/// An iterator that waits for value after value until the ring is closed and read; see [`Subscriber::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    subscriber: &'a mut Subscriber<T>,
}

/// An iterator over what is there, which does not wait; see [`Subscriber::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    subscriber: &'a mut Subscriber<T>,
}

impl<'a, T> Iter<'a, T> {
    pub(in crate::ring) fn new(subscriber: &'a mut Subscriber<T>) -> Self {
        Self { subscriber }
    }
}

impl<'a, T> TryIter<'a, T> {
    pub(in crate::ring) fn new(subscriber: &'a mut Subscriber<T>) -> Self {
        Self { subscriber }
    }
}

impl<T: Clone> Iterator for Iter<'_, T> {
    type Item = Result<T, Lagged>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.subscriber.recv() {
            Ok(value) => Some(Ok(T::clone(&value))),
            Err(RecvError::Lagged(lagged)) => Some(Err(lagged)),
            Err(RecvError::Closed { .. }) => None,
        }
    }
}

impl<T: Clone> Iterator for TryIter<'_, T> {
    type Item = Result<T, Lagged>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.subscriber.try_recv() {
            Ok(value) => Some(Ok(T::clone(&value))),
            Err(TryRecvError::Lagged(lagged)) => Some(Err(lagged)),
            Err(TryRecvError::Empty | TryRecvError::Closed { .. }) => None,
        }
    }
}

impl<T: Clone> FusedIterator for Iter<'_, T> {}
