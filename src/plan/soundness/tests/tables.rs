//! Plans as a slip in the planner's tables would make them: each is caught, for what is wrong with it.

use serde_json::json;

use super::super::demand::Demand;
use super::{ADMIN, FLEET, KEY, ROLE, STRANGER, admin, document, key};
use crate::access::{CoverageRule, NewGrant, PolicyName, Profile, Purpose, Request, RequiredStatement};
use crate::arn::{EntityArn, KeyArn, PolicyArn};
use crate::observation::{Caller, IamObservation, IamQuotas, Observation, Reading};
use crate::plan::soundness::violations;
use crate::plan::{Change, KeyPolicyUpdate, Operation};
use crate::policy::{ActionSet, Condition, Documents};
use crate::render::findings::tell;

const ROOT: &str = "arn:aws:iam::444455556666:root";

fn request(profile: Profile, purpose: Purpose, grantees: &[&str]) -> Request {
    Request {
        keys: vec![key()],
        grantees: grantees.iter().map(|grantee| grantee.parse().unwrap()).collect(),
        policy_name: PolicyName::default(),
        profile,
        coverage: CoverageRule::Named,
        prune_orphans: false,
        purpose,
        only_for: std::collections::BTreeMap::new(),
        part: None,
    }
}

/// What plans are made from, right until a slip is made in it.
struct Tables {
    required: Vec<RequiredStatement>,
    principal: String,
    resource: String,
    /// The key policy before.
    before: Vec<serde_json::Value>,
    quotas: IamQuotas,
    /// What is put in front of the Sids.
    sid: String,
}

impl Tables {
    fn of(request: &Request) -> Self {
        let grantee = &request.grantees[0];
        Self {
            required: request.required(&key(), grantee),
            principal: grantee.to_string(),
            resource: KEY.to_owned(),
            before: vec![admin()],
            quotas: IamQuotas::default(),
            sid: String::new(),
        }
    }

    /// What the check says of the key policy, the IAM policy and its attachment that are made from the tables.
    fn found(&self, request: &Request) -> Vec<String> {
        let text = |statements: &[serde_json::Value]| document(statements).text().to_owned();
        let entity: EntityArn = ROLE.parse().unwrap();
        let policy: PolicyArn = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy".parse().unwrap();
        let resource = [self.resource.clone()];
        let principal = [self.principal.clone()];
        let in_key_policy = self.required.iter().map(|required| {
            required.for_key_policy(&format!("{}{}", self.sid, required.key_policy_sid), &principal)
        });
        let in_iam = self.required.iter().map(|required| {
            required.for_identity(&format!("{}{}", self.sid, required.identity_sid), &resource)
        });
        let in_iam = text(&in_iam.collect::<Vec<_>>());
        let operations = [
            Operation::UpdateKeyPolicy(KeyPolicyUpdate {
                key: key(),
                before: text(&self.before),
                after: text(&self.before.iter().cloned().chain(in_key_policy).collect::<Vec<_>>()),
            }),
            Operation::CreatePolicy {
                policy: policy.clone(),
                description: String::new(),
                after: in_iam.clone(),
            },
            Operation::AttachPolicy {
                document: document(&[]).fingerprint(policy.partition),
                policy,
                entity: entity.clone(),
            },
        ];
        let account = key().account;
        let iam = IamObservation {
            quotas: self.quotas,
            policies: [].into(),
            entities: [].into(),
            caller: Reading::default(),
        };
        let observation = Observation {
            callers: [(account, Caller { account, arn: ADMIN.to_owned() })].into(),
            accounts: [(entity.account, Reading::Read(iam))].into(),
            ..Observation::default()
        };
        let changes =
            operations.map(|operation| Change { operation, reason: String::new(), gains: Vec::new() });
        let found = violations(request, &observation, &request.grantees, &changes, &Documents::default());
        found.into_iter().map(|finding| tell(&finding).message).collect()
    }
}

fn set_actions(required: &mut RequiredStatement, actions: &'static [&'static str]) {
    required.actions = actions;
    required.action_set = ActionSet::of_patterns(actions.iter().copied());
}

fn add_condition(required: &mut RequiredStatement, key: &str, value: &str) {
    let (operator, values) = ("StringEquals".to_owned(), vec![value.to_owned()]);
    required.conditions.push(Condition { operator, key: key.to_owned(), values });
}

type Slip = fn(&mut Tables);

