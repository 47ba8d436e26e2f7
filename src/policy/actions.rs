//! A pinned table of KMS's actions, and sets of them.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html>,
//! with the operations that the API model has beyond it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::LazyLock;

use super::pattern::{self, Pattern};

/// Every KMS action known here, without the `kms:` prefix, in alphabetical order whatever the case.
pub const KMS_ACTIONS: [&str; 58] = [
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "Decapsulate",
    "Decrypt",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "SynchronizeMultiRegionKey",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// The actions that a principal of another account may be allowed: "Cross-account use: Yes" in the API reference and in
/// <https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html>.
const CROSS_ACCOUNT: [&str; 22] = [
    "CreateGrant",
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetKeyRotationStatus",
    "GetPublicKey",
    "ListGrants",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
    "RevokeGrant",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// The actions that no key stands behind: IAM policies alone allow them, with the resource `*`.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html>
const KEYLESS: [&str; 11] = [
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "CreateKey",
    "DeleteCustomKeyStore",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "GenerateRandom",
    "ListAliases",
    "ListKeys",
    "ListRetirableGrants",
    "UpdateCustomKeyStore",
];

/// One action of [`KMS_ACTIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KmsAction(u8);

/// A text names no single KMS action that is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a KMS action (such as kms:Decrypt)")]
pub struct UnknownAction(String);

impl KmsAction {
    /// kms:CreateGrant.
    pub const CREATE_GRANT: Self = Self(4);
    /// kms:Decrypt.
    pub const DECRYPT: Self = Self(7);

    /// Every action, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0u8..).zip(KMS_ACTIONS).map(|(index, _)| Self(index))
    }

    /// The name without its prefix.
    pub fn name(self) -> &'static str {
        KMS_ACTIONS.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// The set of just this action.
    pub fn set(self) -> ActionSet {
        ActionSet(1 << self.0)
    }

    /// Whether a principal of another account may be allowed it on a key.
    pub fn works_across_accounts(self) -> bool {
        static SET: LazyLock<ActionSet> = LazyLock::new(|| ActionSet::of_names(&CROSS_ACCOUNT));
        SET.contains(self.set())
    }

    /// Whether it is about no key, so that key policies have no say.
    pub fn is_keyless(self) -> bool {
        static SET: LazyLock<ActionSet> = LazyLock::new(|| ActionSet::of_names(&KEYLESS));
        SET.contains(self.set())
    }

    /// Whether it retires a grant, which grants decide before policies do.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/grant-delete.html>
    pub fn is_retirement(self) -> bool {
        self.name() == "RetireGrant"
    }

    /// Whether a key policy has a say in it: some actions are about no key, and "the kms:RetireGrant permission is
    /// not effective in a key policy".
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/grant-delete.html>
    pub fn asks_key_policy(self) -> bool {
        !self.is_keyless() && !self.is_retirement()
    }
}

impl fmt::Display for KmsAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kms:{}", self.name())
    }
}

impl FromStr for KmsAction {
    type Err = UnknownAction;

    /// Reads `kms:Decrypt`, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let unknown = || UnknownAction(text.to_owned());
        let (service, name) = text.split_once(':').ok_or_else(unknown)?;
        if !service.eq_ignore_ascii_case("kms") {
            return Err(unknown());
        }
        position(name).and_then(|index| u8::try_from(index).ok()).map(Self).ok_or_else(unknown)
    }
}

/// Where the table has the names of the letter that a text begins with, in any case.
fn of_letter(text: &str) -> Range<usize> {
    let letter = text.bytes().next().map(|letter| letter.to_ascii_uppercase());
    let of = |known: &&str| known.bytes().next().cmp(&letter);
    KMS_ACTIONS.partition_point(|known| of(known).is_lt())
        ..KMS_ACTIONS.partition_point(|known| of(known).is_le())
}

/// Where the table has a name, in any case.
fn position(name: &str) -> Option<usize> {
    let candidates = of_letter(name);
    let names = KMS_ACTIONS.get(candidates.clone())?;
    // As nearly everybody writes it, sooner than in any case.
    let exactly = names.iter().position(|known| *known == name);
    let found = exactly.or_else(|| names.iter().position(|known| known.eq_ignore_ascii_case(name)));
    found.map(|at| candidates.start + at)
}

/// Where the table has the names that begin so, in any case.
fn beginning_with(beginning: &str) -> Range<usize> {
    let begins_so = |at: usize| {
        let start = KMS_ACTIONS.get(at).and_then(|known| known.as_bytes().get(..beginning.len()));
        let beginning = beginning.as_bytes();
        start.is_some_and(|start| start == beginning || start.eq_ignore_ascii_case(beginning))
    };
    let mut found = if beginning.is_empty() { 0..KMS_ACTIONS.len() } else { of_letter(beginning) };
    while !found.is_empty() && !begins_so(found.start) {
        found.start += 1;
    }
    while !found.is_empty() && !begins_so(found.end - 1) {
        found.end -= 1;
    }
    found
}

/// A set of the actions in [`KMS_ACTIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionSet(u64);

impl ActionSet {
    /// No action.
    pub const EMPTY: Self = Self(0);

    /// The actions of these names, as the table has them.
    fn of_names(names: &[&str]) -> Self {
        names
            .iter()
            .filter_map(|name| position(name))
            .fold(Self::EMPTY, |set, index| Self(set.0 | 1 << index))
    }

