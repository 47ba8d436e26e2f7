//! A pinned table of KMS's actions, and sets of them.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html>,
//! with the operations that the API model has beyond it.

use std::fmt;

use super::pattern;

/// Every KMS action known here, without the `kms:` prefix, in alphabetical order.
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

/// A set of the actions in [`KMS_ACTIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionSet(u64);

impl ActionSet {
    /// No action.
    pub const EMPTY: Self = Self(0);

    /// The KMS actions that a pattern such as `kms:ReEncrypt*` stands for, whatever its case.
    ///
    /// Empty for actions of other services and for names the table does not have.
    pub fn of_pattern(action: &str) -> Self {
        let Some((service, name)) = action.split_once(':') else {
            return if action == "*" { Self::all() } else { Self::EMPTY };
        };
        if !pattern::matches_ignoring_case(service, "kms") {
            return Self::EMPTY;
        }
        KMS_ACTIONS
            .iter()
            .enumerate()
            .filter(|(_, known)| pattern::matches_ignoring_case(name, known))
            .fold(Self::EMPTY, |set, (index, _)| Self(set.0 | 1 << index))
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
