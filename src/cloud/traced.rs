//! Tells of every read and write, with how long it took, for `-v`.
//!
//! What the SDK itself could log is never shown: it may hold credentials.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::{Duration, Instant};

use super::authorization::AuthorizationDetails;
use super::ec2::{ObserveEc2, Viewpoint};
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

/// A cloud, and a line for everything that is asked of it.
#[derive(Debug)]
pub struct Traced<C>(pub C);

async fn told<T>(
    what: &str,
    about: &dyn Display,
    call: impl Future<Output = Result<T, CloudError>>,
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

impl<C: Observe> Observe for Traced<C> {
    async fn default_caller(&self) -> Result<Caller, CloudError> {
        told("who are we", &"by default", self.0.default_caller()).await
    }

    async fn caller(&self, account: AccountId) -> Result<Option<Caller>, CloudError> {
        told("who are we", &format_args!("in account {account}"), self.0.caller(account)).await
    }

    async fn describe_key(&self, key: &KeyRef) -> Result<KeyMetadata, CloudError> {
        told("read key", key, self.0.describe_key(key)).await
    }

    async fn key_policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        told("read key policy", key, self.0.key_policy(key)).await
    }

    async fn names(&self, account: AccountId, kind: EntityKind) -> Result<Vec<String>, CloudError> {
        told("list names", &format_args!("of {kind}s in account {account}"), self.0.names(account, kind))
            .await
    }

    async fn aliases(&self, account: AccountId, region: &str) -> Result<Vec<String>, CloudError> {
        told("list aliases", &format_args!("in account {account}, {region}"), self.0.aliases(account, region))
            .await
    }

    async fn iam_quotas(&self, account: AccountId) -> Result<IamQuotas, CloudError> {
        told("read quotas", &format_args!("of account {account}"), self.0.iam_quotas(account)).await
    }

    async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        told("read AWS_RAM policy of key", key, self.0.ram_policy(key)).await
    }

    async fn policies_named(
        &self,
        account: AccountId,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        let about = format_args!("{name} in account {account}");
        told("find policies", &about, self.0.policies_named(account, name)).await
    }

    async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        told("read policy", policy, self.0.managed_policy(policy, default_version)).await
    }

    async fn entity(&self, account: AccountId, entity: &EntityName) -> Result<Option<Entity>, CloudError> {
        told("read", &format_args!("{entity} in account {account}"), self.0.entity(account, entity)).await
    }

    async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError> {
        told("read the age of", principal, self.0.principal_age(principal)).await
    }

    async fn entity_in_full(
        &self,
        account: AccountId,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        let about = format_args!("{entity} in account {account}");
        told("read", &about, self.0.entity_in_full(account, entity)).await
    }

    async fn authorization_details(
        &self,
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError> {
        let about = format_args!("of account {account}, for {} users, roles and groups", wanted.len());
        told("read all IAM", &about, self.0.authorization_details(account, wanted, name)).await
    }

    async fn inline_policy(
        &self,
        account: AccountId,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        let about = format_args!("{policy} of {entity} in account {account}");
        told("read inline policy", &about, self.0.inline_policy(account, entity, policy)).await
    }

    async fn policy_document(&self, account: AccountId, policy: &str) -> Result<String, CloudError> {
        told("read document of policy", &policy, self.0.policy_document(account, policy)).await
    }

    async fn grants(&self, key: &KeyArn) -> Result<Vec<KeyGrant>, CloudError> {
        told("read grants of key", key, self.0.grants(key)).await
    }

    async fn key_tags(&self, key: &KeyArn) -> Result<Tags, CloudError> {
        told("read tags of key", key, self.0.key_tags(key)).await
    }

    async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError> {
        told("read tags of policy", policy, self.0.policy_tags(policy)).await
    }

    async fn organization(&self, account: AccountId) -> Result<Option<OrganizationId>, CloudError> {
        told("read organization of account", &account, self.0.organization(account)).await
    }

    async fn organization_accounts(&self) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        told("list accounts", &"of the organization", self.0.organization_accounts()).await
    }

    async fn organization_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        let about = format_args!("{child} in {organization}");
        told("read path of", &about, self.0.organization_path(organization, child)).await
    }
}