    /// The KMS actions that a pattern such as `kms:ReEncrypt*` stands for, whatever its case.
    ///
    /// Empty for actions of other services and for names the table does not have.
    pub fn of_pattern(action: &str) -> Self {
        if action == "*" {
            return Self::all();
        }
        let of_kms = action.split_at_checked(4).filter(|(service, _)| service.eq_ignore_ascii_case("kms:"));
        let name = of_kms.map(|(_, name)| name).or_else(|| {
            let (service, name) = action.split_once(':')?;
            pattern::matches_ignoring_case(service, "kms").then_some(name)
        });
        name.map_or(Self::EMPTY, Self::of_name)
    }

    /// The actions that a pattern of names stands for.
    fn of_name(name: &str) -> Self {
        let Some(head) = pattern::literal_head(name) else {
            return position(name).map_or(Self::EMPTY, |index| Self(1 << index));
        };
        let candidates = beginning_with(head);
        if name.get(head.len()..) == Some("*") {
            return Self::of_range(candidates);
        }
        let pattern = Pattern::new(&name.to_ascii_lowercase());
        let names = KMS_ACTIONS.iter().enumerate().take(candidates.end).skip(candidates.start);
        names
            .filter(|(_, known)| pattern.matches(&known.to_ascii_lowercase()))
            .fold(Self::EMPTY, |set, (index, _)| Self(set.0 | 1 << index))
    }

    fn of_range(range: Range<usize>) -> Self {
        let below = |index: usize| (1_u64 << index) - 1;
        Self(below(range.end) & !below(range.start))
    }

    /// The union over several patterns.
    pub fn of_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        patterns.into_iter().map(Self::of_pattern).fold(Self::EMPTY, Self::union)
    }

    /// Every action of the table.
    pub fn all() -> Self {
        Self((1 << KMS_ACTIONS.len()) - 1)
    }

    /// Actions in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Actions of this set that the other lacks.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Actions in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every action of the other set is in this one.
    pub fn contains(self, other: Self) -> bool {
        other.minus(self).is_empty()
    }

    /// Whether no action is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The actions' names without prefix, in the table's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        KMS_ACTIONS
            .iter()
            .enumerate()
            .filter(move |(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, name)| *name)
    }
}

impl fmt::Display for ActionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}kms:{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_action_by_its_name() {
        let action = |text: &str| text.parse::<KmsAction>();
        assert_eq!(action("KMS:decrypt").unwrap().to_string(), "kms:Decrypt");
        assert_eq!(
            action("kms:ReEncrypt*").unwrap_err().to_string(),
            "`kms:ReEncrypt*` is not a KMS action (such as kms:Decrypt)"
        );
        assert!(action("s3:GetObject").is_err() && action("Decrypt").is_err());
        assert_eq!(KmsAction::all().count(), KMS_ACTIONS.len());
        assert_eq!(KmsAction::CREATE_GRANT.to_string(), "kms:CreateGrant");
        assert_eq!(KmsAction::DECRYPT.to_string(), "kms:Decrypt");
        assert!(action("kms:RevokeGrant").unwrap().works_across_accounts());
        assert!(!action("kms:PutKeyPolicy").unwrap().works_across_accounts());
        assert!(action("kms:CreateKey").unwrap().is_keyless());
        let asks = ["kms:CreateKey", "kms:RetireGrant", "kms:RevokeGrant"]
            .map(|name| action(name).unwrap().asks_key_policy());
        assert_eq!(asks, [false, false, true]);
        let known = |table: &[&str]| table.is_sorted() && table.iter().all(|name| position(name).is_some());
        assert!(known(&CROSS_ACCOUNT) && known(&KEYLESS));
        let order = KMS_ACTIONS.map(str::to_ascii_lowercase);
        assert!(order.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_pattern_stands_for_what_it_matches() {
        for pattern in [
            "*",
            "?",
            "**",
            "D*",
            "d*",
            "Z*",
            "decrypt*",
            "DECRYPT*",
            "DecryptX*",
            "Generate*Plaintext",
            "ListKey?",
            "?ecrypt",
            "*Key",
            "Sign*",
            "VerifyMac*",
            "CancelKeyDeletion*",
            "é*",
            "Generat\u{e9}*",
            "Verify??c",
            "Re*",
            "RE?ncrypt*",
            "*e*e*e*",
            "ListKeys",
            "listkeys",
            "verifymac",
            "CANCELKEYDELETION",
            "",
            "ListKey",
        ] {
            let matched =
                KMS_ACTIONS.into_iter().filter(|name| pattern::matches_ignoring_case(pattern, name));
            let expanded = ActionSet::of_pattern(&format!("kms:{pattern}"));
            assert_eq!(expanded.names().collect::<Vec<_>>(), matched.collect::<Vec<_>>(), "{pattern}");
        }
    }

    #[test]
    fn patterns_expand() {
        let names = |pattern: &str| ActionSet::of_pattern(pattern).names().collect::<Vec<_>>();
        assert_eq!(names("kms:ReEncrypt*"), ["ReEncryptFrom", "ReEncryptTo"]);
        assert_eq!(names("KMS:generatedatakeywithoutplainTEXT"), ["GenerateDataKeyWithoutPlaintext"]);
        assert_eq!(names("kms:GenerateDataKey*").len(), 4);
        assert_eq!(names("*").len(), KMS_ACTIONS.len());
        assert_eq!(names("k*:*").len(), KMS_ACTIONS.len());
        assert!(names("s3:GetObject").is_empty());
        assert!(names("Decrypt").is_empty());
    }
}
