//! What a survey found.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::survey::Survey;
use crate::render::survey::{GapOutput, GroupOutput, PairOutput, PlaceOutput};

/// The encrypted AMIs that accounts share, and who can't launch them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Survey")]
pub(super) struct SurveyOutput<'s> {
    /// Where AMIs were listed.
    looked_at: Vec<PlaceOutput<'s>>,
    /// Those whom each AMI is shared with, with each of its keys.
    pairs: Vec<PairOutput<'s>>,
    /// Those who can't launch, grouped by why.
    causes: Vec<GroupOutput<'s>>,
    /// What was not looked at.
    not_looked_at: Vec<GapOutput<'s>>,
    /// The accounts that AMIs are shared with and that no credentials serve: what they have set for themselves was not
    /// looked at.
    without_credentials: Vec<String>,
    /// What has a say in launches and was not considered.
    not_considered: Vec<&'s str>,
}

impl<'s> From<&'s Survey> for SurveyOutput<'s> {
    fn from(survey: &'s Survey) -> Self {
        Self {
            looked_at: survey.places.iter().map(PlaceOutput::from).collect(),
            pairs: survey.pairs().map(|(image, pair)| PairOutput::of(image, pair)).collect(),
            causes: survey.groups().into_iter().map(GroupOutput::from).collect(),
            not_looked_at: survey.gaps.iter().map(GapOutput::from).collect(),
            without_credentials: survey.unseen.iter().map(ToString::to_string).collect(),
            not_considered: survey.not_considered.iter().map(String::as_str).collect(),
        }
    }
}
