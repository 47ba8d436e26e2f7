//! What KMS and IAM would answer of access in a world, by evaluating all that the world says.

use serde_json::json;

use super::call::Call;
use super::folder::Folder;
use super::refusals::Refusal;
use super::world::caller_principal;
use super::{Sandbox, read};
use crate::access::assessment::ActionAssessment;
use crate::access::evidence::{Evidence, Extras};
use crate::access::trial::{Simulated, Simulation, direct_call};
use crate::access::{Grantee, GranteeRef, KeyRef, UnresolvedRequest};
use crate::arn::{AccountId, EntityArn, EntityKind, KeyArn, SessionArn};
use crate::authz::{Gate, Outcome};
use crate::cloud::observer::{ObserveError, observe};
use crate::cloud::{Actor, CloudError, LaunchCall, Observe as _, Prove};
use crate::observation::{Caller, Observation, OrganizationPolicies, RamPolicy, Reading};
use crate::policy::{AwsPrincipal, KmsAction};

/// The name of sessions that are made for the sake of proof.
const SESSION: &str = "keymend";

impl Prove for Sandbox {
    async fn act_as(&self, actor: &Actor) -> Result<Caller, CloudError> {
        match actor {
            Actor::Account(account) => self.serving(*account).await,
            Actor::Role(role) => self.assume(role).await,
            Actor::Profile(profile) => {
                let call = Call {
                    operation: "sts:GetCallerIdentity",
                    resource: format!("profile {profile}"),
                    account: None,
                    region: None,
                };
                Err(call.failed(None, Refusal::no_credentials()))
            }
        }
    }

    async fn dry_run(&self, actor: &Actor, launch_call: LaunchCall, key: &KeyArn) -> Result<(), CloudError> {
        let caller = self.act_as(actor).await?;
        let call = Call::kms(launch_call.operation(), key);
        self.current(&call).await?;
        let grantee = match actor {
            Actor::Role(role) => GranteeRef::Entity(role.clone()),
            Actor::Account(_) | Actor::Profile(_) => as_grantee(&caller),
        };
        let actions: Vec<KmsAction> = KmsAction::all().filter(|action| launch_call.needs(*action)).collect();
        let (grantee, observation) = self.all_about(&call, key, grantee).await?;
        let assessed = Evidence::new(&observation, &direct_call()).assess(key, &grantee, &actions);
        if assessed.actions.iter().all(|action| action.outcome == Outcome::Allowed) {
            return Ok(());
        }
        let refusal = Refusal::kms_access_denied(&caller.arn, call.operation, &call.resource);
        Err(call.failed(Some(caller.account), refusal))
    }

    async fn simulate(
        &self,
        principal: &EntityArn,
        key: &KeyArn,
        actions: &[KmsAction],
    ) -> Result<Vec<Simulated>, CloudError> {
        let call = Call::iam("iam:SimulatePrincipalPolicy", principal, principal.account);
        call.authorized(&self.current(&call).await?)?;
        let grantee = GranteeRef::Entity(principal.clone());
        let (grantee, mut observation) = self.all_about(&call, key, grantee).await?;
        if let Some(observed) = observation.keys.get_mut(key) {
            observed.policy = Reading::Read(delegation(principal));
            observed.ram_policy = RamPolicy::Absent;
            observed.grants = Reading::Read(Vec::new());
        }
        let assessed = Evidence::new(&observation, &Extras::default()).assess(key, &grantee, actions);
        Ok(assessed.actions.iter().map(simulated).collect())
    }
}

impl Sandbox {
    async fn serving(&self, account: AccountId) -> Result<Caller, CloudError> {
        let call = Call::iam("sts:GetCallerIdentity", account, account);
        self.caller(account).await?.ok_or_else(|| call.failed(Some(account), Refusal::no_credentials()))
    }

    /// Whoever serves a role's account may assume it, unless the world denies that.
    async fn assume(&self, role: &EntityArn) -> Result<Caller, CloudError> {
        let call = Call::iam("sts:AssumeRole", role, role.account);
        let world = self.current(&call).await?;
        let caller = call.authorized(&world)?;
        let exists = world.identity(role).is_some();
        if !exists || role.kind != EntityKind::Role {
            // AWS does not tell whether a role exists.
            let refusal = Refusal::identity_access_denied(&caller.entry.arn, call.operation, &call.resource);
            return Err(call.failed(Some(caller.account), refusal));
        }
        let EntityArn { partition, account, name, .. } = role;
        let session = SessionArn {
            partition: *partition,
            account: *account,
            role_name: name.clone(),
            session: SESSION.to_owned(),
        };
        Ok(Caller { account: *account, arn: session.to_string() })
    }

    /// All that the world says of somebody and a key, whoever may read it.
    async fn all_about(
        &self,
        call: &Call,
        key: &KeyArn,
        grantee: GranteeRef,
    ) -> Result<(Grantee, Observation), CloudError> {
        let asked = UnresolvedRequest::documented(vec![KeyRef::Arn(key.clone())], vec![grantee]);
        let broken = |message: String| call.failed(None, Refusal::broken_world(message));
        let (request, observation) =
            match observe(&asked, &OrganizationPolicies::default(), &self.all_knowing().map_err(broken)?)
                .await
            {
                Ok(observed) => observed,
                Err(ObserveError::Cloud(error)) => return Err(error),
                Err(error) => return Err(broken(error.to_string())),
            };
        let grantee = request.grantees.into_iter().next();
        Ok((grantee.ok_or_else(|| broken("nobody to ask about".to_owned()))?, observation))
    }

    /// The same world as those see it who may read everything and whose calls never fail.
    fn all_knowing(&self) -> Result<Self, String> {
        let text = self.shared().source.0.clone();
        let mut sheet = read(self.folder.as_ref(), text, self.name()).map_err(|error| error.to_string())?;
        sheet.page.open();
        Ok(Self { folder: self.folder.as_ref().map(Folder::opened), ..Self::of(None, sheet) })
    }
}

/// Whoever makes a call, as somebody whose access is evaluated.
fn as_grantee(caller: &Caller) -> GranteeRef {
    match caller_principal(&caller.arn) {
        Some((AwsPrincipal::Entity(user), _, _)) => GranteeRef::Entity(user),
        Some((AwsPrincipal::Session(session), _, _)) => GranteeRef::Session(session),
        _ => GranteeRef::Account(caller.account),
    }
}

/// A key policy that leaves everything to the IAM policies of somebody's account.
fn delegation(principal: &EntityArn) -> String {
    let root = Grantee::Account { partition: principal.partition, id: principal.account }.to_string();
    let statement =
        json!({"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn simulated(assessed: &ActionAssessment) -> Simulated {
    let is_closed_by_boundary = assessed.obstacles.iter().any(|obstacle| obstacle.gate == Gate::Boundary);
    Simulated {
        action: assessed.action,
        decision: match assessed.outcome {
            Outcome::Allowed => Simulation::Allowed,
            Outcome::ExplicitDeny => Simulation::ExplicitDeny,
            Outcome::ImplicitDeny | Outcome::Unknown => Simulation::ImplicitDeny,
        },
        allowed_by_organization: None,
        allowed_by_boundary: is_closed_by_boundary.then_some(false),
        missing_keys: assessed.unknown_keys.iter().cloned().collect(),
        decided_by: assessed.statements.iter().map(|statement| statement.document.to_string()).collect(),
        is_across_accounts: false,
    }
}

#[cfg(test)]
mod tests;
