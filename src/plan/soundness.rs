//! The independent check of every plan: nothing that it decides by is shared with what made the changes.
//!
//! Everything that was in a document still is, and what is new is what was asked for: by the form of the documents
//! and by their effect. What may become new (`demand`, `grants`) and what AWS takes (`limits`) is written down
//! here once more. Shared is what both sides have to read alike: how a policy is read and which actions a pattern
//! stands for ([`crate::policy`]), whom and which keys was asked for ([`Request`]), and whether a request is allowed
//! ([`crate::authz`]), which is tested against a second, naive evaluation and situations with their verdicts.

mod demand;
mod effect;
mod form;
mod grants;
pub(super) mod limits;
mod outsiders;
mod own_grants;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Value, json};

use super::finding::Unsound;
use super::{Change, Finding, KeyPolicyUpdate, Operation};
use crate::access::{Grantee, Request, ServiceLinkedRole, Terms};
use crate::arn::{AccountId, EntityKind, EntityName, KeyArn, Members, PolicyArn};
use crate::observation::{IamQuotas, ManagedPolicy, Observation, Reading};
use crate::policy::{Documents, KmsAction, PolicyDocument};
use demand::{Alike, Demand};
use effect::Rewrite;

/// What is wrong with a plan's changes; empty for every plan that may be shown.
pub(super) fn violations(
    request: &Request,
    observation: &Observation,
    grantees: &[Grantee],
    changes: &[Change],
    documents: &Documents,
) -> Vec<Finding> {
    let mut demands: Vec<Demand> = Vec::new();
    let alike: BTreeSet<Alike> = grantees.iter().map(Alike::from).collect();
    for alike in &alike {
        // Of a key nothing but its region, its account and its terms tells one demand from another.
        let places: BTreeMap<(&str, AccountId, Terms), &KeyArn> = request
            .keys_for(alike.account())
            .map(|key| ((key.region.as_str(), key.account, request.terms(key)), key))
            .collect();
        for demand in places.into_values().flat_map(|key| Demand::of(request, key, alike)) {
            if !demands.contains(&demand) {
                demands.push(demand);
            }
        }
    }
    let asked = Asked {
        request,
        demands,
        keys: request.keys.iter().map(|key| (key.to_string(), key)).collect(),
        grantees: grantees.iter().collect(),
        entities: grantees.iter().filter_map(named).collect(),
        written: changes.iter().filter_map(|change| written(&change.operation)).collect(),
        observation,
        documents,
    };
    let mut attached = BTreeSet::new();
    changes
        .iter()
        .filter_map(|change| {
            let mut by_effect = || check_effect(&asked, &change.operation, &mut attached);
            let violation = form::check(&asked, &change.operation).and_then(|()| by_effect()).err()?;
            Some(Finding::new(&change.operation.resource(), Unsound::Change { violation }))
        })
        .collect()
}

/// All that may become new, and what the changes are made on.
struct Asked<'a> {
    request: &'a Request,
    /// For every region and account.
    demands: Vec<Demand>,
    /// The keys, by their ARNs as texts.
    keys: BTreeMap<String, &'a KeyArn>,
    grantees: BTreeSet<&'a Grantee>,
    /// Those of them that have names in accounts.
    entities: BTreeMap<(AccountId, EntityName), &'a Grantee>,
    /// What policies of IAM say once the changes are made, of those that are written.
    written: BTreeMap<&'a PolicyArn, &'a str>,
    observation: &'a Observation,
    /// What is written and what was read says.
    documents: &'a Documents,
}

impl<'a> Asked<'a> {
    fn parsed(&self, text: &str) -> Result<Rc<PolicyDocument>, String> {
        self.documents.parsed(text).map_err(|error| error.to_string())
    }

    /// Whom a key's policy may come to name.
    fn principals(&self, key: &KeyArn) -> BTreeSet<String> {
        let principal = |grantee: &Grantee| match grantee {
            // Another account's service-linked role gets a grant.
            Grantee::ServiceLinkedRole(role) if role.arn().account != key.account => None,
            // A group of another account brings that account's root.
            Grantee::Entity(entity) if entity.kind == EntityKind::Group => (entity.account != key.account)
                .then(|| format!("arn:{}:iam::{}:root", entity.partition, entity.account)),
            Grantee::Account { .. } | Grantee::Entity(_) | Grantee::ServiceLinkedRole(_) => {
                Some(grantee.to_string())
            }
            // No principal: conditions tell who they are.
            Grantee::Members(_) | Grantee::MembersRole(_) => None,
        };
        self.needing(key).into_iter().filter_map(principal).collect()
    }

