//! What `check` concludes: who of the grantees can launch with which key, what stands in the way, and what mends it.

use std::collections::BTreeSet;

use super::planner::Ground;
use super::{Finding, FindingCode, Plan, Severity, membership};
use crate::access::assessment::{Assessment, Verdict, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::{Grantee, Purpose, Request};
use crate::arn::KeyArn;
use crate::authz::{Gate, Occasion, Outcome};
use crate::observation::Observation;
use crate::policy::KmsAction;

/// What is found of each grantee with each key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What evaluation says, action by action.
    pub assessment: Assessment,
    /// Whether it can launch.
    pub conclusion: Conclusion,
    /// What stands in the way besides: of the key, of the grantee, and of any change.
    pub findings: Vec<Finding>,
    /// What `fix` would do about it.
    pub remedy: Remedy,
    /// Whether it has to be told to take principals out of the key policy that no longer exist.
    pub needs_pruning: bool,
    /// What it was asked about.
    pub purpose: Purpose,
}

/// Whether a grantee can launch with a key, or start instances, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// It can, as far as what was considered tells.
    CanLaunch,
    /// Nobody can tell from what is known.
    Unknown,
    /// It can't: nothing allows it yet.
    Missing,
    /// It can't, and no change of keymend's may mend it.
    Blocked,
}

/// What `fix` would do for one grantee and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing has to be done.
    NotNeeded,
    /// It mends all of it.
    Fix,
    /// It mends its part, and says what is left for others.
    PartOfIt,
    /// It has nothing to change.
    Nothing,
    /// It writes nothing, for what stands in the way is not its to mend.
    Blocked,
    /// Nobody can tell: what is unknown may deny it, or keep it from being allowed, whatever is written.
    Unknown,
}

/// Checks each grantee with each key, in the order asked for. The actions are those to be told of; whether it can
/// launch hangs on what a launch needs alone.
pub fn check(
    request: &Request,
    observation: &Observation,
    extras: &Extras,
    actions: &[KmsAction],
) -> Vec<Checked> {
    let ground = Ground::new(observation);
    let evidence = Evidence::sharing(&ground.documents, observation, extras);
    let pairs =
        request.grantees.iter().flat_map(|grantee| request.keys.iter().map(move |key| (grantee, key)));
    pairs
        .filter(|(grantee, key)| request.concerns(key, grantee))
        .map(|(grantee, key)| {
            let (planned, needs_pruning) = plan_one(request, &ground, grantee, key);
            let needed = needed_actions(request.terms(key).purpose);
            let verdict = evidence.assess(key, grantee, needed).verdict();
            let assessment = evidence.assess(key, grantee, actions);
            let undecided = membership::undecided(&assessment, needed, observation);
            let mut checked = Checked::new(assessment, verdict, &planned);
            checked.findings.extend(undecided.filter(|_| checked.conclusion != Conclusion::CanLaunch));
            Checked { needs_pruning, purpose: request.terms(key).purpose, ..checked }
        })
        .collect()
}

/// What `fix` would do for one grantee and key, and whether it has to let orphans go for that. `fix` makes a plan of its own,
/// and has that checked independently before anybody sees it.
fn plan_one(request: &Request, ground: &Ground<'_>, grantee: &Grantee, key: &KeyArn) -> (Plan, bool) {
    let mut request = request.alone(key, grantee);
    let planned = ground.outline(&request);
    if !planned.findings.iter().any(|finding| finding.code() == FindingCode::OrphanedPrincipals) {
        return (planned, false);
    }
    request.prune_orphans = true;
    let pruning = ground.outline(&request);
    if pruning.is_blocked() { (planned, false) } else { (pruning, true) }
}

