//! What evaluation says of the time after the changes: who still can't launch, and what stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{FindingCode, Side};
use super::{Draft, Grantees, all_listed, instance, listed};
use crate::access::assessment::{
    ActionAssessment, Assessment, DecidingStatement, DocumentName, Missed, Obstacle, Verdict,
    documented_actions, needed_actions, not_looked_at,
};
use crate::access::evidence::Evidence;
use crate::access::{CoverageRule, Grantee, Purpose, Request};
use crate::arn::{EntityKind, KeyArn};
use crate::authz::{Gate, Occasion, Outcome};
use crate::observation::{KeyManager, Observation, RamPolicy, Reading};
use crate::policy::{KmsAction, PolicyDocument};

const NEVER_A_DENY: &str = "keymend never touches a Deny: have it changed first";

/// The evidence before and after the changes.
pub(super) struct Prospects<'a> {
    pub(super) request: &'a Request,
    pub(super) observation: &'a Observation,
    pub(super) grantees: &'a Grantees,
    pub(super) before: &'a Evidence,
    pub(super) after: &'a Evidence,
}

impl Prospects<'_> {
    /// Finds what the changes will not make work, and what was not known in saying so.
    pub(super) fn judge(&self, draft: &mut Draft) {
        let purpose = self.request.purpose;
        let actions = documented_actions(purpose);
        for key in self.request.keys.iter().filter(|key| self.is_ours_to_mend(key)) {
            let needing = self.grantees.needing(self.request, key);
            let assessed = needing.usable.iter().map(|grantee| self.after.assess(key, grantee, actions));
            let assessed: Vec<Assessment> = assessed.collect();
            let mut doubts = Doubts::of(purpose);
            for assessment in &assessed {
                obstacles(purpose, assessment, draft);
                limits_in_doubt(purpose, assessment, draft);
                instance::judge(assessment, draft);
                doubts.gather(assessment);
                self.tell_what_allows(assessment, draft);
                self.warn_of_escaped_boundary(key, &assessment.grantee, draft);
            }
            doubts.tell(key, draft);
            self.hint_at_less(key, draft);
            self.tell_near_misses(key, draft);
            self.tell_gaps(key, &assessed, draft);
        }
    }

    /// Another finding tells of keys that AWS manages.
    fn is_ours_to_mend(&self, key: &KeyArn) -> bool {
        let metadata = self.observation.keys.get(key).and_then(|key| key.metadata.read());
        metadata.is_none_or(|metadata| metadata.manager != KeyManager::Aws)
    }

    /// Where evaluation is what counts, the statements that it rests on.
    fn tell_what_allows(&self, assessment: &Assessment, draft: &mut Draft) {
        let Assessment { key, grantee, actions, .. } = assessment;
        if self.request.coverage != CoverageRule::Effective {
            return;
        }
        let needed = actions.iter().filter(|action| is_needed(self.request.purpose, action.action));
        let allowed = needed.filter(|action| action.outcome == Outcome::Allowed);
        let statements: BTreeSet<&DecidingStatement> =
            allowed.flat_map(|action| &action.statements).collect();
        if statements.is_empty() {
            return;
        }
        let is_of_key = |statement: &&DecidingStatement| {
            matches!(
                statement.document,
                DocumentName::KeyPolicy { .. } | DocumentName::RamPolicy { .. } | DocumentName::Grant { .. }
            )
        };
        let (of_key, of_grantee): (Vec<_>, Vec<_>) = statements.into_iter().partition(is_of_key);
        if let Some(Side::Covered(by)) = draft.key_sides.get_mut(&(key.clone(), grantee.clone()))
            && !of_key.is_empty()
        {
            *by = of_key.into_iter().map(DecidingStatement::in_short).collect();
        }
        if let Grantee::Entity(entity) = grantee
            && let Some(side @ Side::Covered(_)) = draft.iam_sides.get_mut(&(key.clone(), entity.clone()))
        {
            let by: Vec<String> = of_grantee.into_iter().map(ToString::to_string).collect();
            *side = if by.is_empty() { Side::NotNeeded } else { Side::Covered(by) };
        }
    }

    /// A user whom the key policy of its own account names is no longer limited by what its boundary leaves out.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>
    fn warn_of_escaped_boundary(&self, key: &KeyArn, grantee: &Grantee, draft: &mut Draft) {
        let Grantee::Entity(user) = grantee else { return };
        let is_named_at_home = user.kind == EntityKind::User
            && user.account == key.account
            && draft.key_sides.get(&(key.clone(), grantee.clone())) == Some(&Side::Planned);
        if !is_named_at_home {
            return;
        }
        let before = self.before.assess(key, grantee, documented_actions(self.request.purpose));
        let boundary = before.actions.iter().flat_map(|action| &action.obstacles);
        let mut boundary = boundary.filter(|obstacle| obstacle.gate == Gate::Boundary && obstacle.is_certain);
        if let Some(document) = boundary.find_map(|obstacle| obstacle.document.as_ref()) {
            let message = format!(
                "{document} does not allow it the key, and will not limit it there: whom the key policy of its own \
                 account names, a boundary limits by a Deny only"
            );
            let hint =
                "name its role or group instead, or have IAM decide by --coverage effective".to_owned();
            draft.find(FindingCode::EscapesBoundary, user, message, Some(hint));
        }
    }

    /// The documented remedy is planned for somebody who can launch without it.
    fn hint_at_less(&self, key: &KeyArn, draft: &mut Draft) {
        if self.request.coverage == CoverageRule::Effective {
            return;
        }
        let is_planned = |grantee: &&Grantee| {
            let key_side = draft.key_sides.get(&(key.clone(), (*grantee).clone()));
            let iam_side = match grantee {
                Grantee::Account { .. } | Grantee::ServiceLinkedRole(_) => None,
                Grantee::Entity(entity) => draft.iam_sides.get(&(key.clone(), entity.clone())),
            };
            [key_side, iam_side].contains(&Some(&Side::Planned))
        };
        let can_already = |grantee: &&Grantee| {
            let needed = needed_actions(self.request.purpose);
            self.before.assess(key, grantee, needed).verdict() == Verdict::Able
        };
        let planned = self.grantees.usable.iter().filter(is_planned);
        let names: Vec<String> = planned.filter(can_already).map(ToString::to_string).collect();
        if !names.is_empty() {
            let deed = self.request.purpose.deed();
            let message = format!("evaluation shows that {} can {deed} with the key already", listed(&names));
            let hint = "`--coverage effective` plans only what evaluation shows to be missing".to_owned();
            draft.find(FindingCode::AccessAlready, key, message, Some(hint));
        }
    }

    /// What has a say and was not considered: by name only what could have been read, in effect everything.
    fn tell_gaps(&self, key: &KeyArn, assessed: &[Assessment], draft: &mut Draft) {
        let gaps: BTreeSet<String> = match self.request.coverage {
            CoverageRule::Effective => assessed.iter().flat_map(|one| &one.not_considered).cloned().collect(),
            CoverageRule::Named => self.unread(key, draft),
        };
        if let Some(message) = not_looked_at(gaps.iter().map(String::as_str)) {
            draft.find(FindingCode::NotConsidered, key, message, None);
        }
    }

    /// What was not read of sides that were read otherwise, as far as no other finding tells of it.
    fn unread(&self, key: &KeyArn, draft: &Draft) -> BTreeSet<String> {
        let mut unread = BTreeSet::new();
        let subject = key.to_string();
        let mut told = draft.findings.iter().filter(|finding| finding.code == FindingCode::Unread);
        if let Some(observed) = self.observation.keys.get(key)
            && !told.any(|finding| finding.subject == subject)
            && matches!(observed.policy, Reading::Read(_))
        {
            if let Reading::Unread(reason) = &observed.grants {
                unread.insert(format!("grants ({reason})"));
            }
            let reason = match &observed.ram_policy {
                RamPolicy::Unread(reason) => Some(reason.clone()),
                RamPolicy::Read(text) => {
                    PolicyDocument::parse(text.as_str()).err().map(|error| error.to_string())
                }
                RamPolicy::NotLookedAt | RamPolicy::Absent => None,
            };
            unread.extend(reason.map(|reason| format!("the key's policy AWS_RAM ({reason})")));
        }
        for entity in self.grantees.needing(self.request, key).entities() {
            let iam = self.observation.accounts.get(&entity.account).and_then(Reading::read);
            let found = iam.and_then(|iam| iam.entities.get(entity)).and_then(Option::as_ref);
            if let Some(Reading::Unread(reason)) = found.map(|found| &found.identity) {
                unread.insert(format!("the IAM policies of {} ({reason})", entity.entity_name()));
            }
        }
        unread
    }
}

