//! Bugs of ours that were found before anything was written.

use crate::policy::edit::BrokenEdit;

/// What the independent check holds against a plan, or what a patch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsound {
    /// A change is not what was asked for, or not that alone.
    Change {
        /// What is wrong with it.
        violation: String,
    },
    /// A change of the way back undoes nothing that the record tells.
    Unbacked {
        /// The change, in words.
        change: String,
    },
    /// A patched document is no policy.
    Edit(BrokenEdit),
}
