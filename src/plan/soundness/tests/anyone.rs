//! A statement for anyone that comes to a key policy, for one grantee.

use serde_json::Value;

use super::{admin, document, key};
use crate::access::{CoverageRule, PolicyName, Profile, Purpose, Request};
use crate::observation::Observation;
use crate::plan::soundness::violations;
use crate::plan::{Change, KeyPolicyUpdate, Operation};
use crate::policy::{Documents, PolicyDocument};

pub(super) fn request(grantee: &str) -> Request {
    Request {
        keys: vec![key()],
        grantees: vec![grantee.parse().unwrap()],
        purpose: Purpose::Launch,
        policy_name: PolicyName::default(),
        profile: Profile::Documented,
        coverage: CoverageRule::Named,
        prune_orphans: false,
        only_for: [].into(),
        part: None,
    }
}

/// The first statement that is asked for.
pub(super) fn right(grantee: &str) -> Value {
    let request = request(grantee);
    request.required(&key(), &request.grantees[0]).remove(0).for_key_policy("S", &[])
}

/// What the whole check says of a statement that comes to a key policy, and what trying says by itself.
pub(super) fn found(
    grantee: &str,
    statement: &Value,
    tried: impl FnOnce(&Request, (&PolicyDocument, &PolicyDocument)) -> Result<(), String>,
) -> [Option<String>; 2] {
    let (before, after) = (document(&[admin()]), document(&[admin(), statement.clone()]));
    let request = request(grantee);
    let change = Change {
        operation: Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key(),
            before: before.text().to_owned(),
            after: after.text().to_owned(),
        }),
        reason: String::new(),
        gains: Vec::new(),
    };
    let all =
        violations(&request, &Observation::default(), &request.grantees, &[change], &Documents::default());
    [all.first().map(|finding| format!("{finding:?}")), tried(&request, (&before, &after)).err()]
}