fn is_needed(purpose: Purpose, action: KmsAction) -> bool {
    needed_actions(purpose).contains(&action)
}

/// A `Deny` that applies, or a boundary or policy of the organization that does not allow: it blocks.
fn obstacles(purpose: Purpose, assessment: &Assessment, draft: &mut Draft) {
    let mut denied: BTreeMap<&DecidingStatement, Vec<KmsAction>> = BTreeMap::new();
    let mut limited: BTreeMap<String, (Vec<KmsAction>, BTreeSet<&Missed>)> = BTreeMap::new();
    for action in assessment.actions.iter().filter(|action| is_needed(purpose, action.action)) {
        if action.outcome == Outcome::ExplicitDeny {
            action.statements.iter().for_each(|by| denied.entry(by).or_default().push(action.action));
        }
        if action.outcome == Outcome::ImplicitDeny {
            for obstacle in action.obstacles.iter().filter(|obstacle| limits(obstacle)) {
                let (actions, missed) = limited.entry(obstacle.to_string()).or_default();
                actions.push(action.action);
                missed.extend(action.near_misses.iter().filter(|missed| obstacle.is_for(missed)));
            }
        }
    }
    for (statement, actions) in denied {
        let message =
            format!("{statement} denies it {}, and no Allow outweighs a Deny", in_words(purpose, &actions));
        draft.find(FindingCode::ExplicitDeny, &assessment.grantee, message, Some(NEVER_A_DENY.to_owned()));
    }
    for (obstacle, (actions, missed)) in limited {
        let why = missed.first().map(|missed| format!(": {}", missed.told(purpose)));
        let message = format!(
            "the grantee needs {}, and {obstacle}{}",
            in_words(purpose, &actions),
            why.unwrap_or_default()
        );
        let hint =
            "no Allow elsewhere outweighs that: have it allow these actions on the key first".to_owned();
        draft.find(FindingCode::ImplicitDeny, &assessment.grantee, message, Some(hint));
    }
}

