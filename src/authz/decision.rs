//! What an evaluation finds.

use std::collections::BTreeSet;
use std::fmt;

use super::truth::Truth;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is allowed.
    Allowed,
    /// A `Deny` statement applies to it.
    ExplicitDeny,
    /// Something that it needs does not allow it.
    ImplicitDeny,
    /// It depends on what is not known.
    Unknown,
}

impl Outcome {
    /// The word for it in machine-readable output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicit_deny",
            Self::ImplicitDeny => "implicit_deny",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A document among [`super::Policies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentRef {
    /// The key policy.
    KeyPolicy,
    /// The key's policy `AWS_RAM`.
    RamPolicy,
    /// A policy of the principal, by its index.
    Identity(usize),
    /// The permissions boundary.
    Boundary,
    /// A session policy, by its index.
    Session(usize),
    /// A service control policy.
    Scp {
        /// The index of its level.
        level: usize,
        /// Its index in the level.
        index: usize,
    },
    /// A resource control policy.
    Rcp {
        /// The index of its level.
        level: usize,
        /// Its index in the level.
        index: usize,
    },
    /// A grant, by its index; it counts as one statement.
    Grant(usize),
}

impl fmt::Display for DocumentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyPolicy => f.write_str("key_policy"),
            Self::RamPolicy => f.write_str("ram_policy"),
            Self::Identity(index) => write!(f, "identity_policies[{index}]"),
            Self::Boundary => f.write_str("boundary"),
            Self::Session(0) => f.write_str("session_policy"),
            Self::Session(index) => write!(f, "session_policy[{index}]"),
            Self::Scp { level, index } => write!(f, "scps[{level}][{index}]"),
            Self::Rcp { level, index } => write!(f, "rcps[{level}][{index}]"),
            Self::Grant(index) => write!(f, "grants[{index}]"),
        }
    }
}

/// A statement among [`super::Policies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatementRef {
    /// The document it stands in.
    pub document: DocumentRef,
    /// Its index in source order.
    pub index: usize,
}

/// Something that must allow a request besides what else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// The key and the principal must be of one partition.
    Partition,
    /// The action must work across accounts.
    CrossAccountOperation,
    /// The key policy must name the principal, or delegate to its account.
    KeyPolicy,
    /// The key's policy `AWS_RAM` must not deny it: whether it does was not read.
    RamPolicy,
    /// The principal's own policies.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// The session policies.
    Session,
    /// The service control policies of a level.
    Scp(usize),
}

/// What was found, and what decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the request.
    pub outcome: Outcome,
    /// The statements that decide: those that allow, those that deny, or those that nobody can decide. None
    /// decides an implicit deny.
    pub statements: Vec<StatementRef>,
    /// The condition keys that would settle what is unknown.
    pub unknown_keys: BTreeSet<String>,
    /// What does not allow the request (false) or may not (unknown), where nothing denies it explicitly.
    pub gates: Vec<(Gate, Truth)>,
}

/// Why nobody can tell whether a statement is about a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It names one session of a role, and the principal is any session of it.
    OneSession,
    /// It allows with `NotPrincipal`, which AWS does not support.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
    AllowWithNotPrincipal,
}

impl fmt::Display for Doubt {
    /// A sentence about the statement, without its period.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneSession => "it names one session of the role, and which session launches is not known",
            Self::AllowWithNotPrincipal => "AWS does not support NotPrincipal with Allow",
        })
    }
}
