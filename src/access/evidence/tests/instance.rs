//! The instance's own role: what denies it in the key's policy and the organization's, and what leaves it out.

use serde_json::{Value, json};

use super::{ALL, KEY, LETS_IN, ROLE, named, observed, with_policies};
use crate::access::assessment::{Assessment, Verdict, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::{Grantee, Purpose};
use crate::observation::Reading;

const INSTANCE: &str = "arn:aws:iam::444455556666:role/aws:ec2-infrastructure";

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum In {
    KeyPolicy,
    Scp,
    Rcp,
}

/// A statement that denies everybody whom a condition finds.
fn deny(condition: &Value) -> Value {
    json!({"Sid": "guard", "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": condition})
}

/// What is said of a grantee whose own policies allow everything, with a further statement somewhere.
fn assess(place: In, mut statement: Value, grantee: &str, context: &[(&str, &str)]) -> Assessment {
    let mut policy: Value = serde_json::from_str(LETS_IN).unwrap();
    let allows = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let mut scps = vec![allows.clone()];
    let mut rcps = vec![json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})];
    match place {
        In::KeyPolicy => policy["Statement"].as_array_mut().unwrap().push(statement),
        In::Scp => {
            statement.as_object_mut().unwrap().remove("Principal");
            scps.push(statement);
        }
        In::Rcp => rcps.push(statement),
    }
    let mut observation = observed(&policy.to_string(), grantee, with_policies(&[("p", ALL)]));
    let limits = |statements: Vec<Value>| {
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        Some(vec![vec![named("limits.json", &text)]])
    };
    observation.organization.scps = limits(scps);
    observation.organization.rcps = limits(rcps);
    let context = context.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
    let extras = Extras { context, ..Extras::default() };
    let grantee: Grantee = grantee.parse().unwrap();
    Evidence::new(&observation, &extras).assess(
        &KEY.parse().unwrap(),
        &grantee,
        needed_actions(Purpose::Launch),
    )
}

fn verdict(place: In, condition: &Value, context: &[(&str, &str)]) -> Verdict {
    assess(place, deny(condition), ROLE, context).instance.action.verdict
}