/// What would settle what nobody can tell; of keys that AWS's pages leave open, why they are.
pub(super) fn depends_on(keys: &[String]) -> String {
    let are = if keys.len() > 1 { "are" } else { "is" };
    let told = |key: &String| match Occasion::Launch.open(key) {
        Some(reason) => format!("{key} ({reason})"),
        None => key.clone(),
    };
    if keys.is_empty() {
        return "nobody can tell by what AWS documents".to_owned();
    }
    let keys: Vec<String> = keys.iter().map(told).collect();
    format!("that depends on {}, which {are} not known", all_listed(&keys))
}

/// A boundary or a level of the organization that allows what is needed under a condition of which nobody can tell
/// whether it holds.
fn limits_in_doubt(purpose: Purpose, assessment: &Assessment, draft: &mut Draft) {
    let mut in_doubt: BTreeMap<String, (Vec<KmsAction>, BTreeSet<&String>)> = BTreeMap::new();
    let launch = assessment.actions.iter().filter(|action| is_needed(purpose, action.action));
    for action in launch.filter(|action| action.outcome == Outcome::Unknown) {
        let doubtful = |obstacle: &&Obstacle| match obstacle.gate {
            // Of a boundary that was not read, nobody knows whether there is one.
            Gate::Boundary => !obstacle.is_certain && obstacle.document.is_some(),
            Gate::Scp(_) => !obstacle.is_certain,
            _ => false,
        };
        for obstacle in action.obstacles.iter().filter(doubtful) {
            let (actions, keys) = in_doubt.entry(obstacle.to_string()).or_default();
            actions.push(action.action);
            keys.extend(&action.unknown_keys);
        }
    }
    for (obstacle, (actions, keys)) in in_doubt {
        let keys: Vec<String> = keys.into_iter().cloned().collect();
        let depends = depends_on(&keys);
        let message = format!("the grantee needs {}, and {obstacle}: {depends}", in_words(purpose, &actions));
        let is_asked = keys.iter().any(|key| Occasion::Launch.is_asked(key));
        let hint = "`keymend check` with --context KEY=VALUE tells what a value makes of it".to_owned();
        let hint = is_asked.then_some(hint);
        draft.find(FindingCode::BoundaryInDoubt, &assessment.grantee, message, hint);
    }
}

/// Whether it limits whatever else allows.
fn limits(obstacle: &Obstacle) -> bool {
    obstacle.is_certain && matches!(obstacle.gate, Gate::Boundary | Gate::Session | Gate::Scp(_))
}

