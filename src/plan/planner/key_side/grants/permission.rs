//! What a key policy has to say so that the accounts of service-linked roles can create their grants.

use std::collections::BTreeSet;

use super::super::super::Draft;
use super::question::Question;
use super::{Lacking, statement};
use crate::access::NewGrant;
use crate::access::grant::KEY_POLICY_SID;
use crate::arn::KeyArn;
use crate::authz::Prepared;
use crate::observation::Observation;
use crate::plan::Gain;
use crate::plan::finding::GrantFinding;
use crate::plan::patch::{Face, Sids};
use crate::policy::edit::{BrokenEdit, Editor};
use crate::policy::{Effect, PolicyDocument};

/// What a key policy comes to let accounts do.
#[derive(Debug)]
pub(in super::super) struct Permission {
    /// Those that could not be created before.
    grants: Vec<NewGrant>,
}

/// The key policy with a statement for each account that it does not let create its grants yet; `None` where it
/// lets all of them.
pub(in super::super) fn permit(
    key: &KeyArn,
    document: &PolicyDocument,
    lacking: &Lacking,
    observation: &Observation,
    draft: &mut Draft,
) -> Result<Option<(PolicyDocument, Permission)>, BrokenEdit> {
    if lacking.grants.is_empty() {
        return Ok(None);
    }
    // A Deny stays what it is, whatever is added: it is no reason to add the same again.
    let mut allows = document.clone();
    allows.statements.retain(|statement| statement.effect == Effect::Allow);
    let policy = Prepared::new(&allows);
    let mut editor = Editor::new(document);
    let mut sids = Sids::of(document, Face::KeyPolicy(key.partition));
    let mut permitted = Vec::new();
    for grants in lacking.by_account().into_values() {
        let refused: Vec<&NewGrant> = grants
            .into_iter()
            .filter(|grant| !Question::new(grant, observation).is_let_in(&policy))
            .collect();
        for grant in &refused {
            if Question::new(grant, observation).hangs_on_membership(&policy) {
                let account = grant.account();
                draft.find(&grant.grantee, GrantFinding::MembershipUnknown { account });
            }
        }
        if !refused.is_empty() {
            editor.append_statement(statement(&sids.free(KEY_POLICY_SID), &refused));
            permitted.extend(refused.into_iter().cloned());
        }
    }
    if permitted.is_empty() {
        return Ok(None);
    }
    Ok(Some((editor.finish()?, Permission { grants: permitted })))
}

impl Permission {
    /// Whether a grant could not be created without it.
    pub(super) fn is_for(&self, grant: &NewGrant) -> bool {
        self.grants.contains(grant)
    }

    /// Why the key policy has to change, as the end of a sentence.
    pub(in super::super) fn reason(&self) -> String {
        let grants = self.grants.iter();
        let accounts: BTreeSet<String> = grants.map(|grant| format!("account {}", grant.account())).collect();
        let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
        format!("{} must be able to create grants for service-linked roles", accounts.join(" and "))
    }

    /// Who may create which grants by it.
    pub(in super::super) fn gains(&self) -> impl Iterator<Item = Gain> {
        self.grants.iter().map(|grant| Gain {
            grantee: grant.maker(),
            key: grant.key.clone(),
            purposes: vec![format!("create a grant for {}", grant.grantee.arn().name)],
            is_complete: true,
        })
    }
}
