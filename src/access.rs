//! What is asked for: keys, grantees, and the statements that must hold for them.

pub mod assessment;
pub mod chain;
pub mod evidence;
pub mod grant;
mod grantee;
pub mod inquiry;
mod key_principal;
mod manifest;
mod members;
mod members_role;
pub mod no_grantee;
mod part;
mod purpose;
mod required;
mod service_linked;
pub mod trial;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::arn::{AccountId, ArnError, ArnParts, KeyArn, Partition};

pub use grant::NewGrant;
pub use grantee::{Grantee, GranteeRef};
pub use manifest::ManifestLine;
pub use members::{Audience, OtherPartition};
pub use members_role::MembersRole;
pub use no_grantee::NoGrantee;
pub use part::{Part, Terms};
pub use purpose::Purpose;
pub use required::{GranteeKind, RequiredStatement};
pub use service_linked::{RoleSuffix, RoleSuffixError, ServiceLinkedRole, WellKnownRole};

/// The question that a plan answers. Everything in it is resolved: no alias, no session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Request {
    /// The keys, in the order asked for.
    pub keys: Vec<KeyArn>,
    /// Who must be able to launch, in the order asked for, each once.
    pub grantees: Vec<Grantee>,
    /// What the grantees must be able to do.
    #[serde(default)]
    pub purpose: Purpose,
    /// The name of the customer managed policy in requester accounts.
    pub policy_name: PolicyName,
    /// What the grantees must be allowed.
    pub profile: Profile,
    /// What counts as being allowed it already.
    pub coverage: CoverageRule,
    /// Whether principals that no longer exist are taken out of key policies.
    pub prune_orphans: bool,
    /// Those of the keys that only the grantees of some accounts need: the accounts' default EBS keys.
    #[serde(default)]
    pub only_for: BTreeMap<KeyArn, BTreeSet<AccountId>>,
    /// The part of a larger request that it is; none where it is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

impl Request {
    /// The same request about one key and one grantee alone.
    #[must_use]
    pub fn alone(&self, key: &KeyArn, grantee: &Grantee) -> Self {
        let only_for =
            self.only_for.get_key_value(key).map(|(key, accounts)| (key.clone(), accounts.clone()));
        Self {
            keys: vec![key.clone()],
            grantees: vec![grantee.clone()],
            policy_name: self.policy_name.clone(),
            only_for: only_for.into_iter().collect(),
            part: self.part.clone(),
            ..*self
        }
    }

    /// Whether a grantee needs a key.
    pub fn concerns(&self, key: &KeyArn, grantee: &Grantee) -> bool {
        self.is_for_account(key, grantee.account())
            && self.part.as_ref().is_none_or(|part| part.needing(key).contains(grantee))
    }

    /// The grantees that need a key.
    pub fn needing(&self, key: &KeyArn) -> impl Iterator<Item = &Grantee> {
        let all = self.part.as_ref().map_or(self.grantees.as_slice(), |part| part.needing(key));
        all.iter().filter(|grantee| self.is_for_account(key, grantee.account()))
    }

    /// The keys that an account's grantees need, or those of no account in particular.
    pub fn keys_for(&self, account: Option<AccountId>) -> impl Iterator<Item = &KeyArn> {
        self.keys.iter().filter(move |key| self.is_needed_in(key, account))
    }

    /// Whether an account's grantees need a key, or those of no account in particular.
    pub fn is_needed_in(&self, key: &KeyArn, account: Option<AccountId>) -> bool {
        let is_needed = |part: &Part| part.needing(key).iter().any(|grantee| grantee.account() == account);
        self.is_for_account(key, account) && self.part.as_ref().is_none_or(is_needed)
    }

    /// The keys that a grantee needs.
    pub fn keys_of(&self, grantee: &Grantee) -> impl Iterator<Item = &KeyArn> {
        self.keys.iter().filter(|key| self.concerns(key, grantee))
    }

    /// Whether an account's documents are this request's to plan.
    pub fn plans_in(&self, account: AccountId) -> bool {
        self.part.as_ref().is_none_or(|part| part.is_about(account))
    }

    fn is_for_account(&self, key: &KeyArn, account: Option<AccountId>) -> bool {
        let includes = |accounts: &BTreeSet<AccountId>| account.is_some_and(|own| accounts.contains(&own));
        self.only_for.get(key).is_none_or(includes)
    }
}

/// What a grantee must be allowed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The remedy that AWS documents: to use the key, and to make grants for AWS services.
    #[default]
    Documented,
    /// What a launch needs, through EC2 in the key's region, and nothing besides.
    LeastPrivilege,
}

/// What counts as covering a grantee.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CoverageRule {
    /// Statements that name the grantee, and policies of the request's name: the documented remedy.
    #[default]
    Named,
    /// Whatever evaluation shows to allow the launch.
    Effective,
}

/// A request as typed: aliases, sessions and partitions still have to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnresolvedRequest {
    /// The keys.
    pub keys: Vec<KeyRef>,
    /// Who must be able to launch.
    pub grantees: Vec<GranteeRef>,
    /// What they must be able to do; where nobody said it, what was found tells.
    pub purpose: Option<Purpose>,
    /// As in [`Request`].
    pub policy_name: PolicyName,
    /// As in [`Request`].
    pub profile: Profile,
    /// As in [`Request`].
    pub coverage: CoverageRule,
    /// As in [`Request`].
    pub prune_orphans: bool,
    /// The default EBS keys of accounts that launch: needed by the grantees of the account alone.
    pub default_keys: BTreeMap<AccountId, KeyRef>,
}

