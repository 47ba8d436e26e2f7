//! Reads every policy that users, roles and groups of one account have, each document once.
//!
//! These reads are beyond what a remedy by name needs, so none of them fails a run: what could not be read is
//! told as the reason why, and never taken for empty.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::StreamExt as _;
use tokio::join;

use super::iam::Iam;
use crate::arn::{EntityKind, EntityName, PolicyArn};
use crate::cloud::abreast::abreast;
use crate::cloud::{Belongings, CloudError, CloudErrorKind, Observe};
use crate::observation::{Entity, IdentityPolicies, ManagedPolicy, NamedDocument, Reading, UnreadReason};

/// A user, role or group.
pub(super) struct Found {
    pub(super) entity: Entity,
    /// What belongs to it.
    pub(super) belongings: Belongings,
}

/// Whose policies are read.
type Owner<'f> = (&'f Entity, &'f Belongings);

/// Something that was read, or the reason why not.
type Read<T> = Result<T, UnreadReason>;

/// The documents of an account, as far as some users, roles and groups need them.
pub(super) struct Documents {
    managed: BTreeMap<String, Read<String>>,
    inline: BTreeMap<(EntityName, String), Read<String>>,
    groups: BTreeMap<String, Read<(Entity, Belongings)>>,
}

impl Documents {
    /// Reads side by side what is needed for the entities, but not the managed policies that are read anyway.
    pub(super) async fn read(
        found: &[&Found],
        read_anyway: &BTreeSet<String>,
        iam: &Iam<'_, impl Observe>,
    ) -> Self {
        let owners: Vec<Owner<'_>> = found.iter().map(|found| (&found.entity, &found.belongings)).collect();
        let own = managed_policies(&owners).filter(|policy| !read_anyway.contains(*policy)).collect();
        let (mut managed, mut inline, groups) =
            join!(read_managed(&own, iam), read_inline(&owners, iam), async {
                let groups = read_groups(&owners, iam).await;
                let owners: Vec<Owner<'_>> =
                    groups.values().flatten().map(|(entity, belongings)| (entity, belongings)).collect();
                let further = managed_policies(&owners)
                    .filter(|policy| !own.contains(policy) && !read_anyway.contains(*policy))
                    .collect();
                let (managed, inline) = join!(read_managed(&further, iam), read_inline(&owners, iam));
                (groups, managed, inline)
            },);
        let (groups, of_groups, inline_of_groups) = groups;
        managed.extend(of_groups);
        inline.extend(inline_of_groups);
        Self { managed, inline, groups }
    }

    /// Adds managed policies that were read for another reason.
    pub(super) fn add(&mut self, policies: &BTreeMap<PolicyArn, ManagedPolicy>) {
        let texts = policies.iter().map(|(arn, policy)| (arn.to_string(), Ok(policy.document.clone())));
        self.managed.extend(texts);
    }

    /// The entity with everything that belongs to it.
    pub(super) fn completed(&self, Found { mut entity, belongings }: Found) -> Entity {
        entity.identity = match self.identity(&entity, &belongings) {
            Ok(policies) => Reading::Read(policies),
            Err(reason) => Reading::Unread(reason),
        };
        entity
    }

    fn identity(&self, entity: &Entity, belongings: &Belongings) -> Read<IdentityPolicies> {
        let mut documents = self.own(entity, belongings)?;
        for name in belongings.groups.as_ref().map_err(reason)? {
            let group =
                self.groups.get(name).ok_or_else(|| other(format!("the group {name} was not read")))?;
            let (entity, belongings) = group.as_ref().map_err(Clone::clone)?;
            for document in self.own(entity, belongings)? {
                if !documents.contains(&document) {
                    documents.push(document);
                }
            }
        }
        let boundary = belongings.boundary.as_ref().map(|arn| self.managed_document(arn)).transpose()?;
        Ok(IdentityPolicies { documents, boundary })
    }

    /// Managed policies by ARN, then inline ones by name; groups left aside.
    fn own(&self, entity: &Entity, belongings: &Belongings) -> Read<Vec<NamedDocument>> {
        let mut documents: Vec<NamedDocument> =
            entity.attached.iter().map(|arn| self.managed_document(arn)).collect::<Result<_, _>>()?;
        let owner = entity.arn.entity_name();
        for name in belongings.inline.as_ref().map_err(reason)? {
            let text = self.inline.get(&(owner.clone(), name.clone()));
            let text =
                text.cloned().unwrap_or_else(|| Err(other(format!("{name} of {owner} was not read"))))?;
            documents.push(NamedDocument { name: format!("inline policy {name} of {owner}"), text });
        }
        Ok(documents)
    }

    fn managed_document(&self, arn: &str) -> Read<NamedDocument> {
        let text = self.managed.get(arn).cloned();
        let text =
            text.unwrap_or_else(|| Err(other(format!("the policy `{arn}` does not exist any more"))))?;
        Ok(NamedDocument { name: arn.to_owned(), text })
    }
}

/// The managed policies of entities, boundaries included.
fn managed_policies<'f>(owners: &[Owner<'f>]) -> impl Iterator<Item = &'f str> {
    owners
        .iter()
        .flat_map(|(entity, belongings)| entity.attached.iter().chain(&belongings.boundary))
        .map(String::as_str)
}

async fn read_managed(
    policies: &BTreeSet<&str>,
    iam: &Iam<'_, impl Observe>,
) -> BTreeMap<String, Read<String>> {
    let read = policies.iter().map(async |policy| {
        let text = iam.policy_document(policy).await.map_err(|error| reason(&error));
        ((*policy).to_owned(), text)
    });
    abreast(read).collect().await
}

async fn read_inline(
    owners: &[Owner<'_>],
    iam: &Iam<'_, impl Observe>,
) -> BTreeMap<(EntityName, String), Read<String>> {
    let names = owners.iter().flat_map(|(entity, belongings)| {
        let owner = entity.arn.entity_name();
        belongings.inline.iter().flatten().map(move |name| (owner.clone(), name.clone()))
    });
    let read = names.collect::<BTreeSet<_>>().into_iter().map(async |(owner, name)| {
        let text = iam.inline_policy(&owner, &name).await.map_err(|error| reason(&error));
        ((owner, name), text)
    });
    abreast(read).collect().await
}

async fn read_groups(
    owners: &[Owner<'_>],
    iam: &Iam<'_, impl Observe>,
) -> BTreeMap<String, Read<(Entity, Belongings)>> {
    let names: BTreeSet<&String> =
        owners.iter().flat_map(|(_, belongings)| belongings.groups.iter().flatten()).collect();
    let read = names.into_iter().map(async |name| {
        let group = EntityName { kind: EntityKind::Group, name: name.clone() };
        let found = match iam.entity_in_full(&group).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(other(format!("the group {name} does not exist any more"))),
            Err(error) => Err(reason(&error)),
        };
        (name.clone(), found)
    });
    abreast(read).collect().await
}

/// Why something was not read, in few words where the caller only lacks the permission.
pub(super) fn reason(error: &CloudError) -> UnreadReason {
    let CloudError { operation, resource, .. } = error;
    match error.kind {
        CloudErrorKind::AccessDenied => {
            UnreadReason::NotPermitted { permission: (*operation).to_owned(), resource: resource.clone() }
        }
        _ => other(error.to_string()),
    }
}

fn other(reason: String) -> UnreadReason {
    UnreadReason::Other(reason)
}
