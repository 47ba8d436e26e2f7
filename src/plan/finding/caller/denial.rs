//! Which policy refused a call.

use std::fmt;

/// What AWS's message tells of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which kind of policy, such as `service control policy`; where none is told, a Deny of an unknown one.
    pub kind: Option<&'static str>,
    /// Whether a statement denies it, rather than none allowing it.
    pub is_explicit: bool,
    /// The policy, where it is named.
    pub policy: Option<String>,
}

impl fmt::Display for Denial {
    /// A fragment that follows "was refused".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.is_explicit) {
            (None, _) => f.write_str("by a Deny")?,
            (Some(kind), true) => {
                let article = if kind.starts_with('i') { "an" } else { "a" };
                write!(f, "by a Deny in {article} {kind}")?;
            }
            (Some(kind), false) => write!(f, "because no {kind} allows it")?,
        }
        self.policy.as_ref().map_or(Ok(()), |policy| write!(f, ", `{policy}`"))
    }
}