/// Statements that deny what is not needed, or of which nobody can tell whether they deny.
struct Doubts<'a> {
    purpose: Purpose,
    doubtful: BTreeMap<&'a DecidingStatement, Doubt<'a>>,
    beside: BTreeMap<&'a DecidingStatement, Doubt<'a>>,
}

#[derive(Default)]
struct Doubt<'a> {
    grantees: Vec<&'a Grantee>,
    actions: BTreeSet<KmsAction>,
    unknown_keys: BTreeSet<&'a str>,
}

impl<'a> Doubts<'a> {
    fn of(purpose: Purpose) -> Self {
        Self { purpose, doubtful: BTreeMap::new(), beside: BTreeMap::new() }
    }

    fn gather(&mut self, assessment: &'a Assessment) {
        let purpose = self.purpose;
        let blocked = assessment
            .actions
            .iter()
            .filter(|action| is_needed(purpose, action.action) && action.outcome == Outcome::ExplicitDeny);
        let blocking: BTreeSet<&DecidingStatement> = blocked.flat_map(|action| &action.statements).collect();
        for action in &assessment.actions {
            let ActionAssessment { outcome, statements, unknown_keys, .. } = action;
            let kind = match outcome {
                Outcome::Unknown => &mut self.doubtful,
                Outcome::ExplicitDeny if !is_needed(purpose, action.action) => &mut self.beside,
                _ => continue,
            };
            let denying = statements.iter().filter(|statement| statement.denies);
            for statement in denying.filter(|statement| !blocking.contains(statement)) {
                let doubt = kind.entry(statement).or_default();
                doubt.actions.insert(action.action);
                doubt.unknown_keys.extend(unknown_keys.iter().map(String::as_str));
                if doubt.grantees.last() != Some(&&assessment.grantee) {
                    doubt.grantees.push(&assessment.grantee);
                }
            }
        }
    }

    fn tell(self, key: &KeyArn, draft: &mut Draft) {
        let purpose = self.purpose;
        for (statement, doubt) in self.doubtful {
            let keys: Vec<String> = doubt.unknown_keys.iter().map(|key| (*key).to_owned()).collect();
            let depends = match (statement.doubt, keys.as_slice()) {
                (Some(doubt), _) => doubt.to_string(),
                (None, []) if key.is_unknown() => {
                    "that depends on which key it is, which is not known".to_owned()
                }
                (None, keys) => depends_on(keys),
            };
            let message = format!("{statement} may deny {}: {depends}", doubt.who());
            let is_about_address = keys.iter().any(|key| {
                key.eq_ignore_ascii_case("aws:SourceIp") || key.eq_ignore_ascii_case("aws:VpcSourceIp")
            });
            let hint = if is_about_address {
                // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-aws.html#conditions-aws-ip-address
                "the calls come from EC2's own addresses; keymend never touches a Deny"
            } else if key.is_unknown()
                && (keys.is_empty() || keys.iter().any(|key| follows_from_the_key(key)))
            {
                "it can't be judged without the key: give --key ARN; keymend never touches a Deny"
            } else {
                "see whether it applies to the grantees; keymend never touches a Deny"
            };
            draft.find(FindingCode::DenyStatement, key, message, Some(hint.to_owned()));
        }
        for (statement, doubt) in self.beside {
            let actions: Vec<KmsAction> = doubt.actions.iter().copied().collect();
            let message = format!(
                "{statement} denies {} {}, which a {purpose} does not need",
                doubt.who(),
                in_words(purpose, &actions)
            );
            draft.find(FindingCode::DenyStatement, key, message, None);
        }
    }
}

/// Whether the key's ARN tells what a condition key is in a launch.
fn follows_from_the_key(condition_key: &str) -> bool {
    ["kms:ViaService", "aws:RequestedRegion", "aws:ResourceAccount", "kms:MultiRegion"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(condition_key))
}

impl Doubt<'_> {
    fn who(&self) -> String {
        listed(&self.grantees.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

/// Actions in a sentence; all that is needed in these words.
fn in_words(purpose: Purpose, actions: &[KmsAction]) -> String {
    let needed = needed_actions(purpose);
    if needed.len() > 1 && needed.iter().all(|needed| actions.contains(needed)) {
        return format!("all that a {purpose} needs");
    }
    let names: Vec<String> = actions.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
