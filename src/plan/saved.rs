//! A plan in a file, so that it can be reviewed, and applied later or elsewhere.
//!
//! The file holds what the plan was made from, so that it can be made again: a file in which anything was edited
//! is refused whole.

use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use super::Plan;
use crate::access::Request;
use crate::access::chain::Chain;
use crate::observation::Observation;

/// The version of the file's format.
pub const FORMAT: u32 = 1;

/// The content of a plan file. It holds no secrets and no names of profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "keymend plan file")]
pub struct SavedPlan {
    /// The version of the file's format.
    #[schemars(extend("const" = FORMAT))]
    pub keymend_plan: u32,
    /// The keymend that made the plan.
    pub made_by: String,
    /// When both sides were read: RFC 3339, UTC.
    pub made_at: String,
    /// What the plan was made on: it is applied to nothing else.
    pub backend: PlanBackend,
    /// Whether the plan has changes.
    pub has_changes: bool,
    /// What was found on the way to the keys.
    pub chain: Chain,
    /// What was asked for.
    pub request: Request,
    /// What was read, and as whom.
    pub observation: Observation,
    /// What follows from all of that.
    pub plan: Plan,
}

/// What a plan was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanBackend {
    /// AWS.
    Aws,
    /// A sandbox's world.
    Sandbox,
}

/// Why a plan file is refused. Nothing of it is applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// The file can't be read.
    #[error("the plan `{file}` can't be read: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// It is not JSON, or not a plan.
    #[error("`{file}` is not a plan that keymend saved: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong, with the place.
        reason: String,
    },
    /// It is of a format that this keymend does not know.
    #[error("the plan `{file}` is of format {version}; this keymend knows format {FORMAT}")]
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: String,
    },
    /// Planning again from the file's request and observation gives something else.
    #[error(
        "the plan `{file}` is not what follows from its own request and observation: it was edited, or keymend {made_by} plans otherwise"
    )]
    Different {
        /// The file.
        file: String,
        /// The keymend that made it.
        made_by: String,
    },
    /// It was made on AWS and is to be applied to a sandbox, or the other way round.
    #[error("the plan `{file}` was made on {made_on}")]
    Backend {
        /// The file.
        file: String,
        /// What it was made on.
        made_on: &'static str,
    },
}

impl SavedPlan {
    /// A plan with what it was made from.
    pub fn new(
        backend: PlanBackend,
        made_at: String,
        chain: &Chain,
        request: &Request,
        observation: &Observation,
        plan: &Plan,
    ) -> Self {
        Self {
            keymend_plan: FORMAT,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            backend,
            has_changes: !plan.changes.is_empty(),
            chain: chain.clone(),
            request: request.clone(),
            observation: observation.clone(),
            plan: plan.clone(),
        }
    }

    /// The file's text.
    ///
    /// # Errors
    /// None of these types fails to serialise; should one, it is told.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads a plan and makes it again, with what makes plans.
    ///
    /// # Errors
    /// The text is no plan, is of another version, or was edited.
    pub fn parse(
        text: &str,
        file: &str,
        make: impl Fn(&Request, &Observation, &Chain) -> Plan,
    ) -> Result<Self, SavedPlanError> {
        let malformed = |error: serde_json::Error| SavedPlanError::Malformed {
            file: file.to_owned(),
            reason: error.to_string(),
        };
        let value: serde_json::Value = serde_json::from_str(text).map_err(malformed)?;
        match value.get("keymend_plan") {
            Some(version) if version == FORMAT => {}
            Some(version) => {
                return Err(SavedPlanError::Version { file: file.to_owned(), version: version.to_string() });
            }
            None => {
                let reason = "it has no member `keymend_plan`".to_owned();
                return Err(SavedPlanError::Malformed { file: file.to_owned(), reason });
            }
        }
        let saved: Self = serde_json::from_str(text).map_err(malformed)?;
        if saved.is_as_made(&value, make) {
            Ok(saved)
        } else {
            Err(SavedPlanError::Different { file: file.to_owned(), made_by: saved.made_by })
        }
    }

    /// Whether the plan follows from the rest, and the file says nothing that was not understood.
    fn is_as_made(
        &self,
        value: &serde_json::Value,
        make: impl Fn(&Request, &Observation, &Chain) -> Plan,
    ) -> bool {
        make(&self.request, &self.observation, &self.chain) == self.plan
            && self.has_changes != self.plan.changes.is_empty()
            && serde_json::to_value(self).is_ok_and(|own| own == *value)
    }
}

/// The JSON Schema (draft 2020-12) of a plan file.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<SavedPlan>()
        .to_value()
}
