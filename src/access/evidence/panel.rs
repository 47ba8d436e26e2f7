//! Several grantees and one key: what does not depend on the grantee is worked out once.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::subject::Subject;
use super::{Evidence, KeyEvidence};
use crate::access::Grantee;
use crate::access::assessment::{Assessment, InstanceAssessment};
use crate::access::grant::OPERATIONS;
use crate::arn::{AccountId, KeyArn, Members, Partition};
use crate::authz::{Context, Principal, QueriedKey};
use crate::observation::Reading;
use crate::policy::KmsAction;

/// Grantees of one key, who are asked about one after the other.
pub(super) struct Panel<'e> {
    evidence: &'e Evidence,
    key: &'e KeyArn,
    queried: Rc<QueriedKey>,
    context: Context,
    /// Whoever is of an account launches instances with the same identity-only role.
    instances: BTreeMap<Owner, Rc<InstanceAssessment>>,
}

/// Whose instances they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Account(Partition, AccountId),
    Members(Members),
}

impl Owner {
    fn of(grantee: &Grantee) -> Self {
        match grantee {
            Grantee::Account { partition, id } => Self::Account(*partition, *id),
            Grantee::Entity(entity) => Self::Account(entity.partition, entity.account),
            Grantee::ServiceLinkedRole(role) => Self::Account(role.arn().partition, role.arn().account),
            Grantee::Members(members) => Self::Members(members.clone()),
            Grantee::MembersRole(role) => Self::Members(role.members.clone()),
        }
    }

    fn identity_only_role(&self, key: &KeyArn) -> Principal {
        match self {
            Self::Account(partition, account) => Principal::identity_only(*partition, *account),
            Self::Members(members) => Principal::identity_only_of_member(key.partition, members, key.account),
        }
    }
}

impl<'e> Panel<'e> {
    pub(super) fn new(evidence: &'e Evidence, key: &'e KeyArn) -> Self {
        let own = evidence.keys.get(key).map(|KeyEvidence { context, .. }| context.clone());
        let mut context = own.unwrap_or_else(|| Context::for_launch(&key.region));
        evidence.tell(&mut context);
        Self { evidence, key, queried: QueriedKey::new(key), context, instances: BTreeMap::new() }
    }

    pub(super) fn assess(&mut self, grantee: &Grantee, actions: &[KmsAction]) -> Assessment {
        let Self { evidence, key, queried, context, instances } = self;
        let owner = Owner::of(grantee);
        let instance = instances.entry(owner).or_insert_with_key(|owner| {
            let affiliation = grantee.account().and_then(|account| evidence.affiliations.get(&account));
            let role = owner.identity_only_role(key).affiliated(affiliation);
            Rc::new(evidence.assess_instance(key, queried, &role))
        });
        let subject = Subject::new(evidence, (key, queried), grantee);
        let actions = match grantee {
            Grantee::MembersRole(role) => {
                let arn = role.arn_pattern(key.partition);
                let mut context = Context::for_own_grant(&arn, OPERATIONS);
                evidence.tell(&mut context);
                subject.ask(&context, &[KmsAction::CREATE_GRANT])
            }
            Grantee::Account { .. }
            | Grantee::Entity(_)
            | Grantee::ServiceLinkedRole(_)
            | Grantee::Members(_) => subject.ask(context, actions),
        };
        Assessment {
            key: key.clone(),
            grantee: grantee.clone(),
            actions,
            instance: Rc::clone(instance),
            considered: evidence.considered(&subject),
            not_considered: evidence.gaps(&subject),
            is_identity_read: grantee.attachable().is_none()
                || matches!(subject.identity, Some(Reading::Read(_))),
        }
    }
}
