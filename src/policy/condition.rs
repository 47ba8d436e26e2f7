//! The conditions of a statement.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>

use std::collections::BTreeSet;

/// One operator applied to one key: the atom that a statement's `Condition` element is a conjunction of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<T = String> {
    /// As written, qualifiers included: `ForAllValues:StringEquals`.
    pub operator: T,
    /// As written; condition keys are equal in any case.
    pub key: T,
    /// The values, alternatives of each other; booleans and numbers as their text.
    pub values: Vec<T>,
}

impl Condition {
    /// The operator, the key in lower case, the values as a set: equal for conditions of the same meaning.
    pub fn meaning(&self) -> (&str, String, BTreeSet<&str>) {
        (&self.operator, self.key.to_ascii_lowercase(), self.values.iter().map(String::as_str).collect())
    }

    /// Whether a value has a policy variable, where the version of its document knows these.
    pub fn has_variable(&self) -> bool {
        self.values.iter().any(|value| value.contains("${"))
    }

    /// Whether both say the same.
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.meaning() == other.meaning()
    }
}

/// Whether each condition of `narrow` also stands in `wide`, by meaning.
pub fn is_subset(narrow: &[Condition], wide: &[Condition]) -> bool {
    narrow.iter().all(|condition| wide.iter().any(|other| condition.same_meaning(other)))
}

/// Whether both conjunctions have the same conditions, by meaning.
pub fn same_meaning(left: &[Condition], right: &[Condition]) -> bool {
    is_subset(left, right) && is_subset(right, left)
}
