//! Statements that let anyone in: every AWS account is named, and nothing confines it.
//!
//! What confines is what AWS takes for it when it calls a policy public: a condition on who asks, or from where,
//! whose values are fixed, which is to say without a wildcard or a policy variable.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status>

use super::{AwsPrincipal, Condition, Effect, PolicyDocument, PrincipalElement, Statement};

/// What of a value has to be fixed, so that a condition on its key confines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fixed {
    /// All of it.
    Whole,
    /// The account of an ARN; all of an ARN without one.
    Account,
    /// What stands before the first of these: an organization before its units, a role before its session.
    Before(char),
    /// A network that is not wide.
    Network,
}

/// The condition keys that tell who asks, or from where, in lower case.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-caller-account>
const CONFINING: [(&str, Fixed); 20] = [
    ("aws:principalaccount", Fixed::Whole),
    ("aws:principalarn", Fixed::Account),
    ("aws:principalorgid", Fixed::Whole),
    ("aws:principalorgpaths", Fixed::Before('/')),
    ("aws:principalservicename", Fixed::Whole),
    ("aws:principalservicenameslist", Fixed::Whole),
    ("aws:sourceaccount", Fixed::Whole),
    ("aws:sourcearn", Fixed::Account),
    ("aws:sourceip", Fixed::Network),
    ("aws:sourceorgid", Fixed::Whole),
    ("aws:sourceorgpaths", Fixed::Before('/')),
    ("aws:sourceowner", Fixed::Whole),
    ("aws:sourcevpc", Fixed::Whole),
    ("aws:sourcevpcarn", Fixed::Account),
    ("aws:sourcevpce", Fixed::Whole),
    ("aws:userid", Fixed::Before(':')),
    ("aws:vpceaccount", Fixed::Whole),
    ("aws:vpceorgid", Fixed::Whole),
    ("aws:vpceorgpaths", Fixed::Before('/')),
    ("kms:calleraccount", Fixed::Whole),
];

impl PolicyDocument {
    /// The `Allow` statements about KMS that let anyone in, by index: no condition of theirs confines them, and no
    /// `Deny` keeps out who is not of an account, an organization, a principal or a network.
    pub fn open_statements(&self) -> Vec<usize> {
        let is_open = |statement: &Statement| {
            statement.effect == Effect::Allow
                && !statement.kms_actions().is_empty()
                && statement.resource.is_some()
                && statement.principal.as_ref().is_some_and(is_for_anyone)
                && !statement.conditions.iter().any(confines)
                && !self.statements.iter().any(|deny| keeps_strangers_out(deny, statement))
        };
        let statements = self.statements.iter().enumerate();
        statements.filter(|(_, statement)| is_open(statement)).map(|(index, _)| index).collect()
    }
}

/// Whether every account is named; all but a few are as good as all.
fn is_for_anyone(principal: &PrincipalElement) -> bool {
    principal.negated || names_anyone(principal)
}

fn names_anyone(principal: &PrincipalElement) -> bool {
    principal.aws().contains(&AwsPrincipal::Anyone)
}

/// Whether an `Allow` statement with such a condition is for somebody in particular.
fn confines(condition: &Condition) -> bool {
    let operator = condition.operator.to_ascii_lowercase();
    // Without the key, ForAllValues and IfExists hold.
    let operator = operator.strip_prefix("foranyvalue:").unwrap_or(&operator);
    let is_positive = matches!(
        operator,
        "stringequals" | "stringequalsignorecase" | "stringlike" | "arnequals" | "arnlike" | "ipaddress"
    );
    is_positive && has_fixed_values(condition)
}

/// Whether a `Deny` with such a condition spares somebody in particular only.
fn spares_few(condition: &Condition) -> bool {
    let operator = condition.operator.to_ascii_lowercase();
    // Without the key, ForAnyValue does not hold, so that such a Deny spares whoever lacks it.
    let operator = operator.strip_prefix("forallvalues:").unwrap_or(&operator);
    let operator = operator.strip_suffix("ifexists").unwrap_or(operator);
    match operator {
        "stringnotequals"
        | "stringnotequalsignorecase"
        | "stringnotlike"
        | "arnnotequals"
        | "arnnotlike"
        | "notipaddress" => has_fixed_values(condition),
        // AWS's services are no strangers.
        "bool" => {
            condition.key.eq_ignore_ascii_case("aws:PrincipalIsAWSService")
                && condition.values.iter().all(|value| value.eq_ignore_ascii_case("false"))
        }
        _ => false,
    }
}

/// Whether a `Deny` keeps all but a few from whatever an `Allow` statement is about.
fn keeps_strangers_out(deny: &Statement, allow: &Statement) -> bool {
    let Some(principal) = &deny.principal else { return false };
    let is_of_all = if principal.negated {
        !names_anyone(principal) && deny.conditions.is_empty()
    } else {
        names_anyone(principal) && deny.conditions.iter().all(spares_few)
    };
    let is_of_the_key = deny
        .resource
        .as_ref()
        .is_some_and(|resource| !resource.negated && resource.list.iter().any(|text| text == "*"));
    deny.effect == Effect::Deny
        && deny.unknown.is_empty()
        && is_of_all
        && is_of_the_key
        && deny.kms_actions().contains(allow.kms_actions())
}

