//! One document, patched where nothing else is known: a file in a repository.
//!
//! A key policy goes through the whole planner, with an observation that has nothing but its text; an IAM policy
//! takes the keys as the planner's own policies do. Both are checked like every plan.

mod places;

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{DocumentFinding, Unsavable, Unsound};
use super::judgement;
use super::patch::{Face, Reader};
use super::planner::plan;
use super::{Change, Finding, FindingCode, FindingKind, Operation, Severity, soundness};
use crate::access::{CoverageRule, Grantee, Request};
use crate::arn::{AccountId, KeyArn, PolicyArn};
use crate::observation::{
    IamObservation, IamQuotas, KeyObservation, ManagedPolicy, Observation, PolicyVersion, RamPolicy, Reading,
};
use crate::policy::envelope::{self, NoPolicy};
use crate::policy::{ActionSet, AwsPrincipal, Documents, Effect, PolicyDocument, Statement};

pub use places::Places;

/// What becomes of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The patched text; `None` where the document covers everything already, or where something blocks.
    pub after: Option<String>,
    /// Wrong or noteworthy things, blocking ones first.
    pub findings: Vec<Finding>,
    /// The keys that stand for the document: what is said of them is said of it.
    pub keys: Vec<KeyArn>,
}

impl Patched {
    /// Whether something stands against the patch that no patch may mend.
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Blocking)
    }
}

/// Patches a key policy as [`plan()`] would, by the names in it: nothing else is known that could be evaluated. The
/// request's one key may be [unknown](crate::arn::KeyArn::unknown).
///
/// What the planner says of that key is said of the file.
pub fn patch_key_policy(text: &str, name: &str, request: &Request) -> Patched {
    let request = &Request { coverage: CoverageRule::Named, ..request.clone() };
    let observed = KeyObservation {
        metadata: Reading::default(),
        policy: Reading::Read(text.to_owned()),
        ram_policy: RamPolicy::NotLookedAt,
        grants: Reading::default(),
    };
    let observation = Observation {
        keys: request.keys.iter().map(|key| (key.clone(), observed.clone())).collect(),
        ..Observation::default()
    };
    let plan = plan(request, &observation);
    let mut texts = plan.changes.into_iter().filter_map(|change| match change.operation {
        Operation::PruneOrphans(update) | Operation::UpdateKeyPolicy(update) => Some(update.after),
        _ => None,
    });
    let findings = plan
        .findings
        .into_iter()
        .filter(|finding| !is_of_the_other_side(finding.code()))
        .chain(unrendered(text, name))
        .collect();
    Patched { keys: request.keys.clone(), ..finished(texts.next_back(), findings) }
}

/// A text that is known to be no policy.
pub fn refused(name: &str, what: NoPolicy) -> Patched {
    finished(None, vec![Finding::new(&name, DocumentFinding::NoPolicy(what))])
}

/// A warning where a text is a template, whose values are not known before it is rendered.
fn unrendered(text: &str, name: &str) -> Option<Finding> {
    let placeholder = envelope::placeholder(text)?;
    let placeholder = placeholder.to_string();
    Some(Finding::new(&name, DocumentFinding::Template { placeholder }))
}

/// The account that a key policy tells its key to be of: kms:PutKeyPolicy works in the key's own account only, and AWS
/// refuses a policy that lets nobody call it. `None` where those who may are of several accounts, or nobody can tell.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
pub fn own_account(text: &str) -> Option<AccountId> {
    let document = PolicyDocument::parse(text).ok()?;
    let change = ActionSet::of_pattern("kms:PutKeyPolicy");
    let mut accounts = BTreeSet::new();
    let lets_change = |statement: &&Statement| {
        statement.effect == Effect::Allow && statement.kms_actions().contains(change)
    };
    for statement in document.statements.iter().filter(lets_change) {
        let principal = statement.principal.as_ref().filter(|principal| !principal.negated)?;
        for principal in principal.aws() {
            match principal {
                // It stands for somebody who is gone.
                AwsPrincipal::UniqueId(_) => {}
                other => _ = accounts.insert(other.account()?),
            }
        }
    }
    accounts.pop_first().filter(|_| accounts.is_empty())
}

