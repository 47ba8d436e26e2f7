//! Sessions that write, narrowed to the calls of the approved plan: a role that was assumed to read is assumed once more, with
//! a policy for the session. Nobody needs it, so that whatever stands against it leaves the session as it was.
//!
//! Only what was assumed can be narrowed: the SDK that is used here (aws-sdk-sts 1.124) has no call by which other temporary
//! credentials could be.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Session, Sessions, Whose, belongs_to};
use crate::arn::AccountId;
use crate::cloud::CloudError;
use crate::escape::Escaped;
use crate::permissions::session::{PlannedCall, session_policies};
use crate::plan::{Operation, Target};

/// AWS's code for a policy that is short enough and packs too badly.
const TOO_LARGE: &str = "PackedPolicyTooLarge";

impl Sessions {
    /// Narrows what writes in the accounts of some operations to these, and tells how far.
    pub(in crate::cloud::aws) async fn narrow(&self, operations: &[&Operation]) {
        let mut calls: BTreeMap<AccountId, BTreeSet<PlannedCall>> = BTreeMap::new();
        for operation in operations {
            calls.entry(operation.account()).or_default().insert(planned_call(operation));
        }
        for (account, calls) in calls {
            match self.narrowed(account, &calls).await {
                Ok(Some(session)) => {
                    let actions: BTreeSet<&str> = calls.iter().map(|call| call.action).collect();
                    let actions = actions.into_iter().collect::<Vec<_>>().join(", ");
                    tracing::info!("writes in account {account}: the session is narrowed to {actions}");
                    self.writing.borrow_mut().insert(account, session);
                }
                Ok(None) => tracing::info!(
                    "writes in account {account}: by credentials as they are, for no role was assumed that could be narrowed"
                ),
                Err(error) => {
                    let why = format!("{}: {}", error.code.as_deref().unwrap_or("failed"), error.message);
                    let why = Escaped(&why);
                    tracing::info!("writes in account {account}: the session is not narrowed, {why}");
                }
            }
        }
    }

    /// A session of the role that serves an account, for these calls alone; none where no role was assumed there.
    async fn narrowed(
        &self,
        account: AccountId,
        calls: &BTreeSet<PlannedCall>,
    ) -> Result<Option<Rc<Session>>, CloudError> {
        let Some(serving) = self.serving(account).await? else { return Ok(None) };
        let Whose::Role(role) = &serving.whose else { return Ok(None) };
        let mut policies = session_policies(calls).into_iter().peekable();
        while let Some(policy) = policies.next() {
            match self.assume(&self.default, role.clone(), account, Some(policy)).await {
                Ok(session) => {
                    // Whose it is is asked here, where a refusal costs nothing.
                    belongs_to(&session, session.identity().await?.account, account)?;
                    return Ok(Some(session));
                }
                Err(error) if error.code.as_deref() == Some(TOO_LARGE) && policies.peek().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// What a session has to be allowed for an operation.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>
fn planned_call(operation: &Operation) -> PlannedCall {
    let action = operation.api_call();
    match operation.target() {
        Target::Attachment { policy, entity, .. } => {
            PlannedCall { action, resource: entity.to_string(), policy: Some(policy.to_string()) }
        }
        _ => PlannedCall { action, resource: operation.resource(), policy: None },
    }
}