fn has_fixed_values(condition: &Condition) -> bool {
    let key = condition.key.to_ascii_lowercase();
    let Some((_, fixed)) = CONFINING.iter().find(|(known, _)| *known == key) else { return false };
    let compares_arns = condition.operator.to_ascii_lowercase().contains("arn");
    condition.values.iter().all(|value| match fixed {
        Fixed::Whole => is_fixed(value),
        Fixed::Before(end) => value.split(*end).next().is_some_and(is_fixed),
        Fixed::Account => has_fixed_account(value, compares_arns),
        Fixed::Network => is_narrow(value),
    })
}

/// Whether a text has no wildcard, and no variable but one whose value follows from the key itself.
fn is_fixed(text: &str) -> bool {
    let follows_from_key = ["${aws:ResourceAccount}", "${aws:ResourceOrgID}"];
    follows_from_key.iter().any(|variable| text.eq_ignore_ascii_case(variable))
        || !(text.contains(['*', '?']) || text.contains("${"))
}

fn has_fixed_account(arn: &str, compares_arns: bool) -> bool {
    // In a variable stands a colon too.
    let arn = arn.replace("${aws:", "${aws.");
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix @ .., account, _] = parts.as_slice() else { return is_fixed(&arn) };
    let account = account.replace("${aws.", "${aws:");
    // A wildcard in a text, unlike one in an ARN, goes beyond a colon.
    let is_told_apart = compares_arns || prefix.iter().all(|part| is_fixed(part));
    if account.is_empty() { is_fixed(&arn) } else { is_told_apart && is_fixed(&account) }
}

