//! The cloud that a command works on, AWS or a sandbox, and a line for everything that is asked of it, with how long it
//! took, for `-v`.
//!
//! What the SDK itself could log is never shown: it may hold credentials.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;

use super::authorization::AuthorizationDetails;
use super::aws::Aws;
use super::ec2::{ObserveEc2, Viewpoint};
use super::sandbox::Sandbox;
use super::{Actor, Belongings, CloudError, LaunchCall, Observe, Prove, Receipt, Write};
use crate::access::trial::Simulated;
use crate::access::{KeyRef, PolicyName};
use crate::arn::{AccountId, Child, EntityArn, EntityKind, EntityName, KeyArn, OrganizationId, PolicyArn};
use crate::escape::Escaped;
use crate::observation::ec2::{AllowedImages, EbsDefaults, Image, Instance, Shares, Snapshot, Volume};
use crate::observation::template::{AutoScalingGroup, LaunchTemplate, TemplateRef};
use crate::observation::usage::Usage;
use crate::observation::{Caller, Entity, IamQuotas, KeyGrant, KeyMetadata, ManagedPolicy, Tags};
use crate::plan::Operation;
use crate::policy::KmsAction;

/// Whichever cloud it is: one type, so that what works on it is compiled once.
#[derive(Debug)]
pub enum Traced {
    /// AWS.
    Aws(Box<Aws>),
    /// A sandbox's world.
    Sandbox(Box<Sandbox>),
}

/// Asks whichever cloud it is; the answer is on the heap, so that whoever waits for it is small.
macro_rules! ask {
    ($traced:expr, $cloud:ident => $call:expr) => {
        match $traced {
            Traced::Aws($cloud) => Box::pin($call) as LocalBoxFuture<'_, _>,
            Traced::Sandbox($cloud) => Box::pin($call) as LocalBoxFuture<'_, _>,
        }
    };
}

async fn told<T>(
    what: &str,
    about: &dyn Display,
    call: LocalBoxFuture<'_, Result<T, CloudError>>,
) -> Result<T, CloudError> {
    let begun = Instant::now();
    let result = call.await;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(error) => error.code.as_deref().unwrap_or("failed"),
    };
    let about = about.to_string();
    let (about, outcome) = (Escaped(&about), Escaped(outcome));
    tracing::info!("{what} {about}: {outcome}, {} ms", begun.elapsed().as_millis());
    result
}

impl Observe for Traced {
    async fn default_caller(&self) -> Result<Caller, CloudError> {
        told("who are we", &"by default", ask!(self, cloud => cloud.default_caller())).await
    }

    async fn caller(&self, account: AccountId) -> Result<Option<Caller>, CloudError> {
        told("who are we", &format_args!("in account {account}"), ask!(self, cloud => cloud.caller(account)))
            .await
    }

    async fn describe_key(&self, key: &KeyRef) -> Result<KeyMetadata, CloudError> {
        told("read key", key, ask!(self, cloud => cloud.describe_key(key))).await
    }

