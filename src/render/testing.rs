//! Plans made by hand, for tests of what is shown.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::json;

use super::Styles;
use crate::access::chain::{Chain, FoundImage, FoundSnapshot};
use crate::access::{CoverageRule, Grantee, NewGrant, Profile, Purpose, Request};
use crate::arn::{EntityArn, KeyArn, Partition, PolicyArn};
use crate::observation::ec2::{Image, Instance, Snapshot};
use crate::observation::{KeyGrant, Observation, Reading};
use crate::plan::{
    Case, Change, Coverage, Finding, FindingCode, FindingKind, Gain, Handover, KeyPolicyUpdate, Operation,
    Plan, Side,
};
use crate::policy::{Fingerprint, PolicyDocument};

pub(crate) const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const OTHER_ROOT: &str = "arn:aws:iam::444455556666:root";
pub(crate) const ROLE: &str = "arn:aws:iam::444455556666:role/team/app";
pub(crate) const USER: &str = "arn:aws:iam::111122223333:user/jo";
pub(crate) const GROUP: &str = "arn:aws:iam::444455556666:group/ops";
pub(crate) const LINKED: &str =
    "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
pub(crate) const POLICY: &str = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy";

pub(crate) fn key() -> KeyArn {
    KEY.parse().unwrap()
}

pub(crate) fn grantee(arn: &str) -> Grantee {
    arn.parse().unwrap()
}

fn entity(arn: &str) -> EntityArn {
    arn.parse().unwrap()
}

fn policy() -> PolicyArn {
    POLICY.parse().unwrap()
}

pub(crate) fn request(grantees: &[&str]) -> Request {
    Request {
        keys: vec![key()],
        grantees: grantees.iter().map(|arn| grantee(arn)).collect(),
        policy_name: "KmsKeyUsagePolicy".parse().unwrap(),
        profile: Profile::default(),
        coverage: CoverageRule::default(),
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: std::collections::BTreeMap::new(),
        part: None,
    }
}

/// A list as AWS gives it back: a single element stands alone.
fn one_or_several(items: &[&str]) -> serde_json::Value {
    if let [only] = items { json!(only) } else { json!(items) }
}