impl<C: ObserveEc2> ObserveEc2 for Traced<C> {
    fn region(&self) -> Option<String> {
        self.0.region()
    }

    fn accounts(&self) -> BTreeSet<AccountId> {
        self.0.accounts()
    }

    async fn images_owned(&self, from: &Viewpoint) -> Result<Vec<Image>, CloudError> {
        let region = from.region.as_deref().unwrap_or("the configured region");
        told("list images", &seen(&format!("owned in {region}"), from), self.0.images_owned(from)).await
    }

    async fn image(&self, from: &Viewpoint, id: &str) -> Result<Option<Image>, CloudError> {
        told("read image", &seen(id, from), self.0.image(from, id)).await
    }

    async fn snapshot(&self, from: &Viewpoint, id: &str) -> Result<Option<Snapshot>, CloudError> {
        told("read snapshot", &seen(id, from), self.0.snapshot(from, id)).await
    }

    async fn volume(&self, from: &Viewpoint, id: &str) -> Result<Option<Volume>, CloudError> {
        told("read volume", &seen(id, from), self.0.volume(from, id)).await
    }

    async fn instance(&self, from: &Viewpoint, id: &str) -> Result<Option<Instance>, CloudError> {
        told("read instance", &seen(id, from), self.0.instance(from, id)).await
    }

    async fn launch_permissions(&self, from: &Viewpoint, image: &str) -> Result<Shares, CloudError> {
        told("read launch permissions", &seen(image, from), self.0.launch_permissions(from, image)).await
    }

    async fn image_usage(&self, from: &Viewpoint, image: &str) -> Result<Usage, CloudError> {
        told("read usage reports of image", &seen(image, from), self.0.image_usage(from, image)).await
    }

    async fn volume_permissions(&self, from: &Viewpoint, snapshot: &str) -> Result<Shares, CloudError> {
        told("read volume permissions", &seen(snapshot, from), self.0.volume_permissions(from, snapshot))
            .await
    }

    async fn ebs_defaults(&self, from: &Viewpoint) -> Result<EbsDefaults, CloudError> {
        told("read EBS encryption", &seen("defaults", from), self.0.ebs_defaults(from)).await
    }

    async fn allowed_images(&self, from: &Viewpoint) -> Result<AllowedImages, CloudError> {
        told("read Allowed AMIs", &seen("setting", from), self.0.allowed_images(from)).await
    }

    async fn template(
        &self,
        from: &Viewpoint,
        template: &TemplateRef,
    ) -> Result<Option<LaunchTemplate>, CloudError> {
        let about = seen(&template.to_string(), from);
        told("read launch template", &about, self.0.template(from, template)).await
    }

    async fn auto_scaling_group(
        &self,
        from: &Viewpoint,
        name: &str,
    ) -> Result<Option<AutoScalingGroup>, CloudError> {
        told("read Auto Scaling group", &seen(name, from), self.0.auto_scaling_group(from, name)).await
    }
}

fn seen(what: &str, from: &Viewpoint) -> String {
    let account = from.account.map_or("by default".to_owned(), |account| format!("from account {account}"));
    format!("{what} {account}")
}

impl<C: Write> Write for Traced<C> {
    async fn get_ready(&self, operation: &Operation) -> Result<(), CloudError> {
        self.0.get_ready(operation).await
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, CloudError> {
        told(operation.api_call(), &operation.resource(), self.0.perform(operation)).await
    }
}

impl<C: Prove> Prove for Traced<C> {
    async fn act_as(&self, actor: &Actor) -> Result<Caller, CloudError> {
        told("who are we", &format_args!("as {actor}"), self.0.act_as(actor)).await
    }

    async fn dry_run(&self, actor: &Actor, call: LaunchCall, key: &KeyArn) -> Result<(), CloudError> {
        let about = format_args!("{} on {key} as {actor}", call.operation());
        told("dry run of", &about, self.0.dry_run(actor, call, key)).await
    }

    async fn simulate(
        &self,
        principal: &EntityArn,
        key: &KeyArn,
        actions: &[KmsAction],
    ) -> Result<Vec<Simulated>, CloudError> {
        let about = format_args!("{principal} with {key}");
        told("simulate", &about, self.0.simulate(principal, key, actions)).await
    }
}
