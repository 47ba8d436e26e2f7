//! Documents from files, in the place of what would be read from AWS.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::input::text;
use crate::access::{Grantee, Request, UnresolvedRequest};
use crate::arn::EntityArn;
use crate::cli::settings::check::CheckFiles;
use crate::error::UsageError;
use crate::observation::{
    Entity, IamObservation, IamQuotas, IdentityPolicies, KeyObservation, NamedDocument, Observation,
    RamPolicy, Reading, UnreadReason,
};
use crate::policy::{PolicyDocument, envelope};

const NOT_GIVEN: &str = "only files were looked at";

/// What the files say, as if it had been read.
pub(super) fn observe(
    files: &CheckFiles,
    asked: &UnresolvedRequest,
) -> Result<(Request, Observation), UsageError> {
    let (_, key_policy) = read_policy(&files.key_policy)?;
    let unread = || UnreadReason::Other(NOT_GIVEN.to_owned());
    let key = KeyObservation {
        metadata: Reading::Unread(unread()),
        policy: Reading::Read(key_policy.text().to_owned()),
        ram_policy: RamPolicy::NotLookedAt,
        grants: Reading::Unread(unread()),
    };
    let mut observation = Observation { keys: [(files.key.clone(), key)].into(), ..Observation::default() };
    let mut grantees: Vec<Grantee> = Vec::new();
    for grantee in &asked.grantees {
        // Settings have refused sessions.
        grantees.extend(grantee.in_partition(files.key.partition)?.ok());
    }
    for grantee in &grantees {
        if let Some(entity) = grantee.as_entity() {
            observation.accounts.insert(entity.account, Reading::Read(iam(entity, files)?));
        }
    }
    let request = Request {
        keys: vec![files.key.clone()],
        grantees,
        policy_name: asked.policy_name.clone(),
        profile: asked.profile,
        coverage: asked.coverage,
        prune_orphans: asked.prune_orphans,
        purpose: asked.purpose.unwrap_or_default(),
        only_for: std::collections::BTreeMap::new(),
        part: None,
    };
    Ok((request, observation))
}

/// The grantee's account, as far as the files tell: nothing is known to be attached by the remedy's name.
fn iam(entity: &EntityArn, files: &CheckFiles) -> Result<IamObservation, UsageError> {
    let given = |file: &PathBuf| {
        let (name, document) = read_policy(file)?;
        Ok::<_, UsageError>(NamedDocument { name, text: document.text().to_owned() })
    };
    let policies = files.identity_policies.iter().map(given).collect::<Result<Vec<_>, _>>()?;
    let identity = IdentityPolicies {
        documents: policies
            .into_iter()
            .map(|policy| NamedDocument { name: format!("IAM policy `{}`", policy.name), ..policy })
            .collect(),
        boundary: files.boundary.as_ref().map(given).transpose()?,
    };
    let found = Entity { arn: entity.clone(), attached: Vec::new(), identity: Reading::Read(identity) };
    Ok(IamObservation {
        quotas: IamQuotas::default(),
        policies: [].into(),
        entities: [(entity.clone(), Some(found))].into(),
        caller: Reading::default(),
    })
}

/// A file's name and the policy in it, by itself or in what a command of AWS printed.
pub(in crate::commands) fn read_policy(file: &Path) -> Result<(String, PolicyDocument), UsageError> {
    let name = file.display().to_string();
    let called = format!("the file `{name}`");
    let bytes =
        fs::read(file).map_err(|error| UsageError::new(format!("{called} can't be read: {error}")))?;
    let text = text(&called, bytes)?;
    let found = envelope::open(&text)
        .map_err(|what| UsageError::new(format!("{called} is no policy: {what}")).hint(what.hint()))?;
    if let Some(placeholder) = envelope::placeholder(&found.text) {
        let message = format!("{called} is a template: what `{placeholder}` stands for is not known");
        return Err(UsageError::new(message).hint("check what it is rendered to"));
    }
    let document = PolicyDocument::parse(found.text).map_err(|error| {
        UsageError::new(format!("{called} is no policy: {error}"))
            .hint("`aws kms get-key-policy --key-id KEY` prints a key's policy")
    })?;
    Ok((name, document))
}