/// "Bucket policies … with very broad IP ranges … are evaluated as public. This includes values broader than /8 for
/// IPv4 and /32 for IPv6."
fn is_narrow(network: &str) -> bool {
    let Some((address, length)) = network.split_once('/') else { return is_fixed(network) };
    let least = if address.contains(':') { 32 } else { 8 };
    is_fixed(address) && length.parse::<u8>().is_ok_and(|length| length >= least)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn open(statements: &Value) -> Vec<usize> {
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        PolicyDocument::parse(text).unwrap().open_statements()
    }

    fn anyone(condition: &Value) -> Value {
        json!({
            "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*", "Condition": condition,
        })
    }

    fn is_open_under(condition: &Value) -> bool {
        !open(&json!([anyone(condition)])).is_empty()
    }

    #[test]
    fn whoever_is_named_as_anyone_is_anyone() {
        for (principal, is_open) in [
            (json!({"Principal": "*"}), true),
            (json!({"Principal": {"AWS": "*"}}), true),
            (json!({"Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}}), true),
            (json!({"Principal": {"Service": "ec2.amazonaws.com", "AWS": "*"}}), true),
            (json!({"NotPrincipal": {"AWS": "111122223333"}}), true),
            (json!({"Principal": {"AWS": "111122223333"}}), false),
            (json!({"Principal": {"Service": "ec2.amazonaws.com"}}), false),
            (json!({}), false),
        ] {
            for actions in [
                json!({"Action": "kms:*"}),
                json!({"Action": ["s3:*", "kms:Decrypt"]}),
                json!({"NotAction": "kms:Decrypt"}),
            ] {
                let mut statement = json!({"Effect": "Allow", "Resource": "*"});
                let members = [&principal, &actions].into_iter().flat_map(|part| part.as_object().unwrap());
                members.for_each(|(name, value)| statement[name] = value.clone());
                assert_eq!(!open(&json!([statement])).is_empty(), is_open, "{statement}");
            }
        }
        let other = |member: &str, value: &str| {
            let mut statement = anyone(&json!({}));
            statement[member] = json!(value);
            open(&json!([statement]))
        };
        assert_eq!((other("Effect", "Deny"), other("Action", "s3:*")), (vec![], vec![]));
    }

    #[test]
    fn fixed_values_confine() {
        for (operator, key, value) in [
            ("StringEquals", "aws:PrincipalOrgID", json!("o-a1b2c3d4e5")),
            ("StringEquals", "AWS:principalorgid", json!(["o-a1b2c3d4e5", "o-b1b2c3d4e5"])),
            ("StringLike", "aws:PrincipalOrgID", json!("o-a1b2c3d4e5")),
            ("stringEqualsIgnoreCase", "aws:PrincipalAccount", json!("111122223333")),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", json!("o-a1b2c3d4e5/r-ab12/*")),
            ("StringEquals", "kms:CallerAccount", json!("111122223333")),
            ("ArnLike", "aws:PrincipalArn", json!("arn:aws:iam::111122223333:role/*")),
            ("ArnLike", "aws:PrincipalArn", json!("arn:*:iam::111122223333:role/*")),
            ("StringLike", "aws:PrincipalArn", json!("arn:aws:iam::111122223333:role/*")),
            ("ArnEquals", "aws:SourceArn", json!("arn:aws:s3:::bucket")),
            ("StringEquals", "aws:SourceAccount", json!("111122223333")),
            ("StringEquals", "aws:SourceVpc", json!("vpc-1234")),
            ("StringEquals", "aws:SourceVpce", json!(["vpce-1234", "vpce-5678"])),
            ("StringLike", "aws:userid", json!("AROAEXAMPLEEXAMPLE123:*")),
            ("IpAddress", "aws:SourceIp", json!(["203.0.113.0/24", "198.51.100.7", "2001:db8::/48"])),
            ("StringEquals", "aws:PrincipalOrgID", json!("${aws:ResourceOrgID}")),
            ("ArnLike", "aws:PrincipalArn", json!("arn:aws:iam::${aws:ResourceAccount}:role/app")),
        ] {
            let condition = json!({operator: {key: value}});
            assert!(!is_open_under(&condition), "{condition}");
            let with_more = json!({operator: {key: value}, "Bool": {"aws:SecureTransport": "true"}});
            assert!(!is_open_under(&with_more), "{with_more}");
        }
    }

    #[test]
    fn what_is_not_fixed_or_not_about_who_asks_does_not() {
        for (operator, key, value) in [
            ("StringLike", "aws:PrincipalOrgID", json!("*")),
            ("StringEquals", "aws:PrincipalOrgID", json!("*")),
            ("StringLike", "aws:PrincipalOrgID", json!(["o-a1b2c3d4e5", "o-*"])),
            ("StringEqualsIfExists", "aws:PrincipalOrgID", json!("o-a1b2c3d4e5")),
            ("ForAllValues:StringLike", "aws:PrincipalOrgPaths", json!("o-a1b2c3d4e5/r-ab12/*")),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", json!("o-*/r-ab12/*")),
            ("StringNotEquals", "aws:PrincipalAccount", json!("111122223333")),
            ("StringEquals", "aws:PrincipalAccount", json!("${aws:PrincipalAccount}")),
            ("StringLike", "aws:PrincipalAccount", json!("1111*")),
            ("ArnLike", "aws:PrincipalArn", json!("arn:aws:iam::*:role/app")),
            ("StringLike", "aws:PrincipalArn", json!("arn:*:111122223333:role/app")),
            ("StringLike", "aws:PrincipalArn", json!("arn:aws:iam::*:role/x:y:111122223333:role/app")),
            ("ArnLike", "aws:SourceArn", json!("arn:aws:s3:::*")),
            ("StringLike", "aws:userid", json!("*:session")),
            ("IpAddress", "aws:SourceIp", json!("0.0.0.0/0")),
            ("IpAddress", "aws:SourceIp", json!(["203.0.113.0/24", "0.0.0.0/1"])),
            ("IpAddress", "aws:SourceIp", json!("2001::/16")),
            ("NotIpAddress", "aws:SourceIp", json!("203.0.113.0/24")),
            ("StringEquals", "kms:ViaService", json!("ec2.eu-west-1.amazonaws.com")),
            ("StringEquals", "aws:PrincipalTag/team", json!("a")),
            ("StringEquals", "aws:ResourceAccount", json!("111122223333")),
            ("Bool", "kms:GrantIsForAWSResource", json!("true")),
            ("Null", "aws:PrincipalOrgID", json!("false")),
        ] {
            let condition = json!({operator: {key: value}});
            assert!(is_open_under(&condition), "{condition}");
        }
        assert!(is_open_under(&json!({})));
    }

    #[test]
    fn a_deny_of_all_others_confines_too() {
        let deny = |rest: Value| {
            let mut deny = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"});
            rest.as_object().unwrap().iter().for_each(|(name, value)| deny[name] = value.clone());
            deny
        };
        let of_others = |condition: Value| deny(json!({"Condition": condition}));
        let org = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}});
        let mut not_listed = deny(json!({"NotPrincipal": {"AWS": "111122223333"}}));
        not_listed.as_object_mut().unwrap().remove("Principal");
        for (deny, is_open) in [
            (of_others(org.clone()), false),
            (of_others(json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})), false),
            (
                of_others(json!({
                    "StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                })),
                false,
            ),
            (not_listed, false),
            (deny(json!({})), false),
            (of_others(json!({"StringNotLike": {"aws:PrincipalOrgID": "o-*"}})), true),
            (of_others(json!({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-a/*"}})), true),
            (of_others(json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})), true),
            (of_others(json!({"StringNotEquals": {"kms:ViaService": "ec2"}})), true),
            (
                of_others(json!({
                    "StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "kms:ViaService": "ec2"},
                })),
                true,
            ),
            (deny(json!({"Condition": org, "Action": "kms:Decrypt"})), true),
            (deny(json!({"Condition": org, "Principal": {"AWS": "444455556666"}})), true),
            (deny(json!({"Condition": org, "Resource": "arn:aws:kms:eu-west-1:111122223333:key/1"})), true),
        ] {
            let found = open(&json!([anyone(&json!({})), deny]));
            assert_eq!(!found.is_empty(), is_open, "{deny}");
        }
    }
}
