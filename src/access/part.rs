//! One account's part of what is asked of many: which documents are planned, and who needs which key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CoverageRule, Grantee, Profile, Purpose, Request};
use crate::arn::{AccountId, KeyArn};

/// A request that is a part of a larger one: the documents of one account, for everybody who needs something in them.
///
/// What the same people need in other accounts is the parts' of those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Part {
    /// The account whose key policies, grants on keys and IAM are planned.
    pub account: AccountId,
    /// For each key those of the grantees that need it, in the order asked for.
    pub needing: BTreeMap<KeyArn, Vec<Grantee>>,
    /// The keys for which these are helped otherwise than the request says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<KeyArn, Terms>,
}

/// How those who need a key are helped.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Terms {
    /// What they must be able to do.
    pub purpose: Purpose,
    /// What they must be allowed.
    pub profile: Profile,
    /// What counts as being allowed it already.
    pub coverage: CoverageRule,
}

impl Part {
    /// Whether an account's documents are planned.
    pub fn is_about(&self, account: AccountId) -> bool {
        self.account == account
    }

    /// Those who need a key.
    pub(super) fn needing(&self, key: &KeyArn) -> &[Grantee] {
        self.needing.get(key).map_or(&[], Vec::as_slice)
    }
}

impl Request {
    /// How those who need a key are helped.
    pub fn terms(&self, key: &KeyArn) -> Terms {
        let own = self.part.as_ref().and_then(|part| part.terms.get(key)).copied();
        own.unwrap_or(Terms { purpose: self.purpose, profile: self.profile, coverage: self.coverage })
    }
}
