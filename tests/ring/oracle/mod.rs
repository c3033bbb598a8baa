//! Dumber rings judge the clever one.

mod lanes;
mod one_publisher;
mod shared;
