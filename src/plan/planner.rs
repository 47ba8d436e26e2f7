//! The planner: from a request and an observation to a plan. It proposes and changes nothing.

pub(super) mod forecast;
mod iam_side;
mod key_side;
pub(super) mod key_state;
pub(super) mod ownership;
mod policy_draft;
mod prospects;
mod sides;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::finding::GranteeFinding;
use super::{
    Change, Coverage, Finding, FindingKind, Handover, Operation, Plan, Side, identity_policy, membership,
    soundness,
};
use crate::access::evidence::{Evidence, Extras};
use crate::access::{Grantee, Request, RequiredStatement};
use crate::arn::{Affiliation, EntityArn, KeyArn};
use crate::observation::{Observation, Reading};
use crate::policy::Documents;
use prospects::Prospects;
use sides::Sides;

/// Plans the smallest writes that make the required statements hold for every grantee and key.
///
/// What counts as holding is the request's [`CoverageRule`](crate::access::CoverageRule): by name, see
/// [`super::patch`], or by evaluation. Planning on the result of a plan gives no change.
pub fn plan(request: &Request, observation: &Observation) -> Plan {
    let ground = Ground::new(observation);
    let drafted = ground.drafted(request);
    // Nothing is evaluated any more, and what that was made from is large.
    let Ground { documents, .. } = ground;
    drafted.finish(observation, &documents)
}

/// What plans are made on, read and taken apart once for all of them.
#[derive(Debug)]
pub(super) struct Ground<'o> {
    observation: &'o Observation,
    pub(super) documents: Documents,
    evidence: Evidence,
}

impl<'o> Ground<'o> {
    pub(super) fn new(observation: &'o Observation) -> Self {
        let documents = Documents::default();
        let evidence = Evidence::sharing(&documents, observation, &Extras::default());
        Self { observation, documents, evidence }
    }

    /// What [`plan`] plans, to be told of and never applied: without its independent check, which takes longer than all
    /// the rest.
    pub(super) fn outline(&self, request: &Request) -> Plan {
        self.drafted(request).into_plan().1
    }

    fn drafted<'r>(&self, asked: &'r Request) -> Drafted<'r> {
        let Self { observation, documents, evidence } = self;
        let looked_at = looked_at(asked, observation);
        let request = &*looked_at;
        let grantees = Grantees::sort_out(request, observation);
        let mut draft = Draft { findings: grantees.findings.clone(), ..Draft::default() };
        draft.tell_of_left_out(observation);
        draft.leave_to_others(request);
        tell_of_members(request, observation, &grantees.usable, &mut draft);
        let before = evidence.of_some(&request.keys, &grantees.usable);
        for key in request.keys.iter().filter(|key| request.plans_in(key.account)) {
            let needing = grantees.needing(request, key);
            key_side::plan_key(request, (observation, documents), &needing, key, &before, &mut draft);
        }
        let mut after = before.clone();
        let on_keys = draft.changes.len();
        forecast::carry_out(&mut after, observation, &draft.changes);
        iam_side::plan_accounts(request, (observation, documents), &grantees, &after, &mut draft);
        forecast::carry_out(&mut after, observation, draft.changes.get(on_keys..).unwrap_or_default());
        let prospects =
            Prospects { request, observation, grantees: &grantees, before: &before, after: &after };
        prospects.judge(&mut draft);
        ownership::judge(observation, &mut draft);
        Drafted { asked, looked_at, grantees, draft }
    }
}

/// The request without the keys that are left out.
fn looked_at<'r>(request: &'r Request, observation: &Observation) -> Cow<'r, Request> {
    let is_left_out = |key: &KeyArn| observation.left_out.contains_key(&key.to_string());
    if observation.left_out.is_empty() || !request.keys.iter().any(is_left_out) {
        return Cow::Borrowed(request);
    }
    let keys = request.keys.iter().filter(|key| !is_left_out(key)).cloned().collect();
    Cow::Owned(Request { keys, ..request.clone() })
}

/// What was read, and what its texts say.
type Read<'r, 'o> = (&'o Observation, &'r Documents);

/// What the parts of the planner gather.
#[derive(Debug, Default)]
struct Draft {
    findings: Vec<Finding>,
    changes: Vec<Change>,
    handovers: Vec<Handover>,
    /// How the key policy of a key stands to a grantee.
    key_sides: Sides<Grantee>,
    /// How IAM stands to a grantee and a key.
    iam_sides: Sides<EntityArn>,
}

impl Draft {
    fn find(&mut self, subject: &dyn ToString, kind: impl Into<FindingKind>) {
        self.tell([Finding::new(subject, kind)]);
    }

    fn tell_of_left_out(&mut self, observation: &Observation) {
        for (subject, reason) in &observation.left_out {
            self.find(subject, reason.clone());
        }
    }