impl Checked {
    fn new(assessment: Assessment, verdict: Verdict, planned: &Plan) -> Self {
        let is_ruled_out = planned.findings.iter().any(|finding| rules_out_launch(finding.code()));
        let is_in_doubt = planned.findings.iter().any(|finding| finding.code() == FindingCode::UnknownValue);
        let conclusion = match verdict {
            _ if is_ruled_out => Conclusion::Blocked,
            Verdict::Able if is_in_doubt => Conclusion::Unknown,
            Verdict::Able => Conclusion::CanLaunch,
            Verdict::Unknown => Conclusion::Unknown,
            Verdict::Missing if planned.is_blocked() => Conclusion::Blocked,
            Verdict::Missing => Conclusion::Missing,
            Verdict::Blocked => Conclusion::Blocked,
        };
        let is_told = |finding: &&Finding| match conclusion {
            Conclusion::CanLaunch => false,
            // Of the instance's own role the finding has the way out.
            _ if finding.subject == assessment.instance.role => true,
            // What the policies forbid is told by evaluation already.
            Conclusion::Blocked if verdict == Verdict::Blocked => rules_out_launch(finding.code()),
            Conclusion::Blocked => finding.severity() == Severity::Blocking,
            // What is written would not outweigh a Deny that may apply.
            Conclusion::Missing if finding.code() == FindingCode::DenyStatement => true,
            Conclusion::Unknown | Conclusion::Missing => finding.severity() <= Severity::LeftOver,
        };
        Self {
            findings: planned.findings.iter().filter(is_told).cloned().collect(),
            remedy: match conclusion {
                // What is in doubt is none of the policies' doing.
                Conclusion::Unknown if verdict == Verdict::Able => Remedy::Nothing,
                Conclusion::Unknown if is_beyond_us(&assessment) => Remedy::Unknown,
                Conclusion::Missing if is_instance_in_doubt(&assessment) => {
                    match Remedy::of(conclusion, planned) {
                        Remedy::Fix => Remedy::PartOfIt,
                        other => other,
                    }
                }
                _ => Remedy::of(conclusion, planned),
            },
            conclusion,
            assessment,
            needs_pruning: false,
            purpose: Purpose::default(),
        }
    }

    /// The same with what else keeps instances from starting, which is no matter of the key's and the grantee's
    /// policies: of that, what blocks and what somebody has to do.
    #[must_use]
    pub fn besides(mut self, causes: impl IntoIterator<Item = Finding>) -> Self {
        let causes = causes.into_iter().filter(|cause| cause.severity() <= Severity::LeftOver);
        for cause in causes {
            // What is known of the image says more of such a key than the key itself.
            let is_told_better = |finding: &Finding| {
                cause.code() == FindingCode::AwsManagedKey && finding.code() == FindingCode::AwsManagedKey
            };
            self.findings.retain(|finding| !is_told_better(finding));
            let (conclusion, remedy) = match (cause.severity(), self.remedy) {
                _ if cause.code() == FindingCode::AssociatedKeys => {
                    // Another key may let it in where this one does not.
                    self.conclusion = Conclusion::Unknown;
                    (Conclusion::Unknown, self.remedy)
                }
                (_, Remedy::NotNeeded) if cause.code() == FindingCode::UnknownValue => {
                    (Conclusion::Unknown, Remedy::Nothing)
                }
                (_, remedy) if cause.code() == FindingCode::UnknownValue => (Conclusion::Unknown, remedy),
                (Severity::Blocking, _) => (Conclusion::Blocked, Remedy::Blocked),
                (_, Remedy::NotNeeded) if cause.code().leaves_open() => {
                    (Conclusion::Unknown, Remedy::Nothing)
                }
                (_, other) if cause.code().leaves_open() => (Conclusion::Unknown, other),
                (_, Remedy::NotNeeded) => (Conclusion::Missing, Remedy::Nothing),
                (_, Remedy::Fix) => (Conclusion::Missing, Remedy::PartOfIt),
                (_, other) => (Conclusion::Missing, other),
            };
            self.conclusion = self.conclusion.max(conclusion);
            self.remedy = remedy;
            self.findings.push(cause);
        }
        self
    }

