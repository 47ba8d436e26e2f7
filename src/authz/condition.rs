//! The operators of the `Condition` element.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

mod matcher;
mod values;

use std::collections::BTreeSet;

use crate::policy;

use super::context::{ConditionKey, Lookup, Query};
use super::near_miss::{Has, Unmet};
use super::truth::Truth;
use matcher::Matcher;

/// One operator applied to one key, taken apart once.
#[derive(Debug, Clone)]
pub(crate) struct PreparedCondition {
    /// As written.
    operator: String,
    key: ConditionKey,
    /// As written.
    values: Vec<String>,
    quantifier: Option<Quantifier>,
    /// `…IfExists`: holds where the request does not have the key.
    if_exists: bool,
    test: Test,
}

/// `ForAllValues:` or `ForAnyValue:`.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    All,
    Any,
}

#[derive(Debug, Clone)]
enum Test {
    /// An operator that is not known, or a value that it can't have.
    Undecidable,
    /// `Null`: whether the condition holds of a key that is absent, and of one that is present.
    Null { absent: bool, present: bool },
    /// Any other operator; negated ones hold where none of the values matches.
    Compare { matcher: Matcher, negated: bool },
}

impl PreparedCondition {
    /// Takes a condition apart; `has_variables` tells whether the document's version knows policy variables.
    pub(crate) fn new<T: AsRef<str>>(condition: &policy::Condition<T>, has_variables: bool) -> Self {
        let written = condition.operator.as_ref();
        let values: Vec<String> = condition.values.iter().map(|value| value.as_ref().to_owned()).collect();
        let (quantifier, operator) = match written.split_once(':') {
            Some(("ForAllValues", operator)) => (Some(Quantifier::All), operator),
            Some(("ForAnyValue", operator)) => (Some(Quantifier::Any), operator),
            _ => (None, written),
        };
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        let test = match operator {
            "Null" if quantifier.is_none() && !if_exists => null(&values),
            _ => Matcher::new(operator, &values, has_variables)
                .map_or(Test::Undecidable, |(matcher, negated)| Test::Compare { matcher, negated }),
        };
        let (operator, key) = (written.to_owned(), ConditionKey::new(condition.key.as_ref()));
        Self { operator, key, values, quantifier, if_exists, test }
    }

    /// What the condition wants, of a request for which it can't hold, and what the request has.
    pub(crate) fn unmet(&self, query: &Query<'_>) -> Unmet {
        let has = match query.look_up(&self.key) {
            Lookup::Absent => match self.key.others_alone_have_it(query.action) {
                Some(others) => Has::OthersAlone(others),
                None => Has::Nothing,
            },
            Lookup::One(value)
            | Lookup::RoleOfUnknownPath { arn: value, .. }
            | Lookup::IdentityOnlyRole(value)
            | Lookup::AbsentOr(value) => Has::Values(vec![value.to_owned()]),
            Lookup::Many(values) => Has::Values(values.to_vec()),
            Lookup::Like(_)
            | Lookup::OfOwnAccount(_)
            | Lookup::OtherThan(_)
            | Lookup::Elsewhere
            | Lookup::Present
            | Lookup::Unknown => Has::Something,
        };
        let operator = self.operator.rsplit(':').next().unwrap_or_default();
        let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
        Unmet::new(&self.key.text, operator, self.values.clone(), has, &query.key.arn.region)
    }

    /// The operator as written, and the key, where the condition holds for every caller whose ARN is not among its
    /// values.
    pub(crate) fn all_but_listed_arns(&self) -> Option<(&str, &str)> {
        let is_negated = matches!(self.test, Test::Compare { negated: true, .. });
        (self.key.is_principal_arn() && is_negated)
            .then_some((self.operator.as_str(), self.key.text.as_str()))
    }

    /// Whether the condition asks for an organization that whoever asks is a member of no account of.
    pub(crate) fn is_of_others(&self, query: &Query<'_>) -> bool {
        query.principal.membership().is_some()
            && self.key.is_of_organizations()
            && self.holds(query) == Truth::False
    }