/// IAM and grants were not looked at, and need not be: nothing is said of them.
fn is_of_the_other_side(code: FindingCode) -> bool {
    matches!(
        code,
        FindingCode::Unread
            | FindingCode::IdentityCenterRole
            | FindingCode::MembersNeedIam
            | FindingCode::MembersMakeGrants
            | FindingCode::NotConsidered
            | FindingCode::AccessAlready
    )
}

/// Patches a customer managed policy of an account so that it covers the request's keys.
pub fn patch_identity_policy(text: &str, name: &str, request: &Request, account: AccountId) -> Patched {
    let refused = |kind: FindingKind| finished(None, vec![Finding::new(&name, kind)]);
    let documents = Documents::default();
    let mut document = match documents.parsed(text) {
        Ok(document) => document,
        Err(error) => return refused(DocumentFinding::Unreadable { error: error.to_string() }.into()),
    };
    for key in &request.keys {
        let wanted = [key.to_string()];
        let required = request.required_in(key, account);
        let patched = Reader::new(&document, Face::Identity).patched(&required, &wanted);
        match patched {
            Ok(None) => {}
            Ok(Some(patched)) => document = documents.keep(patched),
            Err(broken) => return refused(Unsound::Edit(broken).into()),
        }
    }
    let is_as_it_was = document.text() == text;
    match judgement::of_identity_policy(&document, IamQuotas::default().policy_size) {
        Err(why) if !is_as_it_was || matches!(why, Unsavable::RefusedSid(_)) => {
            return refused(DocumentFinding::Refused(why).into());
        }
        _ if is_as_it_was => return finished(None, unrendered(text, name).into_iter().collect()),
        _ => {}
    }
    let mut findings = identity_violations((text, document.text(), &documents), name, request, account);
    findings.extend(unrendered(text, name));
    finished(Some(document.text().to_owned()), findings)
}

/// The independent check, on an account that has nothing but this policy, attached to nobody.
fn identity_violations(
    (before, after, documents): (&str, &str, &Documents),
    name: &str,
    request: &Request,
    account: AccountId,
) -> Vec<Finding> {
    let Some(key) = request.keys.first() else { return Vec::new() };
    let policy = PolicyArn {
        partition: key.partition,
        account,
        path: "/".to_owned(),
        name: request.policy_name.as_str().to_owned(),
    };
    let version = PolicyVersion { id: "v1".to_owned(), is_default: true, document: None };
    let observed = ManagedPolicy {
        arn: policy.clone(),
        document: before.to_owned(),
        versions: vec![version],
        attached_to: Vec::new(),
        boundary_of: Vec::new(),
    };
    let iam = IamObservation {
        quotas: IamQuotas::default(),
        policies: BTreeMap::from([(policy.clone(), observed)]),
        entities: BTreeMap::new(),
        caller: Reading::default(),
    };
    let observation =
        Observation { accounts: BTreeMap::from([(account, Reading::Read(iam))]), ..Observation::default() };
    let change = Change {
        operation: Operation::CreatePolicyVersion {
            policy,
            base_version: "v1".to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            serves: Vec::new(),
        },
        reason: String::new(),
        gains: Vec::new(),
    };
    let own = Grantee::Account { partition: key.partition, id: account };
    let violations = soundness::violations(request, &observation, &[own], &[change], documents);
    violations.into_iter().map(|finding| Finding { subject: name.to_owned(), ..finding }).collect()
}

/// What is blocked has no text.
fn finished(after: Option<String>, findings: Vec<Finding>) -> Patched {
    let mut patched = Patched { after, findings, keys: Vec::new() };
    patched.findings.sort_by_key(Finding::severity);
    if patched.is_blocked() { Patched { after: None, ..patched } } else { patched }
}
