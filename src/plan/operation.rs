//! The kinds of write, each with what it is in words and in AWS's terms.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::NewGrant;
use crate::arn::{AccountId, EntityArn, EntityKind, EntityName, KeyArn, Partition, PolicyArn};
use crate::observation::KeyGrant;
use crate::policy::Fingerprint;

/// The kinds of write. Documents are complete texts, exactly as sent and as read before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Operation {
    /// Takes principals that no longer exist out of a key policy (kms:PutKeyPolicy).
    PruneOrphans(KeyPolicyUpdate),
    /// Adds statements or principals to a key policy (kms:PutKeyPolicy).
    UpdateKeyPolicy(KeyPolicyUpdate),
    /// Creates a customer managed policy (iam:CreatePolicy).
    CreatePolicy {
        /// The policy to be.
        policy: PolicyArn,
        /// Its description, which can't be changed later.
        description: String,
        /// Its document.
        after: String,
    },
    /// Deletes the oldest version that is not the default, to make room (iam:DeletePolicyVersion).
    DeletePolicyVersion {
        /// The policy.
        policy: PolicyArn,
        /// The version that goes.
        version: String,
        /// Its document, kept.
        before: String,
        /// How many versions there are; where there are fewer by then, nothing has to go.
        versions: usize,
    },
    /// Creates a version and makes it the default (iam:CreatePolicyVersion).
    CreatePolicyVersion {
        /// The policy.
        policy: PolicyArn,
        /// The default version's id now.
        base_version: String,
        /// The default version's document now.
        before: String,
        /// The new version's document.
        after: String,
        /// Whom the policy is attached to and whose boundary it is: it is written for nobody else.
        serves: Vec<EntityName>,
    },
    /// Attaches a managed policy (iam:AttachUserPolicy, iam:AttachRolePolicy, iam:AttachGroupPolicy).
    AttachPolicy {
        /// The policy.
        policy: PolicyArn,
        /// The user, role or group.
        entity: EntityArn,
        /// What the policy says then: nothing else is attached.
        document: Fingerprint,
    },
    /// Creates a grant for a service-linked role of another account, with that account's credentials
    /// (kms:CreateGrant).
    CreateGrant {
        /// The grant to be.
        grant: NewGrant,
        /// Whether it is this plan's update of the key policy that lets it be created.
        needs_key_policy: bool,
    },
    /// Puts back what a key policy said before an earlier run (kms:PutKeyPolicy).
    RestoreKeyPolicy(KeyPolicyUpdate),
    /// Takes what an earlier run added out of a key policy that was changed since (kms:PutKeyPolicy).
    ReduceKeyPolicy(KeyPolicyUpdate),
    /// Detaches a policy that an earlier run attached (iam:DetachUserPolicy, iam:DetachRolePolicy,
    /// iam:DetachGroupPolicy).
    DetachPolicy {
        /// The policy.
        policy: PolicyArn,
        /// The user, role or group.
        entity: EntityArn,
        /// What the policy says: where it says something else by now, it stays attached.
        document: Fingerprint,
    },
    /// Deletes a policy that an earlier run created (iam:DeletePolicy).
    DeletePolicy {
        /// The policy.
        policy: PolicyArn,
        /// Its only version's document.
        before: String,
    },
    /// Makes a former version the default again (iam:SetDefaultPolicyVersion).
    SetDefaultVersion {
        /// The policy.
        policy: PolicyArn,
        /// The version that is in force then.
        version: String,
        /// The default version's document now.
        before: String,
        /// The former default version's document.
        after: String,
    },
    /// Deletes a version that an earlier run made and that is no longer the default (iam:DeletePolicyVersion).
    WithdrawPolicyVersion {
        /// The policy.
        policy: PolicyArn,
        /// The version that goes; ids are never used twice, so it tells the text.
        version: String,
        /// Its document.
        before: String,
    },
    /// Revokes a grant that an earlier run made, with the key account's credentials (kms:RevokeGrant).
    RevokeGrant {
        /// The key.
        key: KeyArn,
        /// The grant that goes.
        grant: KeyGrant,
    },
}