    async fn key_policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        told("read key policy", key, ask!(self, cloud => cloud.key_policy(key))).await
    }

    async fn names(&self, account: AccountId, kind: EntityKind) -> Result<Vec<String>, CloudError> {
        told(
            "list names",
            &format_args!("of {kind}s in account {account}"),
            ask!(self, cloud => cloud.names(account, kind)),
        )
        .await
    }

    async fn aliases(&self, account: AccountId, region: &str) -> Result<Vec<String>, CloudError> {
        told(
            "list aliases",
            &format_args!("in account {account}, {region}"),
            ask!(self, cloud => cloud.aliases(account, region)),
        )
        .await
    }

    async fn iam_quotas(&self, account: AccountId) -> Result<IamQuotas, CloudError> {
        told(
            "read quotas",
            &format_args!("of account {account}"),
            ask!(self, cloud => cloud.iam_quotas(account)),
        )
        .await
    }

    async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        told("read AWS_RAM policy of key", key, ask!(self, cloud => cloud.ram_policy(key))).await
    }

    async fn policies_named(
        &self,
        account: AccountId,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        let about = format_args!("{name} in account {account}");
        told("find policies", &about, ask!(self, cloud => cloud.policies_named(account, name))).await
    }

    async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        told("read policy", policy, ask!(self, cloud => cloud.managed_policy(policy, default_version))).await
    }

    async fn entity(&self, account: AccountId, entity: &EntityName) -> Result<Option<Entity>, CloudError> {
        told(
            "read",
            &format_args!("{entity} in account {account}"),
            ask!(self, cloud => cloud.entity(account, entity)),
        )
        .await
    }

    async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError> {
        told("read the age of", principal, ask!(self, cloud => cloud.principal_age(principal))).await
    }

    async fn entity_in_full(
        &self,
        account: AccountId,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        let about = format_args!("{entity} in account {account}");
        told("read", &about, ask!(self, cloud => cloud.entity_in_full(account, entity))).await
    }

    async fn authorization_details(
        &self,
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError> {
        let about = format_args!("of account {account}, for {} users, roles and groups", wanted.len());
        told("read all IAM", &about, ask!(self, cloud => cloud.authorization_details(account, wanted, name)))
            .await
    }

    async fn inline_policy(
        &self,
        account: AccountId,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        let about = format_args!("{policy} of {entity} in account {account}");
        told("read inline policy", &about, ask!(self, cloud => cloud.inline_policy(account, entity, policy)))
            .await
    }

    async fn policy_document(&self, account: AccountId, policy: &str) -> Result<String, CloudError> {
        told("read document of policy", &policy, ask!(self, cloud => cloud.policy_document(account, policy)))
            .await
    }

    async fn grants(&self, key: &KeyArn) -> Result<Vec<KeyGrant>, CloudError> {
        told("read grants of key", key, ask!(self, cloud => cloud.grants(key))).await
    }

    async fn key_tags(&self, key: &KeyArn) -> Result<Tags, CloudError> {
        told("read tags of key", key, ask!(self, cloud => cloud.key_tags(key))).await
    }

    async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError> {
        told("read tags of policy", policy, ask!(self, cloud => cloud.policy_tags(policy))).await
    }

    async fn organization(&self, account: AccountId) -> Result<Option<OrganizationId>, CloudError> {
        told("read organization of account", &account, ask!(self, cloud => cloud.organization(account))).await
    }

    async fn organization_accounts(&self) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        told("list accounts", &"of the organization", ask!(self, cloud => cloud.organization_accounts()))
            .await
    }

    async fn organization_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        let about = format_args!("{child} in {organization}");
        told("read path of", &about, ask!(self, cloud => cloud.organization_path(organization, child))).await
    }
}

impl ObserveEc2 for Traced {
    fn region(&self) -> Option<String> {
        match self {
            Self::Aws(cloud) => ObserveEc2::region(&**cloud),
            Self::Sandbox(cloud) => ObserveEc2::region(&**cloud),
        }
    }

    fn accounts(&self) -> Result<BTreeSet<AccountId>, CloudError> {
        match self {
            Self::Aws(cloud) => cloud.accounts(),
            Self::Sandbox(cloud) => cloud.accounts(),
        }
    }

    async fn images_owned(&self, from: &Viewpoint) -> Result<Vec<Image>, CloudError> {
        let region = from.region.as_deref().unwrap_or("the configured region");
        told(
            "list images",
            &seen(&format!("owned in {region}"), from),
            ask!(self, cloud => cloud.images_owned(from)),
        )
        .await
    }

    async fn image(&self, from: &Viewpoint, id: &str) -> Result<Option<Image>, CloudError> {
        told("read image", &seen(id, from), ask!(self, cloud => cloud.image(from, id))).await
    }

    async fn snapshot(&self, from: &Viewpoint, id: &str) -> Result<Option<Snapshot>, CloudError> {
        told("read snapshot", &seen(id, from), ask!(self, cloud => cloud.snapshot(from, id))).await
    }