#[test]
fn a_list_of_arns_leaves_the_role_out_or_hits_it() {
    for (condition, expected) in [
        (json!({"ArnNotLike": {"aws:PrincipalArn": ROLE}}), Verdict::Blocked),
        (
            json!({"StringNotLike": {"aws:PrincipalArn": [ROLE, "arn:aws:iam::444455556666:role/a*"]}}),
            Verdict::Able,
        ),
        (
            json!({"ArnNotLike": {"aws:PrincipalArn": [ROLE, "arn:aws:iam::444455556666:role/app-*"]}}),
            Verdict::Blocked,
        ),
        (
            json!({"ArnNotLike": {"aws:PrincipalArn": [ROLE, "arn:aws:iam::*:role/aws:ec2-infrastructure"]}}),
            Verdict::Able,
        ),
        (
            json!({"ArnNotLikeIfExists": {"aws:PrincipalArn": [ROLE, "arn:aws:iam::111122223333:role/*"]}}),
            Verdict::Blocked,
        ),
        (json!({"ArnNotEquals": {"aws:PrincipalArn": [ROLE, INSTANCE]}}), Verdict::Able),
        (
            json!({"StringNotEquals": {"aws:PrincipalArn": [ROLE, "arn:aws:iam::*:role/aws:ec2-infrastructure"]}}),
            Verdict::Blocked,
        ),
        (json!({"ForAllValues:StringNotEquals": {"AWS:principalARN": ROLE}}), Verdict::Blocked),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/aws:*"}}), Verdict::Blocked),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:user/*"}}), Verdict::Able),
        (json!({"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}}), Verdict::Able),
        (json!({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}), Verdict::Blocked),
        (json!({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}), Verdict::Able),
        (json!({"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]}}), Verdict::Blocked),
    ] {
        for place in [In::KeyPolicy, In::Scp, In::Rcp] {
            assert_eq!(verdict(place, &condition, &[]), expected, "{place:?} {condition}");
        }
    }
}

#[test]
fn what_is_said_of_the_account_holds_for_its_instances() {
    let ours = json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-ours"}});
    for place in [In::KeyPolicy, In::Scp, In::Rcp] {
        assert_eq!(verdict(place, &ours, &[]), Verdict::Unknown);
        assert_eq!(verdict(place, &ours, &[("aws:PrincipalOrgID", "o-ours")]), Verdict::Able);
        assert_eq!(verdict(place, &ours, &[("aws:principalorgid", "o-theirs")]), Verdict::Blocked);
    }
}

#[test]
fn what_is_said_of_the_caller_does_not() {
    let ids = json!({"StringNotLike": {"aws:userid": ["AROAEXAMPLE:*"]}});
    let said = [("aws:userid", "AROAEXAMPLE:jo")];
    let assessment = assess(In::KeyPolicy, deny(&ids), ROLE, &said);
    assert_eq!(assessment.grantee_verdict(), Verdict::Able);
    assert_eq!(assessment.verdict(), Verdict::Unknown);
    assert!(assessment.instance.action.unknown_keys.contains("aws:userid"), "{assessment:#?}");
}

/// "… Deny statements that use aws:SourceIp, aws:VpcSourceIp, aws:SourceVpc or aws:SourceVpce".
#[test]
fn networks_of_ones_own_do_not_hold_it() {
    for condition in [
        json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        json!({"NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}, "BoolIfExists": {"aws:ViaAWSService": "false"}}),
        json!({"StringNotEquals": {"aws:SourceVpc": "vpc-0abc"}}),
        json!({"StringNotEquals": {"aws:SourceVpce": ["vpce-0abc", "vpce-0def"]}}),
    ] {
        for place in [In::KeyPolicy, In::Scp, In::Rcp] {
            let told = [
                ("aws:SourceIp", "203.0.113.7"),
                ("aws:SourceVpc", "vpc-0abc"),
                ("aws:SourceVpce", "vpce-0abc"),
            ];
            for context in [&told[..], &[]] {
                assert_ne!(verdict(place, &condition, context), Verdict::Able, "{place:?} {condition}");
            }
            let mut spared = condition.clone();
            spared["ArnNotEquals"] = json!({"aws:PrincipalArn": INSTANCE});
            assert_eq!(verdict(place, &spared, &told), Verdict::Able, "{place:?} {spared}");
        }
    }
}

#[test]
fn principals_that_a_statement_denies() {
    let of = |element: &str, principals: Value| json!({"Sid": "guard", "Effect": "Deny", element: {"AWS": principals}, "Action": "kms:Decrypt", "Resource": "*"});
    for (statement, expected) in [
        (of("Principal", json!("444455556666")), Verdict::Blocked),
        (of("Principal", json!("111122223333")), Verdict::Able),
        (of("Principal", json!(ROLE)), Verdict::Able),
        (of("NotPrincipal", json!(["arn:aws:iam::444455556666:root", ROLE])), Verdict::Blocked),
    ] {
        let assessment = assess(In::KeyPolicy, statement.clone(), ROLE, &[]);
        assert_eq!(assessment.instance.action.verdict, expected, "{statement}");
    }
}

#[test]
fn the_role_is_of_the_account_that_launches_whoever_the_grantee_is() {
    let linked = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let group = "arn:aws:iam::444455556666:group/ops";
    let account = "arn:aws:iam::444455556666:root";
    for (grantee, role) in [
        (ROLE, INSTANCE),
        (account, INSTANCE),
        (group, INSTANCE),
        (linked, INSTANCE),
        ("arn:aws:iam::111122223333:user/jo", "arn:aws:iam::111122223333:role/aws:ec2-infrastructure"),
        ("arn:aws-cn:iam::444455556666:role/app", "arn:aws-cn:iam::444455556666:role/aws:ec2-infrastructure"),
    ] {
        let denied = deny(&json!({"ArnLike": {"aws:PrincipalArn": role}}));
        let assessment = assess(In::Scp, denied, grantee, &[]);
        assert_eq!(assessment.instance.role, role);
        assert_eq!(assessment.verdict(), Verdict::Blocked, "{grantee}");
    }
}

#[test]
fn a_level_has_to_allow_it() {
    let mut observation = observed(LETS_IN, ROLE, with_policies(&[("p", ALL)]));
    let limits = |text: &str| named("limits.json", text);
    let only_for_others = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}}}});
    observation.organization.scps = Some(vec![vec![limits(ALL)], vec![limits(&only_for_others.to_string())]]);
    let evidence = Evidence::new(&observation, &Extras::default());
    let assessment =
        evidence.assess(&KEY.parse().unwrap(), &ROLE.parse().unwrap(), needed_actions(Purpose::Launch));
    assert_eq!(assessment.grantee_verdict(), Verdict::Able);
    assert_eq!(assessment.verdict(), Verdict::Blocked);
    let obstacles: Vec<String> =
        assessment.instance.action.obstacles.iter().map(ToString::to_string).collect();
    assert_eq!(obstacles, ["the service control policies of level 2 do not allow it"]);
}

#[test]
fn a_key_policy_that_was_not_read_may_deny_it() {
    let mut observation = observed(LETS_IN, ROLE, with_policies(&[("p", ALL)]));
    observation.keys.get_mut(&super::key()).unwrap().policy =
        Reading::Unread("no permission".to_owned().into());
    let evidence = Evidence::new(&observation, &Extras::default());
    let assessment =
        evidence.assess(&KEY.parse().unwrap(), &ROLE.parse().unwrap(), needed_actions(Purpose::Launch));
    assert_eq!(assessment.instance.action.verdict, Verdict::Unknown);
}

#[test]
fn the_way_out_fits_the_statement() {
    for (condition, expected) in [
        (
            json!({"Bool": {"aws:SecureTransport": "true"}, "StringNotLikeIfExists": {"aws:principalArn": ROLE}}),
            format!(
                "add `{INSTANCE}` to the `StringNotLikeIfExists` list of `aws:principalArn` in statement \"guard\""
            ),
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "*"}}),
            format!(
                "add the condition `\"ArnNotEquals\": {{\"aws:PrincipalArn\": \"{INSTANCE}\"}}` to statement \"guard\""
            ),
        ),
        (
            json!({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}),
            format!(
                "add the condition `\"ArnNotEquals\": {{\"aws:PrincipalArn\": \"{INSTANCE}\"}}` to statement \"guard\""
            ),
        ),
    ] {
        let instance = assess(In::Rcp, deny(&condition), ROLE, &[]).instance;
        let statement = instance.action.statements.first().unwrap();
        assert_eq!(instance.way_out(statement), expected);
    }
}
