//! A request as it stands in a line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::{Constraint, Grant};
use crate::policy::KmsAction;
use crate::policy::actions::UnknownAction;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'l> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'l RawValue>,
    #[serde(borrow)]
    pub(super) principal: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) action: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) key: Cow<'l, str>,
    #[serde(borrow, default)]
    pub(super) key_policy: Option<&'l RawValue>,
    #[serde(borrow, default)]
    pub(super) ram_policy: Option<&'l RawValue>,
    #[serde(borrow, default)]
    pub(super) identity_policies: Option<Vec<&'l RawValue>>,
    #[serde(borrow, default)]
    pub(super) boundary: Option<&'l RawValue>,
    #[serde(borrow, default)]
    pub(super) scps: Option<Vec<Vec<&'l RawValue>>>,
    #[serde(borrow, default)]
    pub(super) rcps: Option<Vec<Vec<&'l RawValue>>>,
    #[serde(borrow, default)]
    pub(super) session_policy: Option<&'l RawValue>,
    #[serde(default)]
    pub(super) grants: Option<Vec<GrantEntry>>,
    #[serde(default)]
    pub(super) context: Option<BTreeMap<String, Values>>,
    #[serde(default)]
    pub(super) context_complete: bool,
}

/// What of a bad line is still told.
#[derive(serde::Deserialize)]
pub(super) struct Id<'l> {
    #[serde(borrow)]
    pub(super) id: Option<&'l RawValue>,
}

/// A grant as `ListGrants` gives it.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantListEntry.html>
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GrantEntry {
    #[serde(default)]
    grantee_principal: Option<String>,
    operations: Vec<String>,
    #[serde(default)]
    retiring_principal: Option<String>,
    #[serde(default)]
    constraints: Option<Constraints>,
    #[serde(default, rename = "KeyId")]
    _key_id: IgnoredAny,
    #[serde(default, rename = "GrantId")]
    _grant_id: IgnoredAny,
    #[serde(default, rename = "Name")]
    _name: IgnoredAny,
    #[serde(default, rename = "CreationDate")]
    _creation_date: IgnoredAny,
    #[serde(default, rename = "IssuingAccount")]
    _issuing_account: IgnoredAny,
    #[serde(default)]
    grantee_service_principal: Option<String>,
    #[serde(default)]
    retiring_service_principal: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Constraints {
    #[serde(default)]
    encryption_context_subset: Option<BTreeMap<String, String>>,
    #[serde(default)]
    encryption_context_equals: Option<BTreeMap<String, String>>,
    #[serde(default)]
    source_arn: Option<String>,
}

/// Why an entry is no grant.
#[derive(Debug, thiserror::Error)]
pub(super) enum GrantError {
    #[error("neither GranteePrincipal nor GranteeServicePrincipal is given")]
    Grantee,
    #[error("Operations: {0}")]
    Operation(#[from] UnknownAction),
}

impl TryFrom<GrantEntry> for Grant {
    type Error = GrantError;

    fn try_from(entry: GrantEntry) -> Result<Self, GrantError> {
        for operation in &entry.operations {
            format!("kms:{operation}").parse::<KmsAction>()?;
        }
        let grantee =
            entry.grantee_principal.or(entry.grantee_service_principal).ok_or(GrantError::Grantee)?;
        let mut grant = Self::new(&grantee, entry.operations.iter().map(String::as_str));
        if let Some(retiring) = entry.retiring_principal.or(entry.retiring_service_principal) {
            grant = grant.with_retiring_principal(&retiring);
        }
        let Some(constraints) = entry.constraints else {
            return Ok(grant);
        };
        let subset = constraints.encryption_context_subset.map(Constraint::Subset);
        let equals = constraints.encryption_context_equals.map(Constraint::Equals);
        let source = constraints.source_arn.map(Constraint::SourceArn);
        Ok(subset.into_iter().chain(equals).chain(source).fold(grant, Self::with_constraint))
    }
}

/// The values of a condition key: a text, boolean or number, or several; null or none for an absent key.
pub(super) struct Values(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a boolean, a number, null or an array of them")
    }

    fn visit_str<E>(self, text: &str) -> Result<Values, E> {
        Ok(Values(vec![text.to_owned()]))
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Values, E> {
        Ok(Values(vec![boolean.to_string()]))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Values, E> {
        Ok(Values(vec![number.to_string()]))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Values, E> {
        Ok(Values(vec![number.to_string()]))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Values, E> {
        Ok(Values(vec![number.to_string()]))
    }

    fn visit_unit<E>(self) -> Result<Values, E> {
        Ok(Values(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
        let mut values = Vec::new();
        while let Some(Values(item)) = items.next_element()? {
            values.extend(item);
        }
        Ok(Values(values))
    }
}