    /// What other parts of a larger request plan is theirs.
    fn leave_to_others(&mut self, request: &Request) {
        if request.part.is_none() {
            return;
        }
        for key in &request.keys {
            for grantee in request.needing(key) {
                if !request.plans_in(key.account) {
                    self.key_sides.set(key, grantee, Side::Elsewhere);
                }
                if let Some(entity) = grantee.attachable().filter(|entity| !request.plans_in(entity.account))
                {
                    self.iam_sides.set(key, entity, Side::Elsewhere);
                }
            }
        }
    }

    /// Whether something is planned for a grantee in the key policy of a key, and in IAM for it.
    fn planned_sides(&self, key: &KeyArn, grantee: &Grantee) -> [bool; 2] {
        let key_side = self.key_sides.get(key, grantee);
        let iam_side = grantee.attachable().and_then(|entity| self.iam_sides.get(key, entity));
        [key_side, iam_side].map(|side| side == Some(&Side::Planned))
    }

    /// Adds what was found, each once.
    fn tell(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }
}

/// The grantees that access can be planned for.
#[derive(Debug, Default)]
struct Grantees {
    usable: Vec<Grantee>,
    others: BTreeSet<Grantee>,
    findings: Vec<Finding>,
}

impl Grantees {
    /// Leaves out what can't be a grantee, and says why.
    fn sort_out(request: &Request, observation: &Observation) -> Self {
        let mut draft = Draft::default();
        let is_usable = |grantee: &&Grantee| {
            is_of_the_keys_partition(request, grantee, &mut draft) && exists(observation, grantee, &mut draft)
        };
        let (usable, others): (Vec<&Grantee>, Vec<&Grantee>) = request.grantees.iter().partition(is_usable);
        Self {
            usable: usable.into_iter().cloned().collect(),
            others: others.into_iter().cloned().collect(),
            findings: draft.findings,
        }
    }

    /// Those who need a key.
    fn needing(&self, request: &Request, key: &KeyArn) -> Self {
        let usable = request.needing(key).filter(|grantee| !self.others.contains(grantee));
        Self { usable: usable.cloned().collect(), ..Self::default() }
    }

    fn entities(&self) -> impl Iterator<Item = &EntityArn> {
        self.usable.iter().filter_map(Grantee::attachable)
    }
}

/// Nothing is attached for an organization's sake, nor granted to its accounts' roles: their IAM and grants are theirs. And one that is not that of a key may be
/// a slip.
fn tell_of_members(request: &Request, observation: &Observation, grantees: &[Grantee], draft: &mut Draft) {
    for grantee in grantees {
        let Some(members) = grantee.members() else { continue };
        let role = grantee.as_members_role().cloned();
        let keys: Vec<KeyArn> = request.keys_of(grantee).cloned().collect();
        for account in keys.iter().map(|key| key.account) {
            let own = observation.affiliations.get(&account).map(Affiliation::organization);
            if let Some(own) = own.filter(|own| *own != Some(members.organization())) {
                let (own, role) = (own.cloned(), role.clone());
                draft.find(grantee, GranteeFinding::ForeignOrganization { account, own, role });
            }
        }
        draft.tell(membership::of_members(request, observation, grantee));
        if let Some(role) = role {
            draft.find(grantee, GranteeFinding::MembersMakeGrants { keys, role });
            continue;
        }
        let mut actions: Vec<String> = Vec::new();
        for action in keys.iter().flat_map(|key| request.required(key, grantee)).flat_map(|own| own.actions) {
            if !actions.iter().any(|known| known == action) {
                actions.push((*action).to_owned());
            }
        }
        let policy = request.policy_name.clone();
        let excess = identity_policy::excess_for_members(request);
        draft.find(grantee, GranteeFinding::MembersNeedIam { keys, actions, policy, excess });
    }
}

fn is_of_the_keys_partition(request: &Request, grantee: &Grantee, draft: &mut Draft) -> bool {
    // An organization is in that of the keys, which its id does not tell.
    let Some(partition) = grantee.partition() else { return true };
    let stranger = request.keys.iter().find(|key| key.partition != partition);
    if let Some(key) = stranger {
        draft.find(&grantee, GranteeFinding::OtherPartition { partition, key: key.clone() });
    }
    stranger.is_none()
}

fn exists(observation: &Observation, grantee: &Grantee, draft: &mut Draft) -> bool {
    let Some(entity) = grantee.as_entity() else { return true };
    if observation.leaves_out(entity) {
        return false;
    }
    if observation.missing.contains(entity) {
        draft.find(&entity, GranteeFinding::NoSuchEntity { entity: entity.clone() });
        return false;
    }
    let Some(Reading::Read(iam)) = observation.accounts.get(&entity.account) else { return true };
    let found = iam.entities.get(entity).and_then(Option::as_ref);
    match found {
        Some(found) if found.arn == *entity => true,
        Some(found) => {
            draft.find(&entity, GranteeFinding::OtherPath { found: found.arn.clone() });
            false
        }
        None => {
            let missing = match grantee {
                Grantee::ServiceLinkedRole(role) => GranteeFinding::NoSuchRole { role: role.clone() },
                Grantee::Account { .. }
                | Grantee::Entity(_)
                | Grantee::Members(_)
                | Grantee::MembersRole(_) => GranteeFinding::NoSuchEntity { entity: entity.clone() },
            };
            draft.find(&entity, missing);
            false
        }
    }
}

