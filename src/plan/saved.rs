//! A plan in a file, so that it can be reviewed, and applied later or elsewhere.
//!
//! The file holds what the plan was made from, so that it can be made again, and a digest of all that it says: a file in
//! which anything was edited is refused whole. That is against mishaps. Who forges a file can make its digest too, and
//! gains nothing by it that the request does not show: what is written is still compared with what is there.

mod digest;

use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;

use self::digest::{Digest, Unambiguous, digest};
use super::{Case, Finding, Plan, Told};
use crate::access::Request;
use crate::access::chain::Chain;
use crate::observation::Observation;

/// The version of the file's format.
pub const FORMAT: u32 = 2;

/// The format of the days when a file had no digest.
const WITHOUT_DIGEST: u32 = 1;

/// A plan as it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPlan {
    /// What it was made on: it is applied to nothing else.
    pub backend: PlanBackend,
    /// The plan, and what it was made from.
    pub case: Case,
}

/// The content of a plan file. It holds no secrets and no names of profiles.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "keymend plan file")]
struct Content {
    /// The version of the file's format.
    #[schemars(extend("const" = FORMAT))]
    keymend_plan: u32,
    /// The SHA-256 of everything else in the file, in hexadecimal: of the document without this member, written without
    /// white space and with the members of each object in the order of their names.
    digest: String,
    /// The keymend that made the plan.
    made_by: String,
    /// When both sides were read: RFC 3339, UTC.
    made_at: String,
    /// What the plan was made on: it is applied to nothing else.
    backend: PlanBackend,
    /// Whether the plan has changes.
    has_changes: bool,
    /// What was found on the way to the keys.
    chain: Chain,
    /// What was asked for.
    request: Request,
    /// What was read, and as whom.
    observation: Observation,
    /// What follows from all of that.
    plan: Plan<Told>,
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
    /// It is of the format of earlier versions, in which not every edit shows.
    #[error("the plan `{file}` is of an earlier format, which does not tell whether it was edited")]
    Earlier {
        /// The file.
        file: String,
        /// The command that saves what it asks for anew, where that can be read.
        way: Option<String>,
    },
    /// It does not say what it said when it was saved.
    #[error("the plan `{file}` was changed after it was saved")]
    Edited {
        /// The file.
        file: String,
    },
    /// Planning again from the file's request and observation gives something else.
    #[error(
        "the plan `{file}` is not what follows here from its own request and observation: keymend {made_by}, which made it, plans otherwise"
    )]
    Different {
        /// The file.
        file: String,
        /// The keymend that made it.
        made_by: String,
        /// The command that saves what it asks for anew.
        way: String,
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
    /// The file's text, with what puts findings into words.
    ///
    /// # Errors
    /// None of these types fails to serialise; should one, it is told.
    pub fn to_text(
        self,
        made_at: String,
        tell: impl Fn(&Finding) -> Told,
    ) -> Result<String, serde_json::Error> {
        let Case { chain, request, observation, plan } = self.case;
        let mut content = Content {
            keymend_plan: FORMAT,
            digest: String::new(),
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            backend: self.backend,
            has_changes: !plan.changes.is_empty(),
            chain,
            request,
            observation,
            plan: plan.map_findings(tell),
        };
        let Digest { digest, length } = digest(&content)?;
        content.digest = digest;
        // Room for white space as well, in one piece: the text of a large plan is not moved as it grows.
        let mut text = Vec::with_capacity(length + length / 2);
        serde_json::to_writer_pretty(&mut text, &content)?;
        text.push(b'\n');
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    }

    /// The plan, for the backend that it was made on.
    ///
    /// # Errors
    /// It was made on another one.
    pub fn made_on(self, backend: PlanBackend, file: String) -> Result<Case, SavedPlanError> {
        let made_on = match self.backend {
            _ if self.backend == backend => return Ok(self.case),
            PlanBackend::Sandbox => "a sandbox, and is not applied to AWS",
            PlanBackend::Aws => "AWS, and is not applied to a sandbox",
        };
        Err(SavedPlanError::Backend { file, made_on })
    }

    /// What a plan's file says, to be shown and not to be applied: nothing is made again of it.
    ///
    /// # Errors
    /// The text is no plan.
    pub fn told(text: &str) -> Result<Plan<Told>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Shown {
            plan: Plan<Told>,
        }
        serde_json::from_str(text).map(|Shown { plan }| plan)
    }

    /// Reads a plan and makes it again, with what makes plans, what puts findings into words and what tells the command
    /// that saves such a plan anew.
    ///
    /// # Errors
    /// The text is no plan, is of another version, or was edited.
    pub fn parse(
        text: &str,
        file: &str,
        make: impl FnOnce(Chain, Request, Observation) -> Case,
        tell: impl Fn(&Finding) -> Told,
        way: impl Fn(&Chain, &Request) -> String,
    ) -> Result<Self, SavedPlanError> {
        let malformed = |reason: String| SavedPlanError::Malformed { file: file.to_owned(), reason };
        let edited = || SavedPlanError::Edited { file: file.to_owned() };
        let Unambiguous(value) = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Data => edited(),
            _ => malformed(error.to_string()),
        })?;
        let version = value.get("keymend_plan");
        match version.ok_or_else(|| malformed("it has no member `keymend_plan`".to_owned()))? {
            version if *version == FORMAT => {}
            version if *version == WITHOUT_DIGEST => {
                let asked = Asked::deserialize(&value).ok();
                let way = asked.map(|Asked { chain, request }| way(&chain, &request));
                return Err(SavedPlanError::Earlier { file: file.to_owned(), way });
            }
            version => {
                return Err(SavedPlanError::Version { file: file.to_owned(), version: version.to_string() });
            }
        }
        let Digest { digest, .. } = digest(&value).map_err(|error| malformed(error.to_string()))?;
        if value.get(digest::MEMBER).and_then(Value::as_str) != Some(&digest) {
            return Err(edited());
        }
        let content: Content = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        // What a later version said and is not understood here may matter.
        let is_understood = serde_json::to_value(&content).is_ok_and(|own| own == value);
        let Content { made_by, backend, has_changes, chain, request, observation, plan, .. } = content;
        let way = way(&chain, &request);
        let case = make(chain, request, observation);
        let is_as_made = case.plan.clone().map_findings(tell) == plan;
        if is_understood && is_as_made && has_changes != plan.changes.is_empty() {
            Ok(Self { backend, case })
        } else {
            Err(SavedPlanError::Different { file: file.to_owned(), made_by, way })
        }
    }
}

/// As much of a file as the command takes that saves it anew.
#[derive(Deserialize)]
struct Asked {
    chain: Chain,
    request: Request,
}

/// The JSON Schema (draft 2020-12) of a plan file.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Content>()
        .to_value()
}