/// Each slip, with what is said of the key policy, the IAM policy and the attachment; of none where it is empty.
const SLIPS: [(&str, Slip, [&str; 3]); 17] = [
    (
        "an action too few",
        |tables| {
            set_actions(
                &mut tables.required[0],
                &["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:DescribeKey"],
            );
        },
        [ELSE, ELSE, ELSE],
    ),
    (
        "no grants",
        |tables| set_actions(&mut tables.required[1], &["kms:ListGrants", "kms:RevokeGrant"]),
        [ELSE, ELSE, ELSE],
    ),
    (
        "kms:PutKeyPolicy too",
        |tables| {
            set_actions(
                &mut tables.required[0],
                &[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:DescribeKey",
                    "kms:PutKeyPolicy",
                ],
            );
        },
        [ELSE, ELSE, ELSE],
    ),
    ("everything", |tables| set_actions(&mut tables.required[0], &["kms:*"]), [ELSE, ELSE, ELSE]),
    (
        "a pattern that is too wide",
        |tables| set_actions(&mut tables.required[1], &["kms:*Grant*"]),
        [ELSE, ELSE, ELSE],
    ),
    ("a condition forgotten", |tables| tables.required[1].conditions.clear(), [ELSE, ELSE, ELSE]),
    (
        "the other value",
        |tables| tables.required[1].conditions[0].values = vec!["false".to_owned()],
        [ELSE, ELSE, ELSE],
    ),
    (
        "a condition too many",
        |tables| add_condition(&mut tables.required[0], "kms:CallerAccount", "444455556666"),
        [ELSE, ELSE, ELSE],
    ),
    (
        "another account's principal",
        |tables| tables.principal = STRANGER.to_owned(),
        ["a new statement is for others", "", ""],
    ),
    (
        "the whole account",
        |tables| tables.principal = ROOT.to_owned(),
        ["a new statement is for others", "", ""],
    ),
    ("everybody", |tables| tables.principal = "*".to_owned(), ["a new statement is for others", "", ""]),
    (
        "another key",
        |tables| tables.resource = KEY.replace("1234abcd", "0000abcd"),
        ["", "a new statement is for other keys", "a new statement is for other keys"],
    ),
    (
        "every key",
        |tables| tables.resource = "*".to_owned(),
        ["", "a new statement is for other keys", "a new statement is for other keys"],
    ),
    (
        "larger than AWS takes",
        |tables| tables.sid = "A".repeat(32_768),
        ["the key policy is too large", "the policy is too large: ", ""],
    ),
    (
        "larger than this account may",
        |tables| tables.quotas.policy_size = 256,
        ["", "characters, 256 at most", ""],
    ),
    (
        "characters that AWS refuses",
        |tables| tables.sid = "→".to_owned(),
        ["characters that PutKeyPolicy refuses", "characters that IAM refuses", ""],
    ),
    (
        "who can't change it again",
        |tables| tables.before = vec![super::decrypt(&json!(STRANGER))],
        ["is locked out of the key policy", "", ""],
    ),
];

const ELSE: &str = "a new statement gives something else";

#[test]
fn a_slip_in_a_table_is_caught() {
    let request = request(Profile::Documented, Purpose::Launch, &[ROLE]);
    assert_eq!(Tables::of(&request).found(&request), Vec::<String>::new());
    for (story, slip, expected) in SLIPS {
        let mut tables = Tables::of(&request);
        slip(&mut tables);
        let found = tables.found(&request);
        let expected: Vec<&str> = expected.into_iter().filter(|words| !words.is_empty()).collect();
        assert_eq!(found.len(), expected.len(), "{story}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{story}: {found}");
        }
    }
}

/// What one request asks for is too much for another one.
#[test]
fn a_table_of_another_request_is_caught() {
    let right = [
        request(Profile::Documented, Purpose::Launch, &[ROLE]),
        request(Profile::Documented, Purpose::Start, &[ROLE]),
        request(Profile::LeastPrivilege, Purpose::Launch, &[ROLE]),
    ];
    for (made_for, tables) in right.iter().enumerate() {
        for (asked, request) in right.iter().enumerate() {
            let found = Tables::of(tables).found(request);
            assert_eq!(found.is_empty(), made_for == asked, "{made_for} {asked}: {found:#?}");
        }
    }
}

/// Conditions of the right form with the values of another key's region or another account.
#[test]
fn least_privilege_for_somebody_else_is_caught() {
    let request = request(Profile::LeastPrivilege, Purpose::Launch, &[ROLE, STRANGER]);
    assert_eq!(Tables::of(&request).found(&request), Vec::<String>::new());
    let other_region: KeyArn = KEY.replace("eu-west-1", "eu-west-2").parse().unwrap();
    for (story, required, expected) in [
        ("another region", request.required(&other_region, &request.grantees[0]), ELSE),
        ("another account", request.required(&key(), &request.grantees[1]), "which nobody asked for"),
    ] {
        let found = Tables { required, ..Tables::of(&request) }.found(&request);
        assert_eq!(found.len(), 3, "{story}: {found:#?}");
        assert!(found.iter().all(|found| found.contains(expected)), "{story}: {found:#?}");
    }
}

/// Both tables say the same for everybody who can be a grantee: so a slip in either is seen.
#[test]
fn both_tables_agree() {
    let grantees = [
        ROLE,
        STRANGER,
        FLEET,
        ROOT,
        "arn:aws:iam::444455556666:group/ops",
        "o-a1b2c3d4e5",
        "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/",
        "o-a1b2c3d4e5/*/ou-ab12-11111111/",
    ];
    for profile in [Profile::Documented, Profile::LeastPrivilege] {
        for purpose in [Purpose::Launch, Purpose::Start] {
            let request = request(profile, purpose, &grantees);
            for grantee in &request.grantees {
                let meaning = |actions: ActionSet, conditions: &[Condition]| {
                    let mut conditions: Vec<String> =
                        conditions.iter().map(|condition| format!("{:?}", condition.meaning())).collect();
                    conditions.sort();
                    (actions.names().collect::<Vec<_>>(), conditions)
                };
                let required = request.required(&key(), grantee);
                let required: Vec<_> = required
                    .iter()
                    .map(|required| meaning(required.action_set, &required.conditions))
                    .collect();
                let demands: Vec<_> = Demand::of(&request, &key(), &grantee.into())
                    .iter()
                    .map(|demand| meaning(demand.set, &demand.conditions))
                    .collect();
                assert_eq!(required, demands, "{grantee} {profile:?} {purpose:?}");
            }
        }
    }
    let role = FLEET.parse::<EntityArn>().unwrap().try_into().unwrap();
    let granted: std::collections::BTreeSet<String> =
        NewGrant::for_launch(&key(), &role).operations.into_iter().collect();
    assert_eq!(granted, super::super::grants::MOST.map(str::to_owned).into());
}
