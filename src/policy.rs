//! Policy documents: their source text, a typed view of it, and edits that keep every other byte.

pub mod actions;
pub mod condition;
mod content;
pub mod document;
pub mod documents;
pub mod edit;
pub mod envelope;
mod json;
mod layout;
pub mod meaning;
pub mod openness;
pub mod pattern;
pub mod principal;
mod reader;
mod tree;

pub use actions::{ActionSet, KmsAction};
pub use condition::Condition;
pub use document::{Effect, ListElement, PolicyDocument, PrincipalElement, Statement};
pub use documents::Documents;
pub use json::{PolicyError, Problem};
pub(crate) use meaning::knows_variables;
pub use meaning::{Fingerprint, is_same};
pub use principal::AwsPrincipal;
pub use tree::Span;