    async fn volume(&self, from: &Viewpoint, id: &str) -> Result<Option<Volume>, CloudError> {
        told("read volume", &seen(id, from), ask!(self, cloud => cloud.volume(from, id))).await
    }

    async fn instance(&self, from: &Viewpoint, id: &str) -> Result<Option<Instance>, CloudError> {
        told("read instance", &seen(id, from), ask!(self, cloud => cloud.instance(from, id))).await
    }

    async fn launch_permissions(&self, from: &Viewpoint, image: &str) -> Result<Shares, CloudError> {
        told(
            "read launch permissions",
            &seen(image, from),
            ask!(self, cloud => cloud.launch_permissions(from, image)),
        )
        .await
    }

    async fn image_usage(&self, from: &Viewpoint, image: &str) -> Result<Usage, CloudError> {
        told(
            "read usage reports of image",
            &seen(image, from),
            ask!(self, cloud => cloud.image_usage(from, image)),
        )
        .await
    }

    async fn volume_permissions(&self, from: &Viewpoint, snapshot: &str) -> Result<Shares, CloudError> {
        told(
            "read volume permissions",
            &seen(snapshot, from),
            ask!(self, cloud => cloud.volume_permissions(from, snapshot)),
        )
        .await
    }

    async fn ebs_defaults(&self, from: &Viewpoint) -> Result<EbsDefaults, CloudError> {
        told("read EBS encryption", &seen("defaults", from), ask!(self, cloud => cloud.ebs_defaults(from)))
            .await
    }

    async fn allowed_images(&self, from: &Viewpoint) -> Result<AllowedImages, CloudError> {
        told("read Allowed AMIs", &seen("setting", from), ask!(self, cloud => cloud.allowed_images(from)))
            .await
    }

    async fn template(
        &self,
        from: &Viewpoint,
        template: &TemplateRef,
    ) -> Result<Option<LaunchTemplate>, CloudError> {
        let about = seen(&template.to_string(), from);
        told("read launch template", &about, ask!(self, cloud => cloud.template(from, template))).await
    }

    async fn auto_scaling_group(
        &self,
        from: &Viewpoint,
        name: &str,
    ) -> Result<Option<AutoScalingGroup>, CloudError> {
        told(
            "read Auto Scaling group",
            &seen(name, from),
            ask!(self, cloud => cloud.auto_scaling_group(from, name)),
        )
        .await
    }
}

fn seen(what: &str, from: &Viewpoint) -> String {
    let account = from.account.map_or("by default".to_owned(), |account| format!("from account {account}"));
    format!("{what} {account}")
}

impl Write for Traced {
    async fn narrow(&self, operations: &[&Operation]) {
        ask!(self, cloud => cloud.narrow(operations)).await;
    }

    async fn get_ready(&self, operation: &Operation) -> Result<(), CloudError> {
        ask!(self, cloud => cloud.get_ready(operation)).await
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, CloudError> {
        told(operation.api_call(), &operation.resource(), ask!(self, cloud => cloud.perform(operation))).await
    }
}

impl Prove for Traced {
    async fn act_as(&self, actor: &Actor) -> Result<Caller, CloudError> {
        told("who are we", &format_args!("as {actor}"), ask!(self, cloud => cloud.act_as(actor))).await
    }

    async fn dry_run(&self, actor: &Actor, call: LaunchCall, key: &KeyArn) -> Result<(), CloudError> {
        let about = format_args!("{} on {key} as {actor}", call.operation());
        told("dry run of", &about, ask!(self, cloud => cloud.dry_run(actor, call, key))).await
    }

    async fn simulate(
        &self,
        principal: &EntityArn,
        key: &KeyArn,
        actions: &[KmsAction],
    ) -> Result<Vec<Simulated>, CloudError> {
        let about = format_args!("{principal} with {key}");
        told("simulate", &about, ask!(self, cloud => cloud.simulate(principal, key, actions))).await
    }
}
