//! One account's part of what is asked of many: which documents are planned, and who needs which key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Grantee;
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
