//! What a key is needed for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Grantee;

/// What the grantees must be able to do with instances whose volumes are encrypted under a key.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To launch instances (`RunInstances`).
    #[default]
    Launch,
    /// To start stopped instances (`StartInstances`).
    Start,
}

impl Purpose {
    /// What somebody can do, or can't do yet.
    pub fn deed(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Start => "start instances",
        }
    }
}

impl Grantee {
    /// What it can do for a purpose, or can't do yet. To roles that need a grant of their own account a key policy
    /// gives no more than that.
    pub fn deed(&self, purpose: Purpose) -> &'static str {
        match self {
            Self::MembersRole(_) => "get its grant",
            Self::Account { .. } | Self::Entity(_) | Self::ServiceLinkedRole(_) | Self::Members(_) => {
                purpose.deed()
            }
        }
    }
}

impl fmt::Display for Purpose {
    /// As the noun of a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Launch => "launch",
            Self::Start => "start",
        })
    }
}
