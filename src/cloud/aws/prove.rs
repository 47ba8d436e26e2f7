//! Questions that KMS and IAM answer without doing anything.

use std::collections::BTreeSet;
use std::rc::Rc;

use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, OrganizationsDecisionDetail,
    PermissionsBoundaryDecisionDetail, PolicyEvaluationDecisionType, ResourceSpecificResult, Statement,
};
use aws_sdk_kms::types::DryRunModifierType::IgnoreCiphertext;

use super::Aws;
use super::errors::Call;
use super::session::Session;
use crate::access::trial::{Simulated, Simulation};
use crate::arn::{EntityArn, KeyArn};
use crate::authz::Context;
use crate::cloud::{Actor, CloudError, CloudErrorKind, LaunchCall, Prove};
use crate::observation::Caller;
use crate::policy::KmsAction;

/// What KMS answers where a call would have been carried out.
const WOULD_SUCCEED: &str = "DryRunOperationException";

impl Aws {
    async fn session_of(&self, actor: &Actor, call: &Call) -> Result<Rc<Session>, CloudError> {
        match actor {
            Actor::Account(account) => self.sessions.required(call, *account).await,
            Actor::Role(role) => self.sessions.role(role).await,
            Actor::Profile(profile) => self.sessions.proving(profile).cloned().ok_or_else(|| {
                call.error(CloudErrorKind::NoCredentials, format!("no profile {profile} is loaded"))
            }),
        }
    }
}

impl Prove for Aws {
    async fn act_as(&self, actor: &Actor) -> Result<Caller, CloudError> {
        let call = Call {
            operation: "sts:GetCallerIdentity",
            resource: actor.to_string(),
            account: None,
            region: None,
        };
        self.session_of(actor, &call).await?.caller().await
    }

    async fn dry_run(&self, actor: &Actor, call: LaunchCall, key: &KeyArn) -> Result<(), CloudError> {
        let mut about = Call {
            operation: call.operation(),
            resource: key.to_string(),
            account: None,
            region: Some(key.region.clone()),
        };
        let session = self.session_of(actor, &about).await?;
        about.account = session.known_caller().map(|caller| caller.account);
        try_call(&session.kms(&key.region), &about, call).await
    }

    async fn simulate(
        &self,
        principal: &EntityArn,
        key: &KeyArn,
        actions: &[KmsAction],
    ) -> Result<Vec<Simulated>, CloudError> {
        let call = Call {
            operation: "iam:SimulatePrincipalPolicy",
            resource: principal.to_string(),
            account: Some(principal.account),
            region: None,
        };
        let session = self.sessions.required(&call, principal.account).await?;
        simulate(session.iam(), &call, key, actions).await
    }
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html>
async fn try_call(client: &aws_sdk_kms::Client, about: &Call, call: LaunchCall) -> Result<(), CloudError> {
    let key = &about.resource;
    let ended = match call {
        LaunchCall::DescribeKey => {
            let request = client.describe_key().key_id(key);
            return request.send().await.map(|_| ()).map_err(|error| about.failed(&error));
        }
        LaunchCall::Decrypt => {
            let request = client.decrypt().key_id(key).dry_run(true).dry_run_modifiers(IgnoreCiphertext);
            request.send().await.map(|_| ()).map_err(|error| about.failed(&error))
        }
        LaunchCall::GenerateDataKeyWithoutPlaintext => {
            let request = client.generate_data_key_without_plaintext().key_id(key);
            let request = request.number_of_bytes(64).dry_run(true);
            request.send().await.map(|_| ()).map_err(|error| about.failed(&error))
        }
        LaunchCall::ReEncrypt => {
            let request = client.re_encrypt().source_key_id(key).destination_key_id(key);
            let request = request.dry_run(true).dry_run_modifiers(IgnoreCiphertext);
            request.send().await.map(|_| ()).map_err(|error| about.failed(&error))
        }
    };
    match ended {
        Err(error) if error.code.as_deref() == Some(WOULD_SUCCEED) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => Err(about.unexpected("the call was carried out, although a dry run was asked for")),
    }
}

async fn simulate(
    client: &aws_sdk_iam::Client,
    call: &Call,
    key: &KeyArn,
    actions: &[KmsAction],
) -> Result<Vec<Simulated>, CloudError> {
    use ContextKeyTypeEnum::{Boolean, String as Text};
    let account = call.account.map(|account| account.to_string()).unwrap_or_default();
    let mut context = vec![
        entry("kms:CallerAccount", Text, &account),
        entry("kms:GrantIsForAWSResource", Boolean, "true"),
        entry("aws:SecureTransport", Boolean, "true"),
        entry("aws:ViaAWSService", Boolean, "true"),
    ];
    // In some partitions AWS does not document it.
    let launch = Context::for_launch(&key.region);
    let services = launch.get("kms:viaservice").unwrap_or_default();
    context.extend(services.iter().map(|service| entry("kms:ViaService", Text, service)));
    let pages = client
        .simulate_principal_policy()
        .policy_source_arn(&call.resource)
        .set_action_names(Some(actions.iter().map(ToString::to_string).collect()))
        .resource_arns(key.to_string())
        .set_context_entries(Some(context))
        .into_paginator()
        .items();
    let results: Vec<EvaluationResult> =
        pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?;
    results.iter().map(|result| simulated(result).map_err(|what| call.unexpected(what))).collect()
}

fn entry(key: &str, kind: ContextKeyTypeEnum, value: &str) -> ContextEntry {
    ContextEntry::builder().context_key_name(key).context_key_type(kind).context_key_values(value).build()
}

fn simulated(result: &EvaluationResult) -> Result<Simulated, String> {
    let action = result.eval_action_name().parse().map_err(|error| format!("{error}"))?;
    let decision = match result.eval_decision() {
        PolicyEvaluationDecisionType::Allowed => Simulation::Allowed,
        PolicyEvaluationDecisionType::ExplicitDeny => Simulation::ExplicitDeny,
        PolicyEvaluationDecisionType::ImplicitDeny => Simulation::ImplicitDeny,
        other => return Err(format!("the decision {}", other.as_str())),
    };
    // With a resource given, some members stand in its own part of the answer.
    let parts = result.resource_specific_results();
    let boundary = result.permissions_boundary_decision_detail();
    let boundary = boundary
        .or_else(|| parts.iter().find_map(ResourceSpecificResult::permissions_boundary_decision_detail));
    let details = parts.iter().map(ResourceSpecificResult::eval_decision_details);
    let mut details = details.chain([result.eval_decision_details()]).flatten();
    let missing = result.missing_context_values().iter();
    let missing = missing.chain(parts.iter().flat_map(ResourceSpecificResult::missing_context_values));
    let statements = result.matched_statements().iter().filter_map(Statement::source_policy_id);
    let distinct = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    Ok(Simulated {
        action,
        decision,
        allowed_by_organization: result
            .organizations_decision_detail()
            .map(OrganizationsDecisionDetail::allowed_by_organizations),
        allowed_by_boundary: boundary.map(PermissionsBoundaryDecisionDetail::allowed_by_permissions_boundary),
        missing_keys: distinct(missing.map(String::as_str).collect()),
        decided_by: distinct(statements.collect()),
        is_across_accounts: details.any(|details| !details.is_empty()),
    })
}

#[cfg(test)]
mod tests;