    /// The condition keys whose values would settle what is unknown: of the instance's own call those that it has in
    /// common with the grantee's, as nobody chooses the others.
    pub fn unknown_keys(&self) -> BTreeSet<&str> {
        let own = self.assessment.actions.iter().flat_map(|action| &action.unknown_keys);
        let of_instance = &self.assessment.instance.action.unknown_keys;
        own.chain(of_instance.iter().filter(|key| Occasion::Instance.is_asked(key)))
            .map(String::as_str)
            .collect()
    }
}

/// Whether nobody launches while such a thing is found, whatever the policies say.
fn rules_out_launch(code: FindingCode) -> bool {
    matches!(code, FindingCode::KeyState | FindingCode::UnsuitableKey | FindingCode::NoSuchPrincipal)
}

/// Whether something that is unknown may deny an action, or limit it, whatever else is allowed.
fn is_beyond_us(assessment: &Assessment) -> bool {
    if is_instance_in_doubt(assessment) {
        return true;
    }
    let unknown = assessment.actions.iter().filter(|action| action.outcome == Outcome::Unknown);
    unknown.flat_map(|action| action.statements.iter()).any(|statement| statement.denies)
        || assessment
            .actions
            .iter()
            .flat_map(|action| &action.obstacles)
            .any(|obstacle| !matches!(obstacle.gate, Gate::KeyPolicy | Gate::Identity))
}

/// Whether the instance's own call may be denied, whatever is written.
fn is_instance_in_doubt(assessment: &Assessment) -> bool {
    assessment.instance.action.outcome == Outcome::Unknown
}