/// A key policy before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeyPolicyUpdate {
    /// The key.
    pub key: KeyArn,
    /// The policy as read.
    pub before: String,
    /// The policy as it will be sent.
    pub after: String,
}

/// What a change does to the thing it touches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Something new comes to be.
    Create,
    /// Something is changed in place.
    Update,
    /// A policy is attached.
    Attach,
    /// A policy is detached.
    Detach,
    /// A grant is created.
    Grant,
    /// A grant is revoked.
    Revoke,
    /// Something goes.
    Delete,
}

/// What somebody else made of the thing that a change writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// Its text is another one.
    Text(String),
    /// It is gone, or in another state: a fragment that says so.
    Words(String),
}

impl fmt::Display for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Words(text) => f.write_str(text),
        }
    }
}

/// What a write is done to. Whoever asks this asks the same of every operation there is and will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'o> {
    /// A key's policy.
    KeyPolicy(&'o KeyPolicyUpdate),
    /// The document of a managed policy that is in force; after it none is where the policy goes.
    Policy {
        /// The policy.
        policy: &'o PolicyArn,
        /// The document that is in force then.
        after: Option<&'o str>,
    },
    /// A version of a managed policy that is not in force.
    Version(&'o PolicyArn),
    /// The attachment of a managed policy.
    Attachment {
        /// The policy.
        policy: &'o PolicyArn,
        /// The user, role or group.
        entity: &'o EntityArn,
        /// Whether it is attached then, or no longer.
        is_made: bool,
    },
    /// A grant to be.
    NewGrant(&'o NewGrant),
    /// A grant that there is.
    Grant {
        /// The key that it is on.
        key: &'o KeyArn,
        /// The grant.
        grant: &'o KeyGrant,
    },
}

impl<'o> Target<'o> {
    /// The key or the managed policy that it belongs to.
    fn owner(self) -> Owner<'o> {
        match self {
            Self::KeyPolicy(update) => Owner::Key(&update.key),
            Self::NewGrant(grant) => Owner::Key(&grant.key),
            Self::Grant { key, .. } => Owner::Key(key),
            Self::Policy { policy, .. } | Self::Version(policy) | Self::Attachment { policy, .. } => {
                Owner::Policy(policy)
            }
        }
    }
}

enum Owner<'o> {
    Key(&'o KeyArn),
    Policy(&'o PolicyArn),
}

impl Owner<'_> {
    fn account(&self) -> AccountId {
        match self {
            Self::Key(key) => key.account,
            Self::Policy(policy) => policy.account,
        }
    }
}

impl Operation {
    /// The kind of action.
    pub fn action(&self) -> Action {
        match self {
            Self::PruneOrphans(_)
            | Self::UpdateKeyPolicy(_)
            | Self::CreatePolicyVersion { .. }
            | Self::RestoreKeyPolicy(_)
            | Self::ReduceKeyPolicy(_)
            | Self::SetDefaultVersion { .. } => Action::Update,
            Self::CreatePolicy { .. } => Action::Create,
            Self::DeletePolicyVersion { .. }
            | Self::DeletePolicy { .. }
            | Self::WithdrawPolicyVersion { .. } => Action::Delete,
            Self::AttachPolicy { .. } => Action::Attach,
            Self::DetachPolicy { .. } => Action::Detach,
            Self::CreateGrant { .. } => Action::Grant,
            Self::RevokeGrant { .. } => Action::Revoke,
        }
    }

    /// What it is done to.
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::PruneOrphans(update)
            | Self::UpdateKeyPolicy(update)
            | Self::RestoreKeyPolicy(update)
            | Self::ReduceKeyPolicy(update) => Target::KeyPolicy(update),
            Self::CreatePolicy { policy, after, .. }
            | Self::CreatePolicyVersion { policy, after, .. }
            | Self::SetDefaultVersion { policy, after, .. } => Target::Policy { policy, after: Some(after) },
            Self::DeletePolicy { policy, .. } => Target::Policy { policy, after: None },
            Self::DeletePolicyVersion { policy, .. } | Self::WithdrawPolicyVersion { policy, .. } => {
                Target::Version(policy)
            }
            Self::AttachPolicy { policy, entity, .. } => Target::Attachment { policy, entity, is_made: true },
            Self::DetachPolicy { policy, entity, .. } => {
                Target::Attachment { policy, entity, is_made: false }
            }
            Self::CreateGrant { grant, .. } => Target::NewGrant(grant),
            Self::RevokeGrant { key, grant } => Target::Grant { key, grant },
        }
    }

    /// The key whose policy or grants it writes.
    pub fn key(&self) -> Option<&KeyArn> {
        match self.target().owner() {
            Owner::Key(key) => Some(key),
            Owner::Policy(_) => None,
        }
    }

    /// The managed policy that it writes, attaches or detaches.
    pub fn policy(&self) -> Option<&PolicyArn> {
        match self.target().owner() {
            Owner::Key(_) => None,
            Owner::Policy(policy) => Some(policy),
        }
    }

    /// The user, role or group that it attaches to or detaches from.
    pub fn entity(&self) -> Option<&EntityArn> {
        match self.target() {
            Target::Attachment { entity, .. } => Some(entity),
            Target::KeyPolicy(_)
            | Target::Policy { .. }
            | Target::Version(_)
            | Target::NewGrant(_)
            | Target::Grant { .. } => None,
        }
    }

    /// Whom it is done to or for, where the resource does not tell: the ARN of an entity or of a grant's grantee.
    pub fn beneficiary(&self) -> Option<String> {
        match self.target() {
            Target::NewGrant(grant) => Some(grant.grantee.to_string()),
            Target::Grant { grant, .. } => Some(grant.grantee.clone()),
            Target::Attachment { entity, .. } => Some(entity.to_string()),
            Target::KeyPolicy(_) | Target::Policy { .. } | Target::Version(_) => None,
        }
    }

    /// The account whose credentials write it. That is where it is written, but for a grant: the account of the role
    /// that it is for creates it, on another account's key.
    pub fn account(&self) -> AccountId {
        match self.target() {
            Target::NewGrant(grant) => grant.account(),
            target @ (Target::KeyPolicy(_)
            | Target::Policy { .. }
            | Target::Version(_)
            | Target::Attachment { .. }
            | Target::Grant { .. }) => target.owner().account(),
        }
    }

    /// The account whose credentials read what it writes: the key's for a grant, which its creator may not list.
    pub fn reading_account(&self) -> AccountId {
        self.target().owner().account()
    }

    /// The partition it is written in.
    pub fn partition(&self) -> Partition {
        match self.target().owner() {
            Owner::Key(key) => key.partition,
            Owner::Policy(policy) => policy.partition,
        }
    }

    /// The region it is written in; IAM has none.
    pub fn region(&self) -> Option<&str> {
        self.key().map(|key| key.region.as_str())
    }

    /// The ARN of what is written to.
    pub fn resource(&self) -> String {
        match self.target().owner() {
            Owner::Key(key) => key.to_string(),
            Owner::Policy(policy) => policy.to_string(),
        }
    }

    /// The document that it replaces or deletes.
    pub fn before(&self) -> Option<&str> {
        match self {
            Self::PruneOrphans(update)
            | Self::UpdateKeyPolicy(update)
            | Self::RestoreKeyPolicy(update)
            | Self::ReduceKeyPolicy(update) => Some(&update.before),
            Self::DeletePolicyVersion { before, .. }
            | Self::CreatePolicyVersion { before, .. }
            | Self::DeletePolicy { before, .. }
            | Self::SetDefaultVersion { before, .. }
            | Self::WithdrawPolicyVersion { before, .. } => Some(before),
            Self::CreatePolicy { .. }
            | Self::AttachPolicy { .. }
            | Self::DetachPolicy { .. }
            | Self::CreateGrant { .. }
            | Self::RevokeGrant { .. } => None,
        }
    }

    /// The document that it writes.
    pub fn after(&self) -> Option<&str> {
        match self {
            Self::PruneOrphans(update)
            | Self::UpdateKeyPolicy(update)
            | Self::RestoreKeyPolicy(update)
            | Self::ReduceKeyPolicy(update) => Some(&update.after),
            Self::CreatePolicy { after, .. }
            | Self::CreatePolicyVersion { after, .. }
            | Self::SetDefaultVersion { after, .. } => Some(after),
            Self::DeletePolicyVersion { .. }
            | Self::AttachPolicy { .. }
            | Self::CreateGrant { .. }
            | Self::RevokeGrant { .. }
            | Self::DetachPolicy { .. }
            | Self::DeletePolicy { .. }
            | Self::WithdrawPolicyVersion { .. } => None,
        }
    }

    /// The AWS API call that performs it, with the service's prefix, as IAM names the permission.
    pub fn api_call(&self) -> &'static str {
        match self {
            Self::PruneOrphans(_)
            | Self::UpdateKeyPolicy(_)
            | Self::RestoreKeyPolicy(_)
            | Self::ReduceKeyPolicy(_) => "kms:PutKeyPolicy",
            Self::CreatePolicy { .. } => "iam:CreatePolicy",
            Self::DeletePolicyVersion { .. } | Self::WithdrawPolicyVersion { .. } => {
                "iam:DeletePolicyVersion"
            }
            Self::CreatePolicyVersion { .. } => "iam:CreatePolicyVersion",
            Self::AttachPolicy { entity, .. } => match entity.kind {
                EntityKind::User => "iam:AttachUserPolicy",
                EntityKind::Role => "iam:AttachRolePolicy",
                EntityKind::Group => "iam:AttachGroupPolicy",
            },
            Self::DetachPolicy { entity, .. } => match entity.kind {
                EntityKind::User => "iam:DetachUserPolicy",
                EntityKind::Role => "iam:DetachRolePolicy",
                EntityKind::Group => "iam:DetachGroupPolicy",
            },
            Self::DeletePolicy { .. } => "iam:DeletePolicy",
            Self::CreateGrant { .. } => "kms:CreateGrant",
            Self::RevokeGrant { .. } => "kms:RevokeGrant",
            Self::SetDefaultVersion { .. } => "iam:SetDefaultPolicyVersion",
        }
    }

    /// Whether both do the same to the same thing, whatever the documents.
    pub fn is_same_target(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.resource() == other.resource()
            && self.beneficiary() == other.beneficiary()
    }

    /// Whether this write makes sense only after the other, earlier one.
    pub fn depends_on(&self, earlier: &Self) -> bool {
        let is_needed = match self {
            Self::UpdateKeyPolicy(_) => matches!(earlier, Self::PruneOrphans(_)),
            Self::RestoreKeyPolicy(_) => matches!(earlier, Self::RestoreKeyPolicy(_)),
            Self::CreatePolicyVersion { .. } => matches!(earlier, Self::DeletePolicyVersion { .. }),
            Self::AttachPolicy { .. } => {
                matches!(earlier, Self::CreatePolicy { .. } | Self::CreatePolicyVersion { .. })
            }
            Self::DeletePolicy { .. } => {
                matches!(earlier, Self::DetachPolicy { .. } | Self::WithdrawPolicyVersion { .. })
            }
            Self::SetDefaultVersion { .. } | Self::WithdrawPolicyVersion { .. } => {
                matches!(earlier, Self::SetDefaultVersion { .. })
            }
            Self::CreateGrant { needs_key_policy, .. } => {
                *needs_key_policy && matches!(earlier, Self::UpdateKeyPolicy(_))
            }
            Self::PruneOrphans(_)
            | Self::ReduceKeyPolicy(_)
            | Self::CreatePolicy { .. }
            | Self::DeletePolicyVersion { .. }
            | Self::DetachPolicy { .. }
            | Self::RevokeGrant { .. } => false,
        };
        is_needed && self.resource() == earlier.resource()
    }

    /// Whether this write makes sense only before the other, later one: where that one does not come, it stays away.
    pub fn is_only_for(&self, later: &Self) -> bool {
        let is_room = matches!(self, Self::DeletePolicyVersion { .. });
        is_room && later.depends_on(self)
    }

    /// Whether the key policy that permits it may not have spread when it is made.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency>
    pub fn rests_on_a_key_policy(&self) -> bool {
        match self.target() {
            Target::NewGrant(_) => true,
            Target::KeyPolicy(_)
            | Target::Policy { .. }
            | Target::Version(_)
            | Target::Attachment { .. }
            | Target::Grant { .. } => false,
        }
    }
}