    /// Whether the condition holds for a request.
    pub(crate) fn holds(&self, query: &Query<'_>) -> Truth {
        let found = query.look_up(&self.key);
        match &self.test {
            Test::Undecidable => Truth::Unknown,
            Test::Null { absent, present } => match found {
                Lookup::Absent => (*absent).into(),
                Lookup::Unknown | Lookup::AbsentOr(_) | Lookup::Elsewhere if absent != present => {
                    Truth::Unknown
                }
                _ => (*present).into(),
            },
            Test::Compare { matcher, negated } => self.compare(matcher, *negated, found, query),
        }
    }

    fn compare(&self, matcher: &Matcher, negated: bool, found: Lookup<'_>, query: &Query<'_>) -> Truth {
        let holds = |value: &str| {
            // A negated condition with a variable that has no value is not documented.
            let unresolved = if negated { Truth::Unknown } else { Truth::False };
            let matched = matcher.matches(value, query, unresolved);
            if negated { !matched } else { matched }
        };
        match found {
            // The same of any value and of none, as for `StringLikeIfExists` with `*`.
            Lookup::Unknown
                if matcher.is_anything() && self.holds_of_nothing(negated) == (!negated).into() =>
            {
                self.holds_of_nothing(negated)
            }
            Lookup::Present | Lookup::OtherThan(_) if matcher.is_anything() => (!negated).into(),
            Lookup::Like(pattern) => {
                let matched = matcher.matches_all_like(&self.values, pattern);
                if negated { !matched } else { matched }
            }
            Lookup::OfOwnAccount(pattern) => {
                let matched = matcher.matches_of_own_account(&self.values, pattern);
                if negated { !matched } else { matched }
            }
            Lookup::OtherThan(value) if matcher.is_about_nothing_but(value) => negated.into(),
            Lookup::Unknown | Lookup::Present | Lookup::OtherThan(_) => Truth::Unknown,
            Lookup::AbsentOr(value) => self.holds_of_nothing(negated).unless_differing(holds(value)),
            Lookup::Elsewhere if matcher.may_match_elsewhere() => Truth::Unknown,
            Lookup::Elsewhere => self.holds_of_nothing(negated).unless_differing(negated.into()),
            Lookup::Absent => self.holds_of_nothing(negated),
            // "… or if the key value resolves to a null data set, such as an empty string."
            Lookup::One("") if self.quantifier.is_some() => self.holds_of_nothing(negated),
            Lookup::One(value) => holds(value),
            Lookup::RoleOfUnknownPath { arn, name } => match holds(arn) {
                truth if truth == Truth::from(negated) && matcher.asks_for_path(&self.values, arn, name) => {
                    Truth::Unknown
                }
                truth => truth,
            },
            Lookup::IdentityOnlyRole(arn) => match holds(arn) {
                truth if truth == Truth::from(negated) && matcher.asks_for_instance(&self.values, arn) => {
                    Truth::Unknown
                }
                truth => truth,
            },
            Lookup::Many(values) => {
                let mut truths = values.iter().map(|value| holds(value));
                match self.quantifier {
                    Some(Quantifier::All) => Truth::all(truths),
                    Some(Quantifier::Any) => Truth::any(truths),
                    // Several values want a set operator; without one nothing is documented.
                    None => {
                        let first = truths.next().unwrap_or(Truth::Unknown);
                        if truths.all(|truth| truth == first) { first } else { Truth::Unknown }
                    }
                }
            }
        }
    }

    /// Whether the condition holds where the request does not have the key.
    fn holds_of_nothing(&self, negated: bool) -> Truth {
        let holds = self.if_exists
            || match self.quantifier {
                Some(Quantifier::All) => true,
                Some(Quantifier::Any) => false,
                None => negated,
            };
        holds.into()
    }

    /// Adds the keys that would tell whether the condition holds.
    pub(crate) fn unknown_keys(&self, query: &Query<'_>, keys: &mut BTreeSet<String>) {
        if let Test::Undecidable = self.test {
            return;
        }
        if query.look_up(&self.key).is_open() {
            keys.insert(self.key.text.clone());
        }
        if let Test::Compare { matcher, .. } = &self.test {
            matcher.unknown_keys(query, keys);
        }
    }
}

fn null(values: &[String]) -> Test {
    let is = |wanted: &str| values.iter().any(|value| value.eq_ignore_ascii_case(wanted));
    if values.iter().all(|value| ["true", "false"].iter().any(|known| value.eq_ignore_ascii_case(known))) {
        Test::Null { absent: is("true"), present: is("false") }
    } else {
        Test::Undecidable
    }
}