impl Remedy {
    fn of(conclusion: Conclusion, planned: &Plan) -> Self {
        match conclusion {
            Conclusion::CanLaunch => Self::NotNeeded,
            Conclusion::Blocked => Self::Blocked,
            Conclusion::Unknown | Conclusion::Missing if planned.is_blocked() => Self::Blocked,
            Conclusion::Unknown | Conclusion::Missing => {
                let has_own_part = !planned.changes.is_empty() || !planned.handovers.is_empty();
                match (has_own_part, planned.leaves_work()) {
                    (false, _) => Self::Nothing,
                    (true, true) => Self::PartOfIt,
                    (true, false) => Self::Fix,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::access::{CoverageRule, PolicyName, Profile};
    use crate::observation::{
        Entity, IamObservation, IamQuotas, IdentityPolicies, KeyManager, KeyMetadata, KeyObservation,
        NamedDocument, RamPolicy, Reading,
    };

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ROLE: &str = "arn:aws:iam::444455556666:role/app";

    fn policy(statements: &Value) -> String {
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    /// A statement that allows everything, to a principal where one is given.
    fn allow(principal: Option<&str>, condition: &Value) -> Value {
        let mut statement =
            json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": condition});
        if let Some(principal) = principal {
            statement["Principal"] = json!({"AWS": principal});
        }
        statement
    }

    struct Case {
        state: &'static str,
        key_policy: Value,
        identity: Option<Value>,
        boundary: Option<Value>,
    }

    /// Everything is as it has to be.
    fn good() -> Case {
        let own = allow(Some("111122223333"), &json!({}));
        let theirs = allow(Some(ROLE), &json!({}));
        let identity = Some(json!([allow(None, &json!({}))]));
        Case { state: "Enabled", key_policy: json!([own, theirs]), identity, boundary: None }
    }

    fn check(case: &Case) -> Checked {
        let key: KeyArn = KEY.parse().unwrap();
        let metadata = KeyMetadata {
            arn: key.clone(),
            manager: KeyManager::Customer,
            state: case.state.to_owned(),
            spec: "SYMMETRIC_DEFAULT".to_owned(),
            usage: "ENCRYPT_DECRYPT".to_owned(),
            origin: "AWS_KMS".to_owned(),
            related_keys: Vec::new(),
        };
        let document = |statements: &Value| NamedDocument { name: "d".to_owned(), text: policy(statements) };
        let identity = case.identity.as_ref().map(|statements| {
            let boundary = case.boundary.as_ref().map(document);
            Reading::Read(IdentityPolicies { documents: vec![document(statements)], boundary })
        });
        let entity = Entity {
            arn: ROLE.parse().unwrap(),
            attached: Vec::new(),
            identity: identity.unwrap_or_else(|| Reading::Unread("no permission".to_owned().into())),
        };
        let iam = IamObservation {
            quotas: IamQuotas::default(),
            policies: [].into(),
            entities: [(entity.arn.clone(), Some(entity.clone()))].into(),
            caller: Reading::default(),
        };
        let observed = KeyObservation {
            metadata: Reading::Read(metadata),
            policy: Reading::Read(policy(&case.key_policy)),
            ram_policy: RamPolicy::Absent,
            grants: Reading::Read(Vec::new()),
        };
        let observation = Observation {
            callers: [].into(),
            keys: [(key.clone(), observed)].into(),
            accounts: [(entity.arn.account, Reading::Read(iam))].into(),
            ..Observation::default()
        };
        let request = Request {
            keys: vec![key],
            grantees: vec![Grantee::Entity(entity.arn)],
            policy_name: PolicyName::default(),
            profile: Profile::default(),
            coverage: CoverageRule::default(),
            prune_orphans: false,
            purpose: Purpose::default(),
            only_for: std::collections::BTreeMap::new(),
            part: None,
        };
        super::check(&request, &observation, &Extras::default(), needed_actions(Purpose::Launch)).remove(0)
    }

    #[test]
    fn conclusions_and_remedies() {
        let own = allow(Some("111122223333"), &json!({}));
        let if_tagged = json!({"StringEquals": {"aws:PrincipalTag/team": "a"}});
        let of_role = |condition: &Value| json!([own, allow(Some(ROLE), condition)]);
        let orphan = allow(Some("AROAEXAMPLEEXAMPLE123"), &json!({}));
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": if_tagged});
        let deny = json!([own, allow(Some(ROLE), &json!({})), deny]);
        let only_ec2 = json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]);
        for (name, case, conclusion, remedy) in [
            ("good", good(), Conclusion::CanLaunch, Remedy::NotNeeded),
            ("disabled", Case { state: "Disabled", ..good() }, Conclusion::Blocked, Remedy::Blocked),
            ("newer", Case { state: "QuantumPending", ..good() }, Conclusion::Unknown, Remedy::Nothing),
            ("key policy", Case { key_policy: json!([own]), ..good() }, Conclusion::Missing, Remedy::Fix),
            ("IAM", Case { identity: Some(json!([])), ..good() }, Conclusion::Missing, Remedy::Fix),
            ("orphan", Case { key_policy: json!([own, orphan]), ..good() }, Conclusion::Missing, Remedy::Fix),
            ("boundary", Case { boundary: Some(only_ec2), ..good() }, Conclusion::Blocked, Remedy::Blocked),
            ("maybe", Case { key_policy: of_role(&if_tagged), ..good() }, Conclusion::Unknown, Remedy::Fix),
            ("maybe denied", Case { key_policy: deny, ..good() }, Conclusion::Unknown, Remedy::Unknown),
            ("unread", Case { identity: None, ..good() }, Conclusion::Unknown, Remedy::Unknown),
        ] {
            let checked = check(&case);
            assert_eq!((checked.conclusion, checked.remedy), (conclusion, remedy), "{name}: {checked:#?}");
            assert_eq!(checked.needs_pruning, name == "orphan", "{name}");
            assert_eq!(checked.assessment.is_identity_read, name != "unread", "{name}");
        }
    }

    #[test]
    fn what_would_settle_it_is_told() {
        let condition = json!({"StringEquals": {"aws:PrincipalTag/team": "a"}});
        let checked = check(&Case { key_policy: json!([allow(Some(ROLE), &condition)]), ..good() });
        assert_eq!(checked.unknown_keys(), ["aws:PrincipalTag/team"].into());
    }
}
