//! What a verdict rests on, in words: what has a say in a launch and was read, and what was not.

use super::subject::Subject;
use super::{Evidence, KeyEvidence, RamEvidence};
use crate::observation::{Reading, UnreadReason};

impl Evidence {
    /// What has a say and was considered.
    pub(super) fn considered(&self, subject: &Subject<'_>) -> Vec<&'static str> {
        let own = subject.own;
        let identity = subject.identity.and_then(Reading::read);
        let all = [
            (own.is_some_and(|own| own.policy.read().is_some()), "key policy"),
            (own.is_some_and(|own| own.grants.read().is_some()), "grants"),
            (identity.is_some(), "IAM policies"),
            (identity.is_some_and(|identity| identity.boundary.is_some()), "permissions boundary"),
            (self.session.is_some(), "session policies"),
            (self.scps.is_ok(), "service control policies"),
            (self.rcps.is_ok(), "resource control policies"),
        ];
        all.iter().filter(|(is_known, _)| *is_known).map(|(_, what)| *what).collect()
    }

    /// What has a say and was not considered.
    pub(super) fn gaps(&self, subject: &Subject<'_>) -> Vec<String> {
        let mut gaps = Vec::new();
        match subject.own.map(|own| &own.policy) {
            Some(Reading::Read(_)) => {}
            Some(Reading::Unread(reason)) => gaps.push(format!("the key policy ({reason})")),
            None => gaps.push(format!("the key policy ({})", UnreadReason::NotLookedAt)),
        }
        if let Some(KeyEvidence { policy: Reading::Read(_), ram_policy, .. }) = subject.own {
            let why = match ram_policy {
                RamEvidence::NotLookedAt => Some(UnreadReason::NotLookedAt.to_string()),
                RamEvidence::Unread(reason) => Some(reason.to_string()),
                RamEvidence::Absent | RamEvidence::Read(_) => None,
            };
            gaps.extend(why.map(|why| format!("the key's policy AWS_RAM ({why})")));
        }
        if let Some(entity) = subject.grantee.as_entity() {
            let why = match subject.identity {
                Some(Reading::Read(_)) => None,
                Some(Reading::Unread(reason)) => Some(reason.to_string()),
                None => Some("its account was not read".to_owned()),
            };
            gaps.extend(why.map(|why| format!("the IAM policies of {} ({why})", entity.entity_name())));
        }
        match subject.own.map(|own| &own.grants) {
            Some(Reading::Unread(reason)) => gaps.push(format!("grants ({reason})")),
            Some(Reading::Read(grants)) => gaps.extend(grants.gaps(&subject.principal)),
            None => {}
        }
        if subject.grantee.as_members().is_some() {
            gaps.push("the IAM policies of whoever launches in its accounts".to_owned());
        }
        if let Some(role) = subject.grantee.as_members_role() {
            gaps.push(format!("whether each account has the grant for its {}", role.name()));
            gaps.push(
                "whether KMS resolves `${aws:PrincipalAccount}` in kms:GranteePrincipal, where a statement has it"
                    .to_owned(),
            );
        }
        if subject.is_group() {
            gaps.push("the permissions boundaries of the group's users".to_owned());
        }
        // They limit the instance's own role even where the grantee is a service-linked role, which they do not.
        gaps.extend([&self.scps, &self.rcps].into_iter().filter_map(|levels| levels.as_ref().err().cloned()));
        gaps
    }
}