/// A key policy whose statements have these Sids and principals.
pub(crate) fn key_policy(statements: &[(&str, &[&str])]) -> String {
    let statements: Vec<_> = statements
        .iter()
        .map(|(sid, principals)| {
            json!({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": one_or_several(principals)}, "Action": "kms:*", "Resource": "*"})
        })
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

pub(crate) fn identity_policy(keys: &[&str]) -> String {
    let statement = json!({
        "Sid": "AllowUseOfTheKey", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": one_or_several(keys),
    });
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn change(operation: Operation, reason: &str) -> Change {
    Change { operation, reason: reason.to_owned(), gains: Vec::new() }
}

impl Change {
    pub(crate) fn giving(mut self, grantees: &[&str], purposes: &[&str]) -> Self {
        let gain = |arn: &&str| Gain {
            grantee: grantee(arn),
            key: key(),
            purposes: purposes.iter().map(ToString::to_string).collect(),
            is_complete: true,
        };
        self.gains.extend(grantees.iter().map(gain));
        self
    }
}

pub(crate) const BOTH: [&str; 2] = ["use the key", "let AWS services use it for persistent resources"];

pub(crate) fn update_key_policy(before: String, after: String) -> Change {
    let update = KeyPolicyUpdate { key: key(), before, after };
    change(Operation::UpdateKeyPolicy(update), "No statement names account 444455556666 or user jo.")
        .giving(&[OTHER_ROOT, USER], &BOTH)
}

fn meaning() -> Fingerprint {
    PolicyDocument::parse(identity_policy(&[KEY])).unwrap().fingerprint(Partition::Aws)
}

/// One change of every kind, in their order of execution.
pub(crate) fn every_operation() -> Vec<Change> {
    let root: (&str, &[&str]) = ("Enable IAM User Permissions", &["arn:aws:iam::111122223333:root"]);
    let orphaned = key_policy(&[root, ("Allow use of the key", &["AROAEXAMPLEEXAMPLE123", USER])]);
    let pruned = key_policy(&[root, ("Allow use of the key", &[USER])]);
    let updated = key_policy(&[root, ("Allow use of the key", &[USER, OTHER_ROOT])]);
    let team: PolicyArn = "arn:aws:iam::444455556666:policy/team/KmsKeyUsagePolicy-1234abcd".parse().unwrap();
    let prune = KeyPolicyUpdate { key: key(), before: orphaned, after: pruned.clone() };
    vec![
        change(
            Operation::PruneOrphans(prune),
            "AROAEXAMPLEEXAMPLE123 stands for a principal that was deleted.",
        ),
        update_key_policy(pruned, updated),
        change(
            Operation::CreatePolicy {
                policy: team.clone(),
                description: "Lets instances launch from encrypted AMIs".to_owned(),
                after: identity_policy(&[KEY]),
            },
            "KmsKeyUsagePolicy is attached to group dev too, which was not asked for.",
        ),
        change(
            Operation::DeletePolicyVersion {
                policy: policy(),
                version: "v3".to_owned(),
                before: identity_policy(&["arn:aws:kms:eu-west-1:111122223333:key/old"]),
                versions: 5,
            },
            "A managed policy has five versions at most, and this is the oldest that is not in force.",
        ),
        change(
            Operation::CreatePolicyVersion {
                policy: policy(),
                base_version: "v7".to_owned(),
                before: identity_policy(&["arn:aws:kms:eu-west-1:111122223333:key/other"]),
                after: identity_policy(&["arn:aws:kms:eu-west-1:111122223333:key/other", KEY]),
                serves: Vec::new(),
            },
            "The policy does not cover the key.",
        ),
        change(
            Operation::AttachPolicy { policy: policy(), entity: entity(ROLE), document: meaning() },
            "Role app has no policy for the key.",
        )
        .giving(&[ROLE], &BOTH),
        change(
            Operation::AttachPolicy { policy: team, entity: entity(GROUP), document: meaning() },
            "Group ops has no policy for the key.",
        )
        .giving(&[GROUP], &BOTH[..1]),
        change(
            Operation::CreateGrant { grant: new_grant(), needs_key_policy: true },
            "A service-linked role of another account needs a grant.",
        )
        .giving(&[LINKED], &BOTH[..1]),
        change(Operation::RevokeGrant { key: key(), grant: existing_grant() }, "Run 1 created it."),
    ]
}

/// One change of every kind that leads back, in their order of execution.
pub(crate) fn every_way_back() -> Vec<Change> {
    let root: (&str, &[&str]) = ("Enable IAM User Permissions", &["arn:aws:iam::111122223333:root"]);
    let used = key_policy(&[root, ("Allow use of the key", &[USER])]);
    let other = KeyArn { id: "0987dcba-09fe-87dc-65ba-ab0987654321".to_owned(), ..key() };
    let team: PolicyArn = "arn:aws:iam::444455556666:policy/team/KmsKeyUsagePolicy-1234abcd".parse().unwrap();
    let former = identity_policy(&["arn:aws:kms:eu-west-1:111122223333:key/other"]);
    let way_back = |key: KeyArn| KeyPolicyUpdate { key, before: used.clone(), after: key_policy(&[root]) };
    vec![
        change(Operation::RestoreKeyPolicy(way_back(key())), "The run changed it."),
        change(Operation::ReduceKeyPolicy(way_back(other)), "The run changed it."),
        change(
            Operation::DetachPolicy { policy: team.clone(), entity: entity(ROLE), document: meaning() },
            "The run attached it.",
        ),
        change(
            Operation::DeletePolicy { policy: team, before: identity_policy(&[KEY]) },
            "The run created it.",
        ),
        change(
            Operation::SetDefaultVersion {
                policy: policy(),
                version: "v7".to_owned(),
                before: identity_policy(&[KEY]),
                after: former,
            },
            "The run made another version.",
        ),
        change(
            Operation::WithdrawPolicyVersion {
                policy: policy(),
                version: "v8".to_owned(),
                before: identity_policy(&[KEY]),
            },
            "The run made it.",
        ),
    ]
}

fn new_grant() -> NewGrant {
    NewGrant::for_launch(&key(), &entity(LINKED).try_into().unwrap())
}

fn existing_grant() -> KeyGrant {
    KeyGrant {
        id: "0c237476b39f8bc44e45212e08498fbe3151305030726c0590dd8d3e9f3d6a60".to_owned(),
        name: None,
        grantee: LINKED.to_owned(),
        operations: vec!["Decrypt".to_owned(), "CreateGrant".to_owned()],
        context_equals: BTreeMap::new(),
        context_subset: BTreeMap::new(),
        source_arn: None,
        unknown_constraints: Vec::new(),
    }
}

pub(crate) fn finding(code: FindingCode, subject: &str, message: &str, hint: Option<&str>) -> Finding {
    let (message, hint) = (message.to_owned(), hint.map(str::to_owned));
    Finding::new(&subject, FindingKind::Any { code, message, hint })
}

/// One finding of every severity, in no good order.
pub(crate) fn every_severity() -> Vec<Finding> {
    vec![
        finding(
            FindingCode::MultiRegionKey,
            KEY,
            "this is a multi-Region key, and its replica in us-east-1 has a policy of its own",
            None,
        ),
        finding(
            FindingCode::GroupDelegation,
            GROUP,
            "a key policy can't name a group, so it names account 444455556666, whose IAM may then let any of its \
             identities use the key",
            Some("name users or roles with `--principal` instead"),
        ),
        finding(
            FindingCode::IdentityCenterRole,
            "arn:aws:iam::444455556666:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef",
            "nothing can be attached to a role that IAM Identity Center made",
            Some("reference the policy KmsKeyUsagePolicy in the permission set Ops"),
        ),
        finding(
            FindingCode::KeyState,
            KEY,
            "the key is disabled",
            Some("enable it with `aws kms enable-key`, then run this again"),
        ),
    ]
}

pub(crate) fn key_policy_handover() -> Handover {
    let statement = json!({
        "Sid": "Allow use of the key", "Effect": "Allow", "Principal": {"AWS": [OTHER_ROOT]},
        "Action": ["kms:Decrypt"], "Resource": "*",
    });
    let grant =
        json!({"Sid": "Allow attachment", "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"});
    Handover::KeyPolicy {
        key: key(),
        statements: vec![statement, grant],
        grantees: vec![grantee(OTHER_ROOT), grantee(ROLE)],
    }
}

pub(crate) fn identity_handover() -> Handover {
    Handover::Identity {
        policy: policy(),
        keys: vec![key()],
        document: identity_policy(&[KEY]),
        entities: vec![entity(ROLE), entity(GROUP), entity("arn:aws:iam::444455556666:user/jo")],
        permission_set_roles: Vec::new(),
    }
}

pub(crate) fn grant_handover() -> Handover {
    Handover::Grant { grant: new_grant() }
}

pub(crate) fn covered(arn: &str, key_policy: &[&str], identity: Option<&[&str]>) -> Coverage {
    let by = |what: &[&str]| Side::Covered(what.iter().map(ToString::to_string).collect());
    Coverage {
        grantee: grantee(arn),
        key: key(),
        key_policy: by(key_policy),
        identity: identity.map_or(Side::NotNeeded, by),
    }
}

pub(crate) fn empty_plan() -> Plan {
    Plan { findings: Vec::new(), changes: Vec::new(), coverage: Vec::new(), handovers: Vec::new() }
}

/// A plan that nothing was read for.
pub(crate) fn case(plan: Plan) -> Case {
    Case { chain: Chain::default(), request: request(&[]), observation: Observation::default(), plan }
}

/// A plan whose every text from outside tries to command the terminal.
pub(crate) fn hostile_plan() -> Plan {
    let hostile = "a\u{1b}[31m\u{202e}b\u{9b}2J\r\nc\u{200b}";
    let before = key_policy(&[(hostile, &[USER])]);
    let after = key_policy(&[(hostile, &[USER, hostile])]);
    let key = KeyArn { region: "eu\u{1b}]0;x\u{7}".to_owned(), ..key() };
    let update = KeyPolicyUpdate { key: key.clone(), before, after };
    Plan {
        findings: vec![finding(FindingCode::DenyStatement, hostile, hostile, Some(hostile))],
        changes: vec![
            change(Operation::UpdateKeyPolicy(update), hostile).giving(&[OTHER_ROOT], &[hostile]),
            change(
                Operation::DeletePolicyVersion {
                    policy: policy(),
                    version: hostile.to_owned(),
                    before: hostile.to_owned(),
                    versions: 5,
                },
                hostile,
            ),
        ],
        coverage: vec![Coverage { key: key.clone(), ..covered(ROLE, &[hostile], None) }],
        handovers: vec![Handover::KeyPolicy {
            key,
            statements: vec![json!({"Sid": hostile})],
            grantees: vec![grantee(ROLE)],
        }],
    }
}

/// What is written, as text.
pub(crate) fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Plain and coloured output with readable escape sequences.
pub(crate) fn coloured(write: impl FnOnce(&mut dyn Write, &Styles) -> io::Result<()>) -> String {
    written(|out| write(out, &Styles::coloured())).replace('\u{1b}', "ESC")
}

fn found(id: &str, key: Option<&str>) -> FoundSnapshot {
    let snapshot = Snapshot {
        id: id.to_owned(),
        owner: "111122223333".parse().unwrap(),
        state: "completed".to_owned(),
        is_encrypted: key.is_some(),
        key: key.map(|key| key.parse().unwrap()),
        associated_keys: Vec::new(),
        unknown: Vec::new(),
    };
    FoundSnapshot { id: id.to_owned(), snapshot: Some(snapshot), shares: Reading::default() }
}

/// An instance, its image and its snapshots; the image's name is hostile to whatever shows it.
pub(crate) fn chain() -> Chain {
    let image = Image {
        id: "ami-0123456789abcdef0".to_owned(),
        owner: "111122223333".parse().unwrap(),
        owner_alias: None,
        name: "gold\u{1b}[2J</pre>```".to_owned(),
        state: "available".to_owned(),
        is_public: false,
        snapshots: Vec::new(),
        devices: BTreeMap::new(),
    };
    let hidden = FoundSnapshot { snapshot: None, ..found("snap-0cccccccccccccccc", None) };
    Chain {
        region: "eu-west-1".to_owned(),
        instances: vec![Instance {
            id: "i-0123456789abcdef0".to_owned(),
            owner: "444455556666".parse().unwrap(),
            image: image.id.clone(),
            state: "terminated".to_owned(),
            state_reason: None,
            volumes: Vec::new(),
            auto_scaling_group: Some("web".to_owned()),
        }],
        images: vec![FoundImage {
            image,
            launch: Reading::default(),
            usage: None,
            snapshots: vec![
                found("snap-0aaaaaaaaaaaaaaaa", Some(KEY)),
                found("snap-0bbbbbbbbbbbbbbbb", None),
                hidden,
            ],
        }],
        ..Chain::default()
    }
}
