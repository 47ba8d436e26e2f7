//! The way back: from what an earlier run wrote, and what is there now, to a plan that undoes it.
//!
//! In reverse order, and each only where it still means what the run left: nothing that somebody else wrote since
//! is overwritten. What stands as it was before is left alone, so that going back twice changes nothing.

mod present;
mod reduce;
mod soundness;

use std::rc::Rc;

use crate::access::NewGrant;
use crate::arn::{EntityArn, KeyArn, PolicyArn};
use crate::observation::{KeyGrant, ManagedPolicy, Observation, Reading, UnreadReason};
use crate::policy::edit::BrokenEdit;
use crate::policy::{Documents, Fingerprint, PolicyDocument};

use super::finding::{KeyPolicyFinding, RollbackFinding, Unsound};
use super::judgement;
use super::{Change, Finding, FindingCode, FindingKind, KeyPolicyUpdate, Now, Operation, Plan};
use present::Present;
pub use present::named;
use reduce::Reduced;

/// One write of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The write.
    pub operation: Operation,
    /// The run that made it.
    pub run: String,
    /// The id of the policy version that it made, where it is known.
    pub version: Option<String>,
    /// The id of the grant that it made, where it is known.
    pub grant: Option<String>,
    /// Whether AWS confirmed it; the answer may have been lost, or the run cut.
    pub is_certain: bool,
}

/// The way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The writes that undo, and what can't be undone.
    pub plan: Plan,
    /// What somebody else changed since: while there is any, nothing is written.
    pub conflicts: Vec<Conflict>,
}

/// Something that is no longer what the run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The ARN of the key or policy.
    pub resource: String,
    /// What the run did there, in words.
    pub what: String,
    /// The document that the run wrote.
    pub written: Option<String>,
    /// What is there now.
    pub now: Now,
    /// The document before the run; `None` where there was none.
    pub before: Option<String>,
}

/// How to deal with what somebody else changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything goes back; what was changed since is a conflict.
    Everything,
    /// Only what the run added goes, where it still stands unchanged.
    OnlyOurs,
}

/// Plans the way back from the writes of a run, given in the order they were made.
pub fn plan(written: &[Written], observation: &Observation, extent: Extent) -> Rollback {
    let mut draft = Draft {
        observation,
        extent,
        present: Present::of(observation),
        changes: Vec::new(),
        findings: Vec::new(),
        conflicts: Vec::new(),
        documents: Documents::default(),
    };
    for write in written.iter().rev() {
        if let Err(broken) = draft.undo(write) {
            draft.find(&write.operation.resource(), Unsound::Edit(broken));
        }
    }
    let Draft { changes, mut findings, conflicts, documents, .. } = draft;
    findings.extend(soundness::violations(written, observation, &changes, &documents));
    let is_sound = findings.iter().all(|finding| finding.code() != FindingCode::FailedCheck);
    findings.sort_by_key(Finding::severity);
    let changes = if is_sound && conflicts.is_empty() { changes } else { Vec::new() };
    let plan = Plan { findings, changes, coverage: Vec::new(), handovers: Vec::new() };
    Rollback { plan, conflicts }
}

/// The way back while it is being planned.
struct Draft<'o> {
    observation: &'o Observation,
    extent: Extent,
    /// What is there, with what is planned so far.
    present: Present,
    changes: Vec<Change>,
    findings: Vec<Finding>,
    conflicts: Vec<Conflict>,
    /// What is there and what was there says.
    documents: Documents,
}

