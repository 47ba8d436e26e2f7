//! What is read again after the writes, and what it proves.

use std::path::PathBuf;

use super::report::Carried;
use crate::access::assessment::{Assessment, launch_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::{Request, UnresolvedRequest};
use crate::apply::Outcome;
use crate::arn::KeyArn;
use crate::cli::Verify;
use crate::cloud::Observe;
use crate::cloud::observer::observe;
use crate::observation::Observation;
use crate::plan;

/// How far the writes came; where all succeeded, both sides are read and planned again.
pub(super) async fn carried(
    (outcome, journal): (Outcome, Option<PathBuf>),
    asked: &UnresolvedRequest,
    verify: Verify,
    cloud: &impl Observe,
) -> Carried {
    let again = if outcome.is_success() { Some(observe(asked, cloud).await) } else { None };
    let (remaining, proof, unverified) = match again {
        Some(Ok((request, observation))) => {
            let proof = match verify {
                Verify::Evaluate => evaluate(&request, &observation),
            };
            (Some(plan::plan(&request, &observation)), proof, None)
        }
        Some(Err(error)) => (None, Vec::new(), Some(error.into())),
        None => (None, Vec::new(), None),
    };
    Carried { outcome, remaining, proof, unverified, journal }
}

/// Whether what reads back lets each grantee launch with each key.
fn evaluate(request: &Request, observation: &Observation) -> Vec<Assessment> {
    let evidence = Evidence::new(observation, &Extras::default());
    let actions = launch_actions();
    let of_key = |key: &KeyArn| {
        request.grantees.iter().map(|grantee| evidence.assess(key, grantee, actions)).collect()
    };
    let assessments: Vec<Vec<Assessment>> = request.keys.iter().map(of_key).collect();
    assessments.into_iter().flatten().collect()
}