    /// Those who need a key.
    fn needing(&self, key: &KeyArn) -> Vec<&'a Grantee> {
        self.request.needing(key).filter(|grantee| self.grantees.contains(grantee)).collect()
    }

    /// Who is no member stays out of what members may come to do, and members stay within it.
    fn check_members(
        &self,
        key: &KeyArn,
        documents: (&PolicyDocument, &PolicyDocument),
    ) -> Result<(), String> {
        let needing = self.needing(key);
        let (mut all, mut of_use): (BTreeSet<&Members>, BTreeSet<&Members>) = Default::default();
        for grantee in &needing {
            match grantee {
                Grantee::Members(members) => {
                    all.insert(members);
                    of_use.insert(members);
                }
                Grantee::MembersRole(role) => _ = all.insert(&role.members),
                Grantee::Account { .. } | Grantee::Entity(_) | Grantee::ServiceLinkedRole(_) => {}
            }
        }
        if all.is_empty() {
            return Ok(());
        }
        let (grants, uses): (Vec<KmsAction>, Vec<KmsAction>) =
            KmsAction::all().partition(|action| *action == KmsAction::CREATE_GRANT);
        outsiders::check(key, &all, documents, &grants)?;
        // Whose roles get grants by themselves are let in to make these, and to nothing else.
        outsiders::check(key, &of_use, documents, &uses)?;
        own_grants::check(key, &needing, documents)
    }

    /// Whether all of these texts are keys that were asked for.
    fn are_asked(&self, resources: &BTreeSet<String>) -> bool {
        resources.iter().all(|resource| self.keys.contains_key(resource))
    }

    /// The keys asked for among these texts.
    fn named_keys<'t>(&self, resources: impl IntoIterator<Item = &'t str>) -> BTreeSet<&'a KeyArn> {
        resources.into_iter().filter_map(|resource| self.keys.get(resource)).copied().collect()
    }

    /// Whether who bears a name in an account is asked for with each of some keys.
    fn is_grantee<'k>(
        &self,
        account: AccountId,
        name: &EntityName,
        keys: impl IntoIterator<Item = &'k KeyArn>,
    ) -> bool {
        let grantee = self.entities.get(&(account, name.clone()));
        grantee.is_some_and(|grantee| keys.into_iter().all(|key| self.request.concerns(key, grantee)))
    }

    fn policies(&self, account: AccountId) -> impl Iterator<Item = &'a ManagedPolicy> + use<'a> {
        let iam = self.observation.accounts.get(&account).and_then(Reading::read);
        iam.into_iter().flat_map(|iam| iam.policies.values())
    }

    /// What a policy says once the changes are made.
    fn document_of(&self, policy: &PolicyArn) -> Option<&'a str> {
        let iam = || self.observation.accounts.get(&policy.account).and_then(Reading::read);
        let read = || iam()?.policies.get(policy).map(|policy| policy.document.as_str());
        self.written.get(policy).copied().or_else(read)
    }
}

/// A grantee that has a name in an account.
fn named(grantee: &Grantee) -> Option<((AccountId, EntityName), &Grantee)> {
    match grantee {
        Grantee::Entity(entity) => Some(((entity.account, entity.entity_name()), grantee)),
        Grantee::Account { .. }
        | Grantee::ServiceLinkedRole(_)
        | Grantee::Members(_)
        | Grantee::MembersRole(_) => None,
    }
}

/// The policy of IAM that an operation writes, with its text.
fn written(operation: &Operation) -> Option<(&PolicyArn, &str)> {
    match operation {
        Operation::CreatePolicy { policy, after, .. }
        | Operation::CreatePolicyVersion { policy, after, .. } => Some((policy, after)),
        _ => None,
    }
}

/// What the documents come to, by evaluation.
fn check_effect<'a>(
    asked: &Asked<'a>,
    operation: &'a Operation,
    attached: &mut BTreeSet<&'a PolicyArn>,
) -> Result<(), String> {
    match operation {
        Operation::PruneOrphans(KeyPolicyUpdate { key, before, after }) => {
            asked.check_key_policy(key, before, after, EMPTY)
        }
        Operation::UpdateKeyPolicy(KeyPolicyUpdate { key, before, after }) => {
            asked.check_key_policy(key, before, after, &asked.in_key_policy(key))
        }
        Operation::CreatePolicy { policy, after, .. } => asked.check_identity_policy(policy, EMPTY, after),
        Operation::CreatePolicyVersion { policy, before, after, .. } => {
            asked.check_identity_policy(policy, before, after)
        }
        Operation::AttachPolicy { policy, .. } if attached.insert(policy) => {
            let document = asked.document_of(policy).ok_or("a policy is attached that was not read")?;
            asked.check_identity_policy(policy, EMPTY, document)
        }
        // A grant is no document, and a way back is refused: both by their form.
        Operation::AttachPolicy { .. }
        | Operation::DeletePolicyVersion { .. }
        | Operation::CreateGrant { .. }
        | Operation::RevokeGrant { .. }
        | Operation::RestoreKeyPolicy(_)
        | Operation::ReduceKeyPolicy(_)
        | Operation::DetachPolicy { .. }
        | Operation::DeletePolicy { .. }
        | Operation::SetDefaultVersion { .. }
        | Operation::WithdrawPolicyVersion { .. } => Ok(()),
    }
}

