//! A fleet: many requests, planned and applied as one thing, an account at a time.
//!
//! It is many runs with one ledger: each account that is written to has a plan of its own, in a file, and is applied as
//! any saved plan is, with a record that can be undone.

pub mod aside;
pub mod asks;
pub mod lease;
pub mod ledger;
pub mod manifest;
pub mod part;
pub mod shard;
pub mod standing;
