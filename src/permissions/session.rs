//! The policy of a session that is there for the calls of one plan alone: it gives nothing, and what the role may do besides
//! the session may not.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// How long a session's policy may be, in characters. AWS packs it besides, and tells no limit of that.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
const MOST: usize = 2048;

/// A write that is planned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedCall {
    /// The call, as IAM names its permission.
    pub action: &'static str,
    /// The ARN of what it is allowed on.
    pub resource: String,
    /// The ARN of the policy that it attaches or detaches.
    pub policy: Option<String>,
}

/// Policies for a session that makes these calls, the narrowest first: of each call on its resource, and of the calls
/// alone where that would be too long, or packs too badly.
pub fn session_policies(calls: &BTreeSet<PlannedCall>) -> Vec<String> {
    let mut resources: BTreeMap<(&str, Option<&str>), BTreeSet<String>> = BTreeMap::new();
    for PlannedCall { action, resource, policy } in calls {
        resources.entry((action, policy.as_deref())).or_default().insert(literal(resource));
    }
    let exact: Vec<Value> = resources
        .iter()
        .map(|((action, policy), resources)| {
            let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": resources});
            if let (Some(policy), Some(members)) = (policy, statement.as_object_mut()) {
                let condition = json!({"ArnEquals": {"iam:PolicyARN": literal(policy)}});
                members.insert("Condition".to_owned(), condition);
            }
            statement
        })
        .collect();
    let actions: BTreeSet<&str> = calls.iter().map(|call| call.action).collect();
    let by_action = vec![json!({"Effect": "Allow", "Action": actions, "Resource": "*"})];
    let policies = [exact, by_action].map(|statements| super::policy(&statements).to_string());
    policies.into_iter().filter(|text| text.chars().count() <= MOST).collect()
}

/// An ARN in which nothing stands for anything else.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars>
fn literal(arn: &str) -> String {
    let mut text = String::with_capacity(arn.len());
    for character in arn.chars() {
        match character {
            '*' | '?' | '$' => text.extend(["${", character.encode_utf8(&mut [0; 4]), "}"]),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyDocument;

    fn call(action: &'static str, resource: &str, policy: Option<&str>) -> PlannedCall {
        PlannedCall { action, resource: resource.to_owned(), policy: policy.map(str::to_owned) }
    }

    #[test]
    fn the_narrowest_names_each_call_with_what_it_is_about() {
        let calls = BTreeSet::from([
            call("kms:PutKeyPolicy", "arn:aws:kms:eu-west-1:111122223333:key/2", None),
            call("kms:PutKeyPolicy", "arn:aws:kms:eu-west-1:111122223333:key/1", None),
            call(
                "iam:AttachRolePolicy",
                "arn:aws:iam::111122223333:role/a?/b",
                Some("arn:aws:iam::111122223333:policy/$*"),
            ),
        ]);
        let policies = session_policies(&calls);
        assert_eq!(
            policies,
            [
                "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iam:AttachRolePolicy\",\
                 \"Resource\":[\"arn:aws:iam::111122223333:role/a${?}/b\"],\"Condition\":{\"ArnEquals\":{\"iam:PolicyARN\":\
                 \"arn:aws:iam::111122223333:policy/${$}${*}\"}}},{\"Effect\":\"Allow\",\"Action\":\"kms:PutKeyPolicy\",\
                 \"Resource\":[\"arn:aws:kms:eu-west-1:111122223333:key/1\",\"arn:aws:kms:eu-west-1:111122223333:key/2\"]}]}",
                "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"iam:AttachRolePolicy\",\
                 \"kms:PutKeyPolicy\"],\"Resource\":\"*\"}]}",
            ]
        );
        assert!(policies.iter().all(|text| PolicyDocument::parse(text.as_str()).is_ok()));
    }

    #[test]
    fn what_is_too_long_is_not_tried() {
        let key =
            |number| format!("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-{number:012}");
        let of = |count| (0..count).map(|number| call("kms:PutKeyPolicy", &key(number), None)).collect();
        let [few, many] = [25, 26].map(|count| session_policies(&of(count)));
        assert_eq!((few.len(), many.len()), (2, 1));
        assert!(few[0].len() <= MOST && few[0].len() > MOST - 100 && few[1] == many[0], "{}", few[0].len());
    }
}
