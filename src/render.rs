//! What people and programs see of a plan. Writers and styles are passed in.

pub(crate) mod command;
pub mod emit;
pub mod findings;
pub mod fleet;
pub mod json;
pub(crate) mod prose;
pub mod report;
pub mod sarif;
pub mod styles;
pub mod survey;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod watch;

pub use styles::Styles;
