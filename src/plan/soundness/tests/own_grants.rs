//! Statements by which members make grants: each account for its own role and nobody else, by the form and by trying.

use serde_json::{Value, json};

use super::anyone::{self, right};
use super::key;
use crate::access::Grantee;
use crate::plan::soundness::own_grants;

const ROLES: &str = "autoscaling:o-a1b2c3d4e5";

fn found(roles: &str, statement: &Value) -> [Option<String>; 2] {
    anyone::found(roles, statement, |request, documents| {
        let grantees: Vec<&Grantee> = request.grantees.iter().collect();
        own_grants::check(&key(), &grantees, documents)
    })
}

#[test]
fn what_is_asked_for_passes() {
    for roles in [
        ROLES,
        "autoscaling:o-a1b2c3d4e5:blue",
        "autoscaling:o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/",
        "autoscaling:o-a1b2c3d4e5/*/ou-ab12-11111111/:blue",
    ] {
        assert_eq!(found(roles, &right(roles)), [None, None], "{roles}");
    }
}

#[test]
fn no_other_grant_can_be_made() {
    const OWN: &str = "arn:aws:iam::${aws:PrincipalAccount}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let to = |operator: &str, value: Value| {
        let mut statement = right(ROLES);
        let equals = statement["Condition"]["StringEquals"].as_object_mut().unwrap();
        equals.remove("kms:GranteePrincipal");
        statement["Condition"][operator]["kms:GranteePrincipal"] = value;
        statement
    };
    let mut anybody = right(ROLES);
    anybody["Condition"]["StringEquals"].as_object_mut().unwrap().remove("kms:GranteePrincipal");
    let mut anything = right(ROLES);
    anything["Condition"].as_object_mut().unwrap().remove("ForAllValues:StringEquals");
    let mut more = right(ROLES);
    let operations = &mut more["Condition"]["ForAllValues:StringEquals"]["kms:GrantOperations"];
    operations.as_array_mut().unwrap().push(json!("RetireGrant"));
    let mut any_of = right(ROLES);
    any_of["Condition"]["ForAnyValue:StringEquals"] =
        any_of["Condition"].as_object_mut().unwrap().remove("ForAllValues:StringEquals").unwrap();
    let with = |account: &str| OWN.replace("${aws:PrincipalAccount}", account);
    for (story, statement, expected) in [
        ("anybody", anybody, "grant for `"),
        (
            "a role of any account",
            to("StringLike", json!(with("*"))),
            "arn:aws:iam::000000000002:role/aws-service-role",
        ),
        ("of some account besides", to("StringEquals", json!([OWN, with("000000000002")])), "000000000002"),
        ("of the key's account", to("StringEquals", json!([OWN, with("111122223333")])), "111122223333"),
        (
            "whatever begins like it",
            to("StringLike", json!(format!("{OWN}*"))),
            "AWSServiceRoleForAutoScalingx",
        ),
        (
            "any role of its own",
            to("StringLike", json!("arn:aws:iam::${aws:PrincipalAccount}:role/*")),
            "AWSServiceRoleForAutoScalingx",
        ),
        (
            "anybody of its own",
            to("StringLike", json!("arn:aws:iam::${aws:PrincipalAccount}:*")),
            "grant for `",
        ),
        ("everybody but it", to("StringNotEquals", json!(OWN)), "grant for `"),
        ("a service too", to("StringEqualsIfExists", json!(OWN)), "grant for `a service`"),
        ("with a default", to("StringLike", json!(OWN.replace("Account}", "Account, '*'}*"))), "grant for `"),
        ("any operation", anything, "Decrypt, GenerateDataKeyPair"),
        ("an operation besides", more, "Decrypt, RetireGrant"),
        ("one of the operations", any_of, "Decrypt, GenerateDataKeyPair"),
    ] {
        let [all, tried] = found(ROLES, &statement);
        assert!(all.is_some(), "{story}");
        let tried = tried.expect(story);
        assert!(tried.contains(expected), "{story}: {tried}");
    }
    // Nor what was asked for of other roles.
    for (asked, given) in [(ROLES, "autoscaling:o-a1b2c3d4e5:blue"), ("autoscaling:o-a1b2c3d4e5:blue", ROLES)]
    {
        assert!(found(asked, &right(given))[0].is_some(), "{given} for {asked}");
    }
    assert!(found("autoscaling:o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", &right(ROLES))[0].is_some());
    // Nor what the organization's accounts get where they are to use the key.
    let mut use_of_it = right(ROLES);
    use_of_it["Action"] = json!(["kms:CreateGrant", "kms:Decrypt"]);
    assert!(found(ROLES, &use_of_it)[0].is_some());
}
