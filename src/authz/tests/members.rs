//! Somebody of some account of an organization, of whom nothing else is known.

use serde_json::{Value, json};

use super::situations::prepared;
use crate::arn::{Affiliation, KeyArn, Members};
use crate::authz::{Context, Outcome, Policies, Principal, Query, evaluate};
use crate::policy::KmsAction;

const HOME: &str = "111122223333";
const UNIT: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";

fn key() -> KeyArn {
    format!("arn:aws:kms:eu-west-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab").parse().unwrap()
}

fn member(of: &str) -> Principal {
    Principal::member(&of.parse::<Members>().unwrap(), HOME.parse().unwrap())
}

/// What becomes of a request where one statement for anyone allows it under a condition.
fn outcome(who: &Principal, condition: &Value) -> Outcome {
    let statement = json!({
        "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": condition,
    });
    let policy = prepared(&json!({"Version": "2012-10-17", "Statement": [statement]}));
    let policies = Policies { key_policy: Some(&policy), identity: Some(&[]), ..Policies::default() };
    evaluate(&Query::new(who, KmsAction::DECRYPT, &key(), &Context::unknown()), &policies).outcome
}

#[test]
fn conditions_hold_of_all_members_or_of_none_or_nobody_can_tell() {
    use Outcome::{Allowed, ImplicitDeny as Denied, Unknown};
    let id = |operator: &str, value: &str| json!({operator: {"aws:PrincipalOrgID": value}});
    let paths = |operator: &str, value: &str| json!({operator: {"aws:PrincipalOrgPaths": value}});
    let account = |operator: &str, value: &str| json!({operator: {"aws:PrincipalAccount": value}});
    for (condition, of_organization, of_unit) in [
        (id("StringEquals", "o-a1b2c3d4e5"), Allowed, Allowed),
        (id("StringEquals", "o-a1b2c3d4e"), Denied, Denied),
        (id("StringLike", "o-a*"), Allowed, Allowed),
        (id("StringNotEquals", "o-a1b2c3d4e5"), Denied, Denied),
        (id("Null", "false"), Allowed, Allowed),
        (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/*"), Allowed, Allowed),
        (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"), Unknown, Allowed),
        (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/*"), Unknown, Denied),
        (paths("ForAnyValue:StringLike", "o-z9y8x7w6v5/*"), Denied, Denied),
        (paths("ForAnyValue:StringEquals", UNIT), Unknown, Unknown),
        (paths("ForAnyValue:StringEquals", "o-a1b2c3d4e5/r-ab12/"), Unknown, Denied),
        (paths("ForAnyValue:StringNotLike", "o-z9y8x7w6v5/*"), Allowed, Allowed),
        (paths("ForAllValues:StringLike", "o-a1b2c3d4e5/*"), Allowed, Allowed),
        (account("StringNotEquals", HOME), Allowed, Allowed),
        (account("StringEquals", HOME), Denied, Denied),
        (account("StringEquals", "444455556666"), Unknown, Unknown),
        (account("StringNotEquals", "444455556666"), Unknown, Unknown),
        (account("StringLike", "*"), Allowed, Allowed),
        (json!({"StringEquals": {"kms:CallerAccount": HOME}}), Denied, Denied),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}}), Unknown, Unknown),
        (json!({"StringLike": {"aws:PrincipalArn": "*"}}), Allowed, Allowed),
        (json!({"Bool": {"aws:PrincipalIsAWSService": "false"}}), Allowed, Allowed),
        (json!({"StringEquals": {"aws:username": "jo"}}), Unknown, Unknown),
    ] {
        let found = ["o-a1b2c3d4e5", UNIT].map(|of| outcome(&member(of), &condition));
        assert_eq!(found, [of_organization, of_unit], "{condition}");
    }
}

/// "This key is included in the request context only if the principal is a member of an organization."
#[test]
fn whoever_is_told_has_what_is_known_of_its_account() {
    let role = "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
    let role: Principal = role.parse().unwrap();
    let known = Affiliation { organization: "o-a1b2c3d4e5".parse().unwrap(), path: Some(UNIT.to_owned()) };
    let without_path = Affiliation { path: None, ..known.clone() };
    let service: Principal = "ec2.amazonaws.com".parse().unwrap();
    let everything = prepared(&json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}));
    let asked = |who: &Principal, condition: Value| {
        let statement = json!({
            "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": condition,
        });
        let policy = prepared(&json!({"Version": "2012-10-17", "Statement": [statement]}));
        let own = [&everything];
        let policies = Policies { key_policy: Some(&policy), identity: Some(&own), ..Policies::default() };
        evaluate(&Query::new(who, KmsAction::DECRYPT, &key(), &Context::unknown()), &policies).outcome
    };
    let id = json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}});
    let path = json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": format!("{UNIT}*")}});
    for (who, by_id, by_path) in [
        (role.clone(), Outcome::Unknown, Outcome::Unknown),
        (role.clone().affiliated(Some(&known)), Outcome::Allowed, Outcome::Allowed),
        (role.affiliated(Some(&without_path)), Outcome::Allowed, Outcome::Unknown),
        (service, Outcome::ImplicitDeny, Outcome::ImplicitDeny),
    ] {
        assert_eq!((asked(&who, id.clone()), asked(&who, path.clone())), (by_id, by_path), "{who:?}");
    }
}

/// What denies the instance's own role of every member is known to, and what spares it.
#[test]
fn the_identity_only_role_of_some_member() {
    let members: Members = "o-a1b2c3d4e5".parse().unwrap();
    let role =
        Principal::identity_only_of_member(crate::arn::Partition::Aws, &members, HOME.parse().unwrap());
    for (arn, expected) in [
        ("arn:aws:iam::*:role/aws:ec2-infrastructure", Outcome::Allowed),
        ("arn:aws:iam::*:role/*", Outcome::Allowed),
        ("arn:aws:iam::*:role/app", Outcome::ExplicitDeny),
        ("arn:aws:iam::444455556666:role/aws:ec2-infrastructure", Outcome::Unknown),
        ("arn:aws-cn:iam::*:role/aws:ec2-infrastructure", Outcome::ExplicitDeny),
    ] {
        let policies = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
             "Condition": {"ArnNotLike": {"aws:PrincipalArn": arn}}},
        ]});
        let policy = prepared(&policies);
        let policies = Policies { key_policy: Some(&policy), ..Policies::default() };
        let query_context = Context::for_instance();
        let found =
            evaluate(&Query::new(&role, KmsAction::DECRYPT, &key(), &query_context), &policies).outcome;
        assert_eq!(found, expected, "{arn}");
    }
}