impl<'a> Asked<'a> {
    fn check_key_policy(
        &self,
        key: &KeyArn,
        before: &'a str,
        after: &'a str,
        asked: &str,
    ) -> Result<(), String> {
        let (before, after, asked) = (self.parsed(before)?, self.parsed(after)?, self.parsed(asked)?);
        let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
        rewrite.check_key_policy(key, &self.principals(key), self.caller(key))?;
        self.check_members(key, (&before, &after))
    }

    fn check_identity_policy(
        &self,
        policy: &PolicyArn,
        before: &'a str,
        after: &'a str,
    ) -> Result<(), String> {
        let (before, after) = (self.parsed(before)?, self.parsed(after)?);
        let asked = self.parsed(&self.in_identity_policy(policy.account, &after))?;
        let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
        rewrite.check_identity_policy(policy.account, &self.request.keys)
    }

    /// A key policy of exactly what was asked for: the demands of each account, and what lets accounts create the
    /// grants of their service-linked roles.
    fn in_key_policy(&self, key: &KeyArn) -> String {
        let mut demands: Vec<(Demand, Vec<String>)> = Vec::new();
        let mut of_alike: BTreeMap<Alike, Vec<Demand>> = BTreeMap::new();
        for principal in self.principals(key) {
            let Ok(grantee) = principal.parse::<Grantee>() else { continue };
            let own = of_alike.entry(Alike::from(&grantee));
            for demand in own.or_insert_with_key(|alike| Demand::of(self.request, key, alike)).iter() {
                match demands.iter_mut().find(|(known, _)| known == demand) {
                    Some((_, principals)) => principals.push(principal.clone()),
                    None => demands.push((demand.clone(), vec![principal.clone()])),
                }
            }
        }
        let statements = demands.iter().map(|(demand, principals)| demand.for_principals(principals));
        let alike: BTreeSet<Alike> = self.needing(key).into_iter().map(Alike::from).collect();
        let demands = alike.iter().flat_map(|alike| Demand::of(self.request, key, alike));
        let of_members = demands
            .filter(|demand| demand.is_for_anyone)
            .map(|demand| demand.for_principals(&["*".to_owned()]));
        let statements = statements.chain(of_members);
        let mut roles: BTreeMap<String, Vec<&ServiceLinkedRole>> = BTreeMap::new();
        for role in grants::foreign_roles(self, key) {
            let arn = role.arn();
            roles.entry(format!("arn:{}:iam::{}:root", arn.partition, arn.account)).or_default().push(role);
        }
        let permissions = roles.iter().map(|(root, roles)| grants::permission(root, roles));
        let statements: Vec<Value> = statements.chain(permissions).collect();
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    /// An IAM policy of exactly what was asked for: the demands on each key that a document names. Of other keys it can
    /// give nothing but what was not asked for.
    fn in_identity_policy(&self, account: AccountId, document: &PolicyDocument) -> String {
        let lists = document.statements.iter().filter_map(|statement| statement.resource.as_ref());
        let named = self.named_keys(lists.flat_map(|list| list.list.iter()));
        let mut demands: Vec<(Demand, Vec<&KeyArn>)> = Vec::new();
        for key in named.into_iter().filter(|key| self.request.is_needed_in(key, Some(account))) {
            for demand in Demand::in_account(self.request, key, account) {
                match demands.iter_mut().find(|(known, _)| *known == demand) {
                    Some((_, keys)) => keys.push(key),
                    None => demands.push((demand, vec![key])),
                }
            }
        }
        let statements: Vec<Value> = demands.iter().map(|(demand, keys)| demand.on_keys(keys)).collect();
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    /// The caller whose credentials serve a key's account.
    fn caller(&self, key: &KeyArn) -> Option<&'a str> {
        self.observation.callers.get(&key.account).map(|caller| caller.arn.as_str())
    }

    /// The most characters that a policy of an account may have.
    fn policy_size(&self, account: AccountId) -> usize {
        let iam = self.observation.accounts.get(&account).and_then(Reading::read);
        iam.map_or(IamQuotas::default().policy_size, |iam| iam.quotas.policy_size)
    }
}

fn parsed(text: &str) -> Result<PolicyDocument, String> {
    PolicyDocument::parse(text).map_err(|error| error.to_string())
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// A policy of somebody who may do everything, as far as IAM goes.
const ALLOW_EVERYTHING: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

/// A document that says nothing.
const EMPTY: &str = r#"{"Statement": []}"#;