/// What is planned, as the parts of the planner left it.
struct Drafted<'r> {
    asked: &'r Request,
    /// The request without what is left out.
    looked_at: Cow<'r, Request>,
    grantees: Grantees,
    draft: Draft,
}

impl<'r> Drafted<'r> {
    /// Puts everything in its order; with what was looked at and who may be planned for.
    fn into_plan(self) -> ((Cow<'r, Request>, Grantees), Plan) {
        let Self { asked, looked_at, grantees, mut draft } = self;
        draft.changes.sort_by_cached_key(|change| order(&change.operation));
        draft.findings.sort_by_key(Finding::severity);
        draft.handovers.sort_by_key(Handover::account);
        complete_gains(&mut draft);
        let Draft { findings, changes, handovers, key_sides, iam_sides } = draft;
        let plan = Plan { findings, changes, coverage: coverage(asked, key_sides, &iam_sides), handovers };
        ((looked_at, grantees), plan)
    }

    /// The plan, checked independently.
    fn finish(self, observation: &Observation, documents: &Documents) -> Plan {
        let ((looked_at, grantees), mut plan) = self.into_plan();
        let violations =
            soundness::violations(&looked_at, observation, &grantees.usable, &plan.changes, documents);
        if !violations.is_empty() {
            // A change that fails its check is a bug of ours: it is never shown as something to approve.
            plan.changes.clear();
            let sides =
                plan.coverage.iter_mut().flat_map(|covered| [&mut covered.key_policy, &mut covered.identity]);
            sides.filter(|side| **side == Side::Planned).for_each(|side| *side = Side::Missing);
            plan.findings.splice(0..0, violations);
        }
        plan
    }
}

/// Key policies first, as they are likeliest to be refused; then policies with their versions, then attachments, then
/// grants, which wait for what lets them be created.
fn order(operation: &Operation) -> (u8, String, u8, String) {
    let (kind, step, last) = match operation {
        Operation::PruneOrphans(_) => (0, 0, String::new()),
        Operation::UpdateKeyPolicy(_) => (0, 1, String::new()),
        Operation::CreatePolicy { .. } => (1, 0, String::new()),
        Operation::DeletePolicyVersion { version, .. } => (1, 1, version.clone()),
        Operation::CreatePolicyVersion { .. } => (1, 2, String::new()),
        Operation::AttachPolicy { entity, .. } => (2, 0, entity.to_string()),
        Operation::CreateGrant { grant, .. } => (3, 0, grant.grantee.to_string()),
        // Not planned here: see `rollback`.
        Operation::RestoreKeyPolicy(_)
        | Operation::ReduceKeyPolicy(_)
        | Operation::DetachPolicy { .. }
        | Operation::DeletePolicy { .. }
        | Operation::SetDefaultVersion { .. }
        | Operation::WithdrawPolicyVersion { .. }
        | Operation::RevokeGrant { .. } => (4, 0, String::new()),
    };
    (kind, operation.resource(), step, last)
}

/// A user or role needs both sides: a gain on one is no access while the other is missing.
fn complete_gains(draft: &mut Draft) {
    let Draft { changes, key_sides, iam_sides, .. } = draft;
    for gain in changes.iter_mut().flat_map(|change| &mut change.gains) {
        if let Some(entity) = gain.grantee.attachable() {
            let key_side = key_sides.get(&gain.key, &gain.grantee);
            let iam_side = iam_sides.get(&gain.key, entity);
            gain.is_complete =
                [key_side, iam_side].into_iter().all(|side| side.is_some_and(|side| *side != Side::Missing));
        }
    }
}

fn coverage(request: &Request, mut key_sides: Sides<Grantee>, iam_sides: &Sides<EntityArn>) -> Vec<Coverage> {
    let mut coverage = Vec::with_capacity(request.keys.iter().map(|key| request.needing(key).count()).sum());
    for key in &request.keys {
        // What is told of a key is not kept besides: with many pairs it is large.
        let of_key = key_sides.take(key);
        for grantee in request.needing(key) {
            let identity = match grantee.attachable() {
                None => Some(&Side::NotNeeded),
                Some(entity) => iam_sides.get(key, entity),
            };
            coverage.push(Coverage {
                grantee: grantee.clone(),
                key: key.clone(),
                key_policy: of_key.get(grantee).cloned().unwrap_or(Side::Missing),
                identity: identity.cloned().unwrap_or(Side::Missing),
            });
        }
    }
    coverage
}

/// The words for what required statements give, in their order.
fn purposes<'r>(required: impl IntoIterator<Item = &'r RequiredStatement>) -> Vec<String> {
    required.into_iter().map(|required| required.purpose.to_owned()).collect()
}
