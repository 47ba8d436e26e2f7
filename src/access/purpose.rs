//! What a key is needed for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the grantees must be able to do with instances whose volumes are encrypted under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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

impl fmt::Display for Purpose {
    /// As the noun of a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Launch => "launch",
            Self::Start => "start",
        })
    }
}
