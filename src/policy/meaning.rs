//! Equality by meaning, because AWS gives documents back in another form than they were sent.
//!
//! Lists are sets, a scalar is a list of one, an account id is its root's ARN, booleans and numbers are
//! their text, actions and condition keys are equal in any case, and order never matters.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::document::{ListElement, PolicyDocument, PrincipalElement, Statement, StringList};
use super::documents::Documents;
use super::principal::AwsPrincipal;
use crate::arn::Partition;

/// A hash of a document's meaning: SHA-256, in hexadecimal.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PolicyDocument {
    /// Whether `${…}` in it is a variable: "Earlier versions of the policy language don't support policy variables",
    /// and a document without a version is of an earlier one.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
    pub fn knows_variables(&self) -> bool {
        knows_variables(self.version.as_deref())
    }

    /// The fingerprint of the document in a partition, which says what a bare account id stands for.
    pub fn fingerprint(&self, partition: Partition) -> Fingerprint {
        let digest = Sha256::digest(canonical(self, partition).to_string());
        Fingerprint(digest.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}")))
    }

    /// Whether both documents mean the same in a partition.
    pub fn same_meaning(&self, other: &Self, partition: Partition) -> bool {
        canonical(self, partition) == canonical(other, partition)
    }
}

/// Whether documents of a version have variables.
pub(crate) fn knows_variables(version: Option<&str>) -> bool {
    version == Some("2012-10-17")
}

/// Whether two texts mean the same in a partition; a text that is no policy is only equal to itself.
pub fn is_same(left: &str, right: &str, partition: Partition) -> bool {
    Documents::default().is_same(left, right, partition)
}

impl Statement {
    /// The statement in a form that is equal for statements of the same meaning.
    pub(crate) fn canonical(&self, partition: Partition) -> Value {
        let conditions: BTreeSet<_> = self
            .conditions
            .iter()
            .map(|c| c.meaning())
            .map(|(op, key, values)| (op.to_owned(), key, values))
            .collect();
        json!([
            self.effect.as_str(),
            self.sid,
            self.principal.as_ref().map(|principal| canonical_principal(principal, partition)),
            self.action.as_ref().map(|element| canonical_element(element, str::to_ascii_lowercase)),
            self.resource.as_ref().map(|element| canonical_element(element, str::to_owned)),
            conditions,
            canonical_unknown(&self.unknown),
        ])
    }
}

fn canonical(document: &PolicyDocument, partition: Partition) -> Value {
    let mut statements: Vec<Value> =
        document.statements.iter().map(|statement| statement.canonical(partition)).collect();
    statements.sort_by_key(Value::to_string);
    json!([document.version, document.id, statements, canonical_unknown(&document.unknown)])
}

fn canonical_element(element: &ListElement, fold: impl Fn(&str) -> String) -> Value {
    json!([element.negated, set(&element.list, fold)])
}

fn canonical_principal(element: &PrincipalElement, partition: Partition) -> Value {
    let mut types: Vec<(String, BTreeSet<String>)> = match &element.types {
        None => vec![("AWS".to_owned(), BTreeSet::from(["*".to_owned()]))],
        Some(types) => types
            .iter()
            .map(|kind| {
                (kind.name.clone(), set(&kind.list, |text| canonical_aws(&kind.name, text, partition)))
            })
            .collect(),
    };
    types.sort();
    json!([element.negated, types])
}

fn canonical_aws(kind: &str, text: &str, partition: Partition) -> String {
    match AwsPrincipal::parse(text) {
        AwsPrincipal::Account { partition: None, id } if kind == "AWS" => {
            format!("arn:{partition}:iam::{id}:root")
        }
        _ => text.to_owned(),
    }
}

fn canonical_unknown(unknown: &[(String, Value)]) -> Value {
    let mut sorted: Vec<_> = unknown.to_vec();
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    json!(sorted)
}

fn set(list: &StringList, fold: impl Fn(&str) -> String) -> BTreeSet<String> {
    list.iter().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(text: &str) -> Fingerprint {
        PolicyDocument::parse(text).unwrap().fingerprint(Partition::Aws)
    }

    const BASE: &str = r#"{"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ["444455556666", "arn:aws:iam::111122223333:role/a"]},
         "Action": ["kms:Decrypt"], "Resource": "*", "Condition": {"Bool": {"kms:GrantIsForAWSResource": true}}},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}]}"#;

    #[test]
    fn forms_that_aws_swaps_are_equal() {
        let read_back = r#"{"Statement": [
            {"Resource": ["*"], "Action": "KMS:*", "Effect": "Deny", "Principal": {"AWS": "*"}},
            {"Principal": {"AWS": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::444455556666:root"]},
             "Effect": "Allow", "Action": "kms:decrypt", "Resource": "*",
             "Condition": {"Bool": {"KMS:GrantIsForAWSResource": ["true"]}}}]}"#;
        assert_eq!(fingerprint(BASE), fingerprint(read_back));
    }

    #[test]
    fn differences_of_meaning_show() {
        for (from, to) in [
            ("kms:Decrypt", "kms:Encrypt"),
            ("\"444455556666\"", "\"arn:aws-cn:iam::444455556666:root\""),
            ("role/a", "role/A"),
            ("\"Deny\"", "\"Allow\""),
            ("\"Resource\": \"*\"}]", "\"NotResource\": \"*\"}]"),
            ("true", "false"),
            ("\"Bool\"", "\"BoolIfExists\""),
            ("{\"Statement\"", "{\"Version\": \"2012-10-17\", \"Statement\""),
            ("{\"Effect\": \"Deny\"", "{\"Sid\": \"x\", \"Effect\": \"Deny\""),
            ("{\"Effect\": \"Deny\"", "{\"Surprise\": 1, \"Effect\": \"Deny\""),
        ] {
            assert_ne!(fingerprint(BASE), fingerprint(&BASE.replacen(from, to, 1)), "{from} -> {to}");
        }
    }
}
