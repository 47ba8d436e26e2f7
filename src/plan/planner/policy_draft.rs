//! A managed policy while it is being planned, and the writes it comes to.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use super::super::finding::IdentityFinding;
use super::super::patch::{Face, Reader};
use super::super::{Change, Gain, Operation, judgement};
use super::Draft;
use crate::access::RequiredStatement;
use crate::arn::{EntityArn, EntityName, PolicyArn};
use crate::observation::ManagedPolicy;
use crate::policy::{ActionSet, Documents, PolicyDocument, pattern};

/// A managed policy as it is and as it will be.
pub(super) struct PolicyDraft<'o> {
    pub(super) arn: PolicyArn,
    pub(super) existing: Option<&'o ManagedPolicy>,
    /// What it is to say, where it is a policy.
    pub(super) wording: Option<Wording>,
    pub(super) attached: BTreeSet<EntityName>,
    /// Whom the change of its text gives something.
    pub(super) gains: Vec<Gain>,
    /// New attachments.
    pub(super) attach: Vec<(EntityArn, Vec<Gain>)>,
}

impl<'o> PolicyDraft<'o> {
    /// A policy that exists.
    pub(super) fn of(policy: &'o ManagedPolicy, documents: &Documents, draft: &mut Draft) -> Self {
        let document = match documents.parsed(&policy.document) {
            Ok(document) => Some(document),
            Err(error) => {
                draft.find(&policy.arn, IdentityFinding::LeftAlone { error: error.to_string() });
                None
            }
        };
        Self {
            arn: policy.arn.clone(),
            existing: Some(policy),
            wording: document.map(Wording::new),
            attached: policy.attached_to.iter().cloned().collect(),
            gains: Vec::new(),
            attach: Vec::new(),
        }
    }

    /// A policy to be.
    pub(super) fn new(arn: PolicyArn) -> Self {
        Self {
            arn,
            existing: None,
            wording: None,
            attached: BTreeSet::new(),
            gains: Vec::new(),
            attach: Vec::new(),
        }
    }

    /// What it is to say, where it is a policy.
    pub(super) fn document(&self) -> Option<&PolicyDocument> {
        self.wording.as_ref().map(|wording| &*wording.document)
    }

    /// The actions on the key that the policy does not give, of each required statement.
    pub(super) fn missing(&self, required: &[RequiredStatement], key: &str) -> Vec<ActionSet> {
        let wording = self.wording.as_ref().filter(|wording| wording.may_name(key));
        let reader = wording.map(|wording| Reader::new(&wording.document, Face::Identity));
        let missing = |required: &RequiredStatement| {
            let cover = reader.as_ref().map(|reader| reader.cover(required, key));
            cover.map_or(required.action_set, |cover| cover.missing)
        };
        required.iter().map(missing).collect()
    }

    /// The writes that make the policy what it is to be.
    pub(super) fn into_changes(self, versions_quota: usize, draft: &mut Draft) {
        let Some(Wording { document, .. }) = self.wording else { return };
        match self.existing {
            None => draft.changes.push(creation(&self.arn, document.text(), self.attach.len())),
            Some(existing) if existing.document != document.text() => {
                match room_for_version(existing, versions_quota) {
                    Ok(deletion) => draft.changes.extend(deletion),
                    Err(found) => return draft.find(&existing.arn, found),
                }
                draft.changes.push(new_version(existing, document.text(), self.gains));
            }
            Some(_) => {}
        }
        let meaning = document.fingerprint(self.arn.partition);
        draft.changes.extend(self.attach.into_iter().map(|(entity, gains)| Change {
            reason: format!("{} needs it to use the key", entity.entity_name()),
            gains,
            operation: Operation::AttachPolicy {
                policy: self.arn.clone(),
                entity,
                document: meaning.clone(),
            },
        }));
    }
}

/// A document, with what is asked about it for every key.
pub(super) struct Wording {
    document: Rc<PolicyDocument>,
    /// How many of its characters count.
    size: usize,
    /// The resources that stand for themselves.
    named: HashSet<String>,
    /// Whether it may name resources in another way.
    has_patterns: bool,
}

impl Wording {
    pub(super) fn new(document: Rc<PolicyDocument>) -> Self {
        let lists = document.statements.iter().map(|statement| statement.resource.as_ref());
        let has_others = lists.clone().any(|list| list.is_none_or(|list| list.negated));
        let texts = lists.flatten().flat_map(|list| list.list.iter());
        let (patterns, named): (Vec<&str>, Vec<&str>) =
            texts.partition(|text| pattern::is_pattern(text) || text.contains('$'));
        Self {
            size: judgement::size_of_identity_policy(&document),
            named: named.into_iter().map(str::to_owned).collect(),
            has_patterns: has_others || !patterns.is_empty(),
            document,
        }
    }

    /// The resources that stand for themselves.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(String::as_str)
    }

    /// Whether it may say something of a key; where not, it gives nothing on it.
    fn may_name(&self, key: &str) -> bool {
        self.has_patterns || self.named.contains(key)
    }

    /// Whether it has certainly no room for a key that it does not name: each required statement takes its ARN at least,
    /// in quotes and after a comma.
    pub(super) fn is_full_for(&self, key: &str, required: usize, most: usize) -> bool {
        !self.may_name(key) && self.size + required * (key.len() + 3) > most
    }
}

fn creation(policy: &PolicyArn, document: &str, attachments: usize) -> Change {
    Change {
        reason: format!(
            "account {} has no policy of this name that could serve {}",
            policy.account,
            if attachments > 1 { "the grantees" } else { "the grantee" }
        ),
        gains: Vec::new(),
        operation: Operation::CreatePolicy {
            policy: policy.clone(),
            description: "Use of KMS keys for launching instances from encrypted AMIs; kept by keymend"
                .to_owned(),
            after: document.to_owned(),
        },
    }
}

/// The deletion that makes room for a version, where one is needed. What can't be read could not be put back, so it
/// does not go.
fn room_for_version(policy: &ManagedPolicy, quota: usize) -> Result<Option<Change>, IdentityFinding> {
    if policy.versions.len() < quota {
        return Ok(None);
    }
    let oldest = policy.versions.iter().find(|version| !version.is_default);
    let (version, before) = oldest
        .and_then(|version| Some((version.id.clone(), version.document.clone()?)))
        .ok_or(IdentityFinding::NoRoom)?;
    Ok(Some(Change {
        reason: format!(
            "the policy has {quota} versions, the most there may be; this is the oldest not in force"
        ),
        gains: Vec::new(),
        operation: Operation::DeletePolicyVersion {
            policy: policy.arn.clone(),
            version,
            before,
            versions: policy.versions.len(),
        },
    }))
}

fn new_version(policy: &ManagedPolicy, after: &str, gains: Vec<Gain>) -> Change {
    Change {
        reason: "the policy does not cover the key yet".to_owned(),
        gains,
        operation: Operation::CreatePolicyVersion {
            policy: policy.arn.clone(),
            base_version: policy
                .versions
                .iter()
                .find(|version| version.is_default)
                .map_or_else(String::new, |version| version.id.clone()),
            before: policy.document.clone(),
            after: after.to_owned(),
            serves: policy.attached_to.iter().chain(&policy.boundary_of).cloned().collect(),
        },
    }
}