impl fmt::Display for Operation {
    /// What it does, as a fragment that starts with a verb.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PruneOrphans(_) => {
                f.write_str("remove principals that no longer exist from the key policy")
            }
            Self::UpdateKeyPolicy(_) => f.write_str("update the key policy"),
            Self::CreatePolicy { policy, .. } => write!(f, "create the policy {}", policy.name),
            Self::DeletePolicyVersion { policy, version, .. }
            | Self::WithdrawPolicyVersion { policy, version, .. } => {
                write!(f, "delete version {version} of the policy {}", policy.name)
            }
            Self::CreatePolicyVersion { policy, .. } => write!(f, "update the policy {}", policy.name),
            Self::AttachPolicy { policy, entity, .. } => {
                write!(f, "attach the policy {} to {}", policy.name, entity.entity_name())
            }
            Self::RestoreKeyPolicy(_) => f.write_str("put the former key policy back"),
            Self::ReduceKeyPolicy(_) => f.write_str("take what was added out of the key policy"),
            Self::DetachPolicy { policy, entity, .. } => {
                write!(f, "detach the policy {} from {}", policy.name, entity.entity_name())
            }
            Self::DeletePolicy { policy, .. } => write!(f, "delete the policy {}", policy.name),
            Self::CreateGrant { grant, .. } => {
                write!(f, "create a grant for the {}", grant.grantee.arn().entity_name())
            }
            Self::RevokeGrant { grant, .. } => write!(f, "revoke the grant {}", grant.id),
            Self::SetDefaultVersion { policy, version, .. } => {
                write!(f, "make version {version} of the policy {} the default again", policy.name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::Change;
    use crate::render::testing;

    fn every_kind() -> Vec<Change> {
        [testing::every_operation(), testing::every_way_back()].concat()
    }

    /// What is shown, emitted and permitted of every kind is tested on these.
    #[test]
    fn the_operations_of_tests_are_of_every_kind() {
        let word = |change: &Change| {
            let value = serde_json::to_value(&change.operation).unwrap();
            value["kind"].as_str().unwrap().to_owned()
        };
        let tested: BTreeSet<String> = every_kind().iter().map(word).collect();
        let schema = schemars::schema_for!(Operation);
        let kinds = schema.get("oneOf").unwrap().as_array().unwrap();
        let known: BTreeSet<String> = kinds
            .iter()
            .map(|kind| kind["properties"]["kind"]["const"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(tested, known);
    }

    #[test]
    fn nothing_depends_on_itself_and_room_is_made_for_what_needs_it() {
        for Change { operation, .. } in every_kind() {
            let is_repeated =
                matches!(operation, Operation::RestoreKeyPolicy(_) | Operation::SetDefaultVersion { .. });
            assert_eq!(operation.depends_on(&operation), is_repeated, "{operation}");
            for Change { operation: later, .. } in every_kind() {
                let is_needed = !operation.is_only_for(&later) || later.depends_on(&operation);
                assert!(is_needed, "{operation} for {later}");
            }
        }
    }
}