impl UnresolvedRequest {
    /// What is asked where nobody says more than for which keys and whom.
    pub fn documented(keys: Vec<KeyRef>, grantees: Vec<GranteeRef>) -> Self {
        Self {
            keys,
            grantees,
            purpose: None,
            policy_name: PolicyName::default(),
            profile: Profile::default(),
            coverage: CoverageRule::default(),
            prune_orphans: false,
            default_keys: BTreeMap::new(),
        }
    }
}

impl From<&Request> for UnresolvedRequest {
    /// The same request once more.
    fn from(request: &Request) -> Self {
        let Request {
            keys,
            grantees,
            purpose,
            policy_name,
            profile,
            coverage,
            prune_orphans,
            only_for,
            part: _,
        } = request;
        let for_everybody = keys.iter().filter(|key| !only_for.contains_key(*key));
        let default_keys = only_for
            .iter()
            .flat_map(|(key, accounts)| accounts.iter().map(|account| (*account, KeyRef::Arn(key.clone()))));
        Self {
            keys: for_everybody.cloned().map(KeyRef::Arn).collect(),
            grantees: grantees.iter().map(GranteeRef::from).collect(),
            purpose: Some(*purpose),
            policy_name: policy_name.clone(),
            profile: *profile,
            coverage: *coverage,
            prune_orphans: *prune_orphans,
            default_keys: default_keys.collect(),
        }
    }
}

/// A key as typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyRef {
    /// The key's ARN.
    Arn(KeyArn),
    /// `arn:PARTITION:kms:REGION:ACCOUNT:alias/NAME`.
    AliasArn {
        /// The ARN as typed.
        arn: String,
        /// Its partition.
        partition: Partition,
        /// Its region.
        region: String,
        /// Its account.
        account: AccountId,
    },
    /// A key id or alias name, in the account and region of the caller.
    Name(String),
}

impl KeyRef {
    /// The region the text itself names.
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Arn(key) => Some(&key.region),
            Self::AliasArn { region, .. } => Some(region),
            Self::Name(_) => None,
        }
    }

    /// The same key, as it is meant in an account and region.
    ///
    /// # Errors
    /// There is no such region or key.
    pub fn within(self, account: AccountId, region: &str) -> Result<Self, ArnError> {
        let Self::Name(name) = self else { return Ok(self) };
        let resource = if name.starts_with("alias/") { name } else { format!("key/{name}") };
        format!("arn:{}:kms:{region}:{account}:{resource}", Partition::of_region(region)).parse()
    }

    /// The account the text itself names.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Arn(key) => Some(key.account),
            Self::AliasArn { account, .. } => Some(*account),
            Self::Name(_) => None,
        }
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arn(key) => key.fmt(f),
            Self::AliasArn { arn, .. } => f.write_str(arn),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for KeyRef {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let wrong = || ArnError::Kind { arn: text.to_owned(), wanted: "a KMS key or alias" };
        if text.starts_with("arn:") {
            let parts = ArnParts::parse(text)?;
            if parts.service != "kms" {
                return Err(wrong());
            }
            if !parts.resource.starts_with("alias/") {
                return text.parse().map(Self::Arn);
            }
            return Ok(Self::AliasArn {
                arn: text.to_owned(),
                partition: parts.partition,
                region: parts.region.to_owned(),
                account: parts.account.parse()?,
            });
        }
        let name = text.strip_prefix("alias/").unwrap_or(text);
        // https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
        let well_formed =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b));
        if well_formed { Ok(Self::Name(text.to_owned())) } else { Err(wrong()) }
    }
}

/// The name of a customer managed policy: 1 to 128 of `[\w+=,.@-]`, equal in any case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyName(String);

/// Why a text is no name for a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a policy name (up to 110 of A-Z a-z 0-9 _ + = , . @ -)")]
pub struct PolicyNameError(String);

impl PolicyName {
    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a policy bears this name, or this name, a hyphen and more.
    pub fn covers(&self, name: &str) -> bool {
        let (name, own) = (name.to_ascii_lowercase(), self.0.to_ascii_lowercase());
        name.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl Default for PolicyName {
    fn default() -> Self {
        Self("KmsKeyUsagePolicy".to_owned())
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PolicyName {
    type Err = PolicyNameError;

    fn from_str(text: &str) -> Result<Self, PolicyNameError> {
        // IAM allows 128; a suffix that tells policies of several keys apart needs room.
        let well_formed = (1..=110).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(PolicyNameError(text.to_owned())) }
    }
}

impl TryFrom<String> for PolicyName {
    type Error = PolicyNameError;

    fn try_from(text: String) -> Result<Self, PolicyNameError> {
        text.parse()
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_typed() {
        let parse = |text: &str| text.parse::<KeyRef>();
        assert!(matches!(parse("alias/app"), Ok(KeyRef::Name(_))));
        assert!(matches!(parse("1234abcd-12ab-34cd-56ef-1234567890ab"), Ok(KeyRef::Name(_))));
        assert!(matches!(parse("arn:aws:kms:eu-west-1:111122223333:alias/app"), Ok(KeyRef::AliasArn { .. })));
        assert!(matches!(parse("arn:aws:kms:eu-west-1:111122223333:key/1234abcd"), Ok(KeyRef::Arn(_))));
        assert_eq!(
            parse("arn:aws:s3:::bucket").unwrap_err().to_string(),
            "`arn:aws:s3:::bucket` is not the ARN of a KMS key or alias"
        );
        assert!(parse("a b").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn policy_names_are_equal_in_any_case() {
        let name = PolicyName::default();
        assert!(name.covers("kmskeyusagepolicy"));
        assert!(name.covers("KmsKeyUsagePolicy-1234abcd"));
        assert!(!name.covers("KmsKeyUsagePolicyX"));
        assert!("has space".parse::<PolicyName>().is_err());
    }
}
