//! What AWS tells of a launch that failed.

mod meaning;

pub use meaning::StateMeaning;

/// What AWS tells of an instance, a volume or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureFinding {
    /// The state that an instance is in.
    Instance {
        /// The state.
        state: String,
        /// What EC2 says about it.
        told: Option<String>,
        /// What that means for keys, where it is known.
        meaning: Option<StateMeaning>,
    },
    /// EBS failed.
    Ebs {
        /// What it says.
        told: String,
    },
    /// An Auto Scaling group failed to launch.
    Group {
        /// What it says.
        told: String,
        /// What that means for keys, where it is known.
        meaning: Option<StateMeaning>,
    },
}
