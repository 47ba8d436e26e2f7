//! What AWS refuses to show of a part, and what is left out for it.

use std::collections::BTreeSet;

use super::*;
use crate::access::{GranteeRef, Request, UnresolvedRequest};
use crate::cloud::CloudErrorKind;
use crate::cloud::observer::{ObserveError, observe, observe_part};
use crate::observation::{Observation, OrganizationPolicies, UnreadReason};

const OTHER: &str = "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";
const ROLES: [&str; 2] = ["arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:role/web"];

/// Two keys and two roles of an account, where a call on what a pattern is about fails.
fn refusing(operation: &str, resource: &str, code: &str) -> Sandbox {
    let policy = json!({"Version": "2012-10-17", "Statement": []});
    let world = json!({
        "keymend_world": 1, "region": "eu-west-1", "default_caller": "111122223333",
        "callers": {"111122223333": {"arn": "arn:aws:iam::111122223333:user/a"}},
        "accounts": {"111122223333": {
            "users": {"a": {}},
            "roles": {"app": {}, "web": {}},
            "policies": {"KmsKeyUsagePolicy": {"default_version": "v1", "versions": {"v1": policy}}},
        }},
        "keys": {KEY: {"policy": policy}, OTHER: {"policy": policy}},
        "faults": [{"operation": operation, "resource": resource, "times": 1000, "fault": "error", "code": code}],
    });
    in_memory(&world.to_string())
}

fn asked() -> UnresolvedRequest {
    UnresolvedRequest::documented(
        [KEY, OTHER].map(|key| key.parse().unwrap()).into(),
        ROLES.map(|role| GranteeRef::Entity(role.parse().unwrap())).into(),
    )
}

async fn part_of(sandbox: &Sandbox) -> Result<(Request, Observation), ObserveError> {
    observe_part(&asked(), &OrganizationPolicies::default(), sandbox).await
}

#[tokio::test]
async fn one_refusal_leaves_out_one_thing() {
    let account = "111122223333";
    for (operation, resource, code, left_out) in [
        ("kms:DescribeKey", KEY, "AccessDeniedException", KEY),
        ("kms:DescribeKey", KEY, "NotFoundException", KEY),
        ("kms:GetKeyPolicy", KEY, "AccessDeniedException", KEY),
        ("iam:GetRole", "*app", "AccessDenied", ROLES[0]),
        ("iam:GetRole", "*web", "AccessDenied", ROLES[1]),
        // All that is packed into an account's policies depends on each of them.
        ("iam:GetAccountSummary", "*", "AccessDenied", account),
        ("iam:ListPolicies", "*", "AccessDenied", account),
        ("iam:ListPolicyVersions", "*", "AccessDenied", account),
    ] {
        let sandbox = refusing(operation, resource, code);
        let (request, observation) = part_of(&sandbox).await.unwrap();
        assert!(observation.left_out.keys().eq([left_out]), "{operation}: {:?}", observation.left_out);
        let Some(UnreadReason::Refused(refused)) = observation.left_out.values().next() else {
            panic!("{operation}: {:?}", observation.left_out);
        };
        assert_eq!((refused.operation.as_str(), refused.code.as_str()), (operation, code));
        assert_eq!(refused.caller, "arn:aws:iam::111122223333:user/a");
        assert!(refused.request_id.is_some(), "{operation}");
        // It was asked for all the same, and nothing is taken for empty.
        assert_eq!((request.keys.len(), request.grantees.len()), (2, 2), "{operation}");
        let seen: BTreeSet<String> = observation.keys.keys().map(ToString::to_string).collect();
        let keys = [KEY, OTHER].into_iter().filter(|key| *key != left_out);
        assert_eq!(seen, keys.map(str::to_owned).collect(), "{operation}");
        let iam = observation.accounts.values().next().unwrap().read();
        let roles = iam.map(|iam| iam.entities.values().flatten().count());
        let wanted = match left_out {
            _ if left_out == account => None,
            _ if ROLES.contains(&left_out) => Some(1),
            _ => Some(2),
        };
        assert_eq!(roles, wanted, "{operation}");

        // Whoever asks for one thing is told.
        let error = observe(&asked(), &OrganizationPolicies::default(), &sandbox).await.unwrap_err();
        let ObserveError::Cloud(error) = error else { panic!("{error}") };
        assert_eq!((error.operation, error.code.as_deref()), (operation, Some(code)));
    }
}

#[tokio::test]
async fn what_is_throttled_is_not_left_out() {
    for (operation, code) in [
        ("kms:DescribeKey", "ThrottlingException"),
        ("kms:GetKeyPolicy", "ThrottlingException"),
        ("kms:ListGrants", "ThrottlingException"),
        ("kms:ListResourceTags", "KMSInternalException"),
        ("iam:GetRole", "Throttling"),
        ("iam:ListPolicies", "ServiceUnavailable"),
    ] {
        let read = part_of(&refusing(operation, "*", code)).await;
        let Err(ObserveError::Cloud(error)) = read else { panic!("{operation}: {read:?}") };
        let passing = [CloudErrorKind::Throttled, CloudErrorKind::Transient];
        assert!(passing.contains(&error.kind), "{operation}: {error}");
    }
    // What a remedy by name does without is told as unread.
    let (_, observation) = part_of(&refusing("kms:ListGrants", "*", "AccessDeniedException")).await.unwrap();
    assert!(observation.left_out.is_empty());
    assert!(observation.keys.values().all(|key| key.grants.read().is_none()));
}