impl Draft<'_> {
    fn undo(&mut self, write: &Written) -> Result<(), BrokenEdit> {
        match &write.operation {
            Operation::UpdateKeyPolicy(update) => self.undo_key_policy(write, update)?,
            Operation::PruneOrphans(update) => self.stays_pruned(update),
            Operation::CreatePolicy { policy, after, .. } => self.undo_creation(write, policy, after)?,
            Operation::DeletePolicyVersion { policy, version, before, .. } => {
                let (version, text) = (version.clone(), before.clone());
                self.find(policy, RollbackFinding::StaysDeleted { version, text });
            }
            Operation::CreatePolicyVersion { policy, base_version, before, after, .. } => {
                self.undo_version(write, policy, base_version, (before, after))?;
            }
            Operation::AttachPolicy { policy, entity, document } => {
                self.undo_attachment(write, policy, entity, document);
            }
            Operation::CreateGrant { grant, .. } => self.undo_grant(write, grant),
            // A rollback is not rolled back: whoever asks is told to run `fix` again.
            Operation::RestoreKeyPolicy(_)
            | Operation::ReduceKeyPolicy(_)
            | Operation::DetachPolicy { .. }
            | Operation::DeletePolicy { .. }
            | Operation::SetDefaultVersion { .. }
            | Operation::WithdrawPolicyVersion { .. }
            | Operation::RevokeGrant { .. } => {}
        }
        Ok(())
    }

    /// Grants can't be changed, so the one that the run made is there as it was made, or gone: an equal one of another
    /// id is somebody else's.
    fn undo_grant(&mut self, write: &Written, new: &NewGrant) {
        let key = &new.key;
        let grants = self.observation.keys.get(key).map(|key| &key.grants);
        let Some(Reading::Read(grants)) = grants else {
            return self.unread(key, grants.and_then(reason));
        };
        let is_ours = |grant: &&KeyGrant| {
            new.became(grant) && write.grant.as_ref().is_none_or(|made| *made == grant.id)
        };
        let Some(grant) = grants.iter().find(is_ours) else { return };
        let operation = Operation::RevokeGrant { key: key.clone(), grant: grant.clone() };
        // A run that was cut at it and the one that finished it both set out to make it.
        if self.changes.iter().all(|planned| planned.operation != operation) {
            self.change(write, operation, "created it");
        }
    }

    fn undo_key_policy(&mut self, write: &Written, update: &KeyPolicyUpdate) -> Result<(), BrokenEdit> {
        let KeyPolicyUpdate { key, before, after } = update;
        let Some(now) = self.present.key_policy(key) else {
            self.unread(key, self.observation.keys.get(key).and_then(|key| reason(&key.policy)));
            return Ok(());
        };
        let documents = self.documents.clone();
        if documents.is_same(&now, before, key.partition) {
            return Ok(());
        }
        if documents.is_same(&now, after, key.partition)
            || reduce::only_deletions(&documents, after, &now, key.partition)?
        {
            match documents.parsed(before) {
                Ok(former) if self.can_be_written(key, &former) => {
                    self.present.set_key_policy(key, before);
                    let change = KeyPolicyUpdate { key: key.clone(), before: now, after: before.clone() };
                    self.change(write, Operation::RestoreKeyPolicy(change), "changed the key policy");
                }
                Ok(_) => {}
                Err(error) => {
                    self.find(key, KeyPolicyFinding::Unreadable { error: error.to_string() });
                }
            }
            return Ok(());
        }
        let reduced = reduce::reduced(&documents, &now, (before, after), key.partition)?;
        if reduced.is_clean() {
            return Ok(());
        }
        if let Some(rest) = self.reduction(write, (before, after), &now, reduced)
            && self.can_be_written(key, &rest)
        {
            self.present.set_key_policy(key, rest.text());
            let change = KeyPolicyUpdate { key: key.clone(), before: now, after: rest.text().to_owned() };
            self.change(write, Operation::ReduceKeyPolicy(change), "added to the key policy");
        }
        Ok(())
    }

    /// What is left of a changed document once ours is out of it; else a conflict, or a finding that says what stays.
    fn reduction(
        &mut self,
        write: &Written,
        (before, after): (&str, &str),
        now: &str,
        reduced: Reduced,
    ) -> Option<Rc<PolicyDocument>> {
        let resource = write.operation.resource();
        if self.extent == Extent::Everything {
            self.conflict(write, Some(before), Some(after), Now::Text(now.to_owned()));
            return None;
        }
        for what in reduced.left {
            self.find(&resource, RollbackFinding::Left { what, run: write.run.clone() });
        }
        reduced.document.map(|document| self.documents.keep(document))
    }

    /// AWS refuses a text that names somebody who was deleted since, besides what it refuses of any.
    fn can_be_written(&mut self, key: &KeyArn, document: &PolicyDocument) -> bool {
        let deleted = self.present.deleted(document);
        for entity in &deleted {
            self.find(entity, RollbackFinding::Deleted { key: key.clone() });
        }
        let caller = self.observation.callers.get(&key.account);
        let refused = judgement::of_key_policy(key, document, caller);
        let is_fine = deleted.is_empty() && judgement::can_be_saved(&refused);
        self.findings.extend(refused);
        is_fine
    }

    fn stays_pruned(&mut self, update: &KeyPolicyUpdate) {
        let Ok(document) = self.documents.parsed(&update.before) else { return };
        self.find(&update.key, RollbackFinding::StaysPruned { orphans: document.orphans() });
    }

    fn undo_creation(&mut self, write: &Written, policy: &PolicyArn, after: &str) -> Result<(), BrokenEdit> {
        let Some(found) = self.policy(policy) else { return Ok(()) };
        if !self.documents.is_same(&found.document, after, policy.partition) {
            return self.undo_changed_text(write, &found, (EMPTY, after));
        }
        let users: Vec<String> =
            found.attached_to.iter().chain(&found.boundary_of).map(|user| format!("`{user}`")).collect();
        let words = if !users.is_empty() {
            format!("it also serves {} now", users.join(", "))
        } else if found.versions.len() > 1 {
            format!("it has {} versions now", found.versions.len())
        } else {
            self.present.delete(policy);
            let operation = Operation::DeletePolicy { policy: policy.clone(), before: found.document };
            self.change(write, operation, "created it");
            return Ok(());
        };
        self.changed_in_words(write, (None, Some(after)), words);
        Ok(())
    }

    fn undo_version(
        &mut self,
        write: &Written,
        policy: &PolicyArn,
        base_version: &str,
        (before, after): (&str, &str),
    ) -> Result<(), BrokenEdit> {
        let Some(found) = self.policy(policy) else {
            if self.is_read(policy) && write.is_certain {
                self.changed_in_words(write, (Some(before), Some(after)), format!("`{policy}` is gone"));
            }
            return Ok(());
        };
        let default = found.versions.iter().find(|version| version.is_default).map(|own| own.id.clone());
        if self.documents.is_same(&found.document, before, policy.partition) {
            let ours = write.version.clone().filter(|version| Some(version) != default.as_ref());
            self.withdraw(write, &found, ours, after);
            return Ok(());
        }
        if !self.documents.is_same(&found.document, after, policy.partition) {
            return self.undo_changed_text(write, &found, (before, after));
        }
        if found.versions.iter().all(|version| version.id != base_version) {
            let gone = RollbackFinding::BaseGone {
                version: base_version.to_owned(),
                run: write.run.clone(),
                text: before.to_owned(),
            };
            self.find(policy, gone);
            return Ok(());
        }
        let operation = Operation::SetDefaultVersion {
            policy: policy.clone(),
            version: base_version.to_owned(),
            before: found.document.clone(),
            after: before.to_owned(),
        };
        self.present.set_default(policy, base_version, before);
        self.change(write, operation, "put another version in force");
        self.withdraw(write, &found, default, after);
        Ok(())
    }

    /// The version that the run made goes, where it is there.
    fn withdraw(&mut self, write: &Written, found: &ManagedPolicy, version: Option<String>, text: &str) {
        let there = |version: &String| found.versions.iter().any(|own| own.id == *version);
        let Some(version) = version.filter(there) else { return };
        self.present.remove_version(&found.arn, &version);
        let operation =
            Operation::WithdrawPolicyVersion { policy: found.arn.clone(), version, before: text.to_owned() };
        self.change(write, operation, "made this version");
    }

    fn undo_changed_text(
        &mut self,
        write: &Written,
        found: &ManagedPolicy,
        (before, after): (&str, &str),
    ) -> Result<(), BrokenEdit> {
        let partition = found.arn.partition;
        let reduced = reduce::reduced(&self.documents, &found.document, (before, after), partition)?;
        if reduced.is_clean() {
            return Ok(());
        }
        let Some(rest) = self.reduction(write, (before, after), &found.document, reduced) else {
            return Ok(());
        };
        let quotas = self.present.quotas(found.arn.account);
        if let Err(why) = judgement::of_identity_policy(&rest, quotas.policy_size) {
            self.find(&found.arn, RollbackFinding::Refused { why, run: write.run.clone() });
            return Ok(());
        }
        let quota = quotas.versions_per_policy;
        if found.versions.len() >= quota {
            self.find(&found.arn, RollbackFinding::NoRoom { quota, run: write.run.clone() });
            return Ok(());
        }
        let operation = Operation::CreatePolicyVersion {
            policy: found.arn.clone(),
            base_version: found
                .versions
                .iter()
                .find(|version| version.is_default)
                .map_or_else(String::new, |version| version.id.clone()),
            before: found.document.clone(),
            after: rest.text().to_owned(),
            serves: found.attached_to.iter().chain(&found.boundary_of).cloned().collect(),
        };
        self.present.set_text(&found.arn, rest.text());
        self.change(write, operation, "added to it");
        Ok(())
    }

    fn undo_attachment(
        &mut self,
        write: &Written,
        policy: &PolicyArn,
        entity: &EntityArn,
        document: &Fingerprint,
    ) {
        let Some(found) = self.policy(policy) else { return };
        if !found.attached_to.contains(&entity.entity_name()) {
            return;
        }
        let meaning = self.documents.parsed(&found.document).map(|now| now.fingerprint(policy.partition));
        if meaning.as_ref() != Ok(document) {
            let words = "the policy says something else than when it was attached".to_owned();
            return self.changed_in_words(write, (None, None), words);
        }
        self.present.detach(policy, entity);
        let operation = Operation::DetachPolicy {
            policy: policy.clone(),
            entity: entity.clone(),
            document: document.clone(),
        };
        self.change(write, operation, "attached it");
    }

    fn policy(&mut self, policy: &PolicyArn) -> Option<ManagedPolicy> {
        if !self.is_read(policy) {
            let unread = self.observation.accounts.get(&policy.account).and_then(reason);
            self.unread(policy, unread);
        }
        self.present.policy(policy)
    }

    fn is_read(&self, policy: &PolicyArn) -> bool {
        matches!(self.observation.accounts.get(&policy.account), Some(Reading::Read(_)))
    }

    fn unread(&mut self, what: &dyn ToString, reason: Option<UnreadReason>) {
        let reason = reason.unwrap_or(UnreadReason::NotLookedAt);
        self.find(what, RollbackFinding::Unread { reason });
    }

    fn changed_in_words(
        &mut self,
        write: &Written,
        (before, after): (Option<&str>, Option<&str>),
        words: String,
    ) {
        if self.extent == Extent::Everything {
            return self.conflict(write, before, after, Now::Words(words));
        }
        let run = write.run.clone();
        self.find(&write.operation.resource(), RollbackFinding::LeftFor { what: words, run });
    }

    fn conflict(&mut self, write: &Written, before: Option<&str>, written: Option<&str>, now: Now) {
        let resource = write.operation.resource();
        let (run, did) = (write.run.clone(), write.operation.to_string());
        self.find(&resource, RollbackFinding::Conflict { run, did });
        self.conflicts.push(Conflict {
            resource,
            what: write.operation.to_string(),
            written: written.map(str::to_owned),
            now,
            before: before.filter(|before| *before != EMPTY).map(str::to_owned),
        });
    }

    fn change(&mut self, write: &Written, operation: Operation, did: &str) {
        let reason = format!("run {} {did}", write.run);
        self.changes.push(Change { operation, reason, gains: Vec::new() });
    }

    fn find(&mut self, subject: &dyn ToString, found: impl Into<FindingKind>) {
        let finding = Finding::new(subject, found);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// What a policy said before it was there.
const EMPTY: &str = r#"{"Version": "2012-10-17", "Statement": []}"#;

fn reason<T>(reading: &Reading<T>) -> Option<UnreadReason> {
    match reading {
        Reading::Read(_) => None,
        Reading::Unread(reason) => Some(reason.clone()),
    }
}
