use std::collections::BTreeSet;

use super::*;
use crate::access::assessment::{DecidingStatement, DocumentName, Obstacle, needed_actions};
use crate::access::{Grantee, Purpose};
use crate::arn::KeyArn;
use crate::authz::Gate;
use crate::observation::UnreadReason;
use crate::plan::Severity;
use crate::plan::finding::grant::Barrier;
use crate::plan::finding::identity::{Unfit, Unsavable};
use crate::plan::finding::key::NewerKey;
use crate::plan::finding::{
    DocumentFinding, EvaluationFinding, GrantFinding, GranteeFinding, IdentityFinding, KeyFinding,
    KeyPolicyFinding, Owner, RollbackFinding, Unsound,
};
use crate::policy::envelope::NoPolicy;
use crate::policy::{KmsAction, PolicyDocument};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn key() -> KeyArn {
    KEY.parse().unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Each finding with its code and severity, its message, and its way out.
fn told(kinds: impl IntoIterator<Item = FindingKind>) -> String {
    let one = |kind: FindingKind| {
        let Told { code, message, hint, .. } = tell(&Finding::new(&KEY, kind));
        format!("{:?} {code:?}: {message}\n    {}", code.severity(), hint.as_deref().unwrap_or("-"))
    };
    kinds.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

fn of<F: Into<FindingKind>>(kinds: impl IntoIterator<Item = F>) -> String {
    told(kinds.into_iter().map(Into::into))
}

#[test]
fn grantees() {
    let entity = |name: &str| format!("arn:aws:iam::444455556666:{name}").parse().unwrap();
    let role = "role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
    insta::assert_snapshot!(of([
        GranteeFinding::OtherPartition { partition: "aws-cn".parse().unwrap(), key: key() },
        GranteeFinding::OtherPath { found: entity("role/team/app") },
        GranteeFinding::NoSuchEntity { entity: entity("role/app") },
        GranteeFinding::NoSuchEntity { entity: entity("group/ops") },
        GranteeFinding::NoSuchRole { role: entity(role).try_into().unwrap() },
        GranteeFinding::StandsForAccount { account: key().account },
        GranteeFinding::NoDelegation { key: key() },
    ]));
}

#[test]
fn keys() {
    let (spec, usage) = ("RSA_2048".to_owned(), "SIGN_VERIFY".to_owned());
    let out_of_use = |state: &str| KeyFinding::OutOfUse { key: key(), state: state.to_owned() };
    insta::assert_snapshot!(of([
        KeyFinding::AwsManaged { region: "eu-west-1".to_owned() },
        KeyFinding::OwnAwsManaged { account: key().account, purpose: Purpose::Start },
        KeyFinding::Newer(NewerKey::Manager("QUANTUM".to_owned())),
        KeyFinding::Newer(NewerKey::Use { spec: "NEW".to_owned(), usage: "NEWER".to_owned() }),
        KeyFinding::Newer(NewerKey::State("Dreaming".to_owned())),
        KeyFinding::Unsuitable { spec, usage },
        out_of_use("Disabled"),
        out_of_use("PendingDeletion"),
        out_of_use("PendingImport"),
        out_of_use("Unavailable"),
        out_of_use("Creating"),
        KeyFinding::MultiRegion { others: vec![key()] },
        KeyFinding::MultiRegion { others: vec![key(), key()] },
    ]));
}

#[test]
fn key_policies() {
    let statement = || "statement \"a\"".to_owned();
    let orphans = || texts(&["AIDAEXAMPLE1", "AIDAEXAMPLE2"]);
    let open = |is_negated, conditions| KeyPolicyFinding::OpenToAnyone {
        statement: statement(),
        is_negated,
        conditions,
    };
    insta::assert_snapshot!(of([
        KeyPolicyFinding::Unread { reason: UnreadReason::NoCredentials(key().account) },
        KeyPolicyFinding::Unreadable { error: "line 1: no object".to_owned() },
        KeyPolicyFinding::RefusedCharacters,
        KeyPolicyFinding::Orphans { orphans: orphans(), can_be_pruned: true },
        KeyPolicyFinding::Orphans { orphans: orphans(), can_be_pruned: false },
        KeyPolicyFinding::TooLarge { bytes: 40_000, most: 32_768 },
        KeyPolicyFinding::NoStatement,
        KeyPolicyFinding::Lockout { caller: "arn:aws:iam::111122223333:user/admin".to_owned() },
        KeyPolicyFinding::Inert { statement: statement() },
        KeyPolicyFinding::RepeatedSid { sid: "a".to_owned() },
        open(false, 0),
        open(true, 1),
        open(false, 2),
        KeyPolicyFinding::Broader {
            statement: statement(),
            who: texts(&["a", "b", "c"]),
            purpose: Purpose::Launch,
        },
        KeyPolicyFinding::Wider { statement: statement(), who: texts(&["a", "b"]) },
    ]));
}

#[test]
fn policies_of_identities() {
    let separate = |why| IdentityFinding::Separate {
        name: "KmsKeyUsagePolicy".to_owned(),
        why,
        made: "KmsKeyUsagePolicy-1234abcd".to_owned(),
        key: key(),
    };
    insta::assert_snapshot!(of([
        IdentityFinding::Unread { reason: UnreadReason::NotLookedAt },
        IdentityFinding::LeftAlone { error: "line 1: no object".to_owned() },
        separate(Unfit::Unreadable),
        separate(Unfit::Refused(Unsavable::RefusedSid("a b".to_owned()))),
        separate(Unfit::Strangers(texts(&["user ann", "role web"]))),
        separate(Unfit::GivesMore),
        separate(Unfit::Refused(too_large())),
        separate(Unfit::Refused(Unsavable::RefusedCharacters)),
        IdentityFinding::NoRoom,
        IdentityFinding::Broader { who: texts(&["a"]), key: key(), purpose: Purpose::Start },
        IdentityFinding::Wider { policy: "KmsKeyUsagePolicy".to_owned() },
        IdentityFinding::AttachmentQuota { attached: 10, quota: 10 },
        IdentityFinding::Refused(too_large()),
        IdentityFinding::Refused(Unsavable::NoStatement),
        IdentityFinding::PermissionSet { policies: texts(&["KmsKeyUsagePolicy"]) },
    ]));
}

#[test]
fn grants() {
    let statement = || serde_json::json!({"Effect": "Allow"});
    let caller = || "arn:aws:iam::444455556666:user/admin".to_owned();
    let account = "444455556666".parse().unwrap();
    let forbidden = |by| GrantFinding::Forbidden { caller: caller(), by, statement: statement() };
    let uncertain = |by| GrantFinding::Uncertain { caller: caller(), by, statement: statement() };
    let reason =
        UnreadReason::NotPermitted { permission: "kms:ListGrants".to_owned(), resource: KEY.to_owned() };
    insta::assert_snapshot!(of([
        GrantFinding::Unread { reason },
        GrantFinding::NoCredentials { account },
        GrantFinding::Denied { statements: texts(&["statement 1", "statement 2"]), key: key(), account },
        forbidden(Barrier::KeyPolicyDenies),
        forbidden(Barrier::OwnPoliciesDeny),
        forbidden(Barrier::Boundary),
        forbidden(Barrier::Identity),
        uncertain(Barrier::Boundary),
        uncertain(Barrier::Identity),
        uncertain(Barrier::Keys(texts(&["aws:PrincipalTag/team"]))),
        uncertain(Barrier::Unread { reason: "not looked at".to_owned() }),
    ]));
}

fn deny() -> DecidingStatement {
    DecidingStatement {
        document: DocumentName::KeyPolicy { key: key() },
        number: 2,
        sid: Some("guard".to_owned()),
        denies: true,
        doubt: None,
    }
}

fn who() -> Vec<Grantee> {
    vec!["arn:aws:iam::444455556666:role/app".parse().unwrap()]
}

#[test]
fn evaluation_of_grantees() {
    let purpose = Purpose::Launch;
    let boundary = || DocumentName::PermissionsBoundary { name: "arn:aws:iam::aws:policy/B".to_owned() };
    let obstacle = |is_certain| Obstacle {
        gate: Gate::Boundary,
        is_certain,
        document: Some(boundary()),
        only_way: None,
    };
    let all = || needed_actions(purpose).to_vec();
    let decrypt = || vec![KmsAction::DECRYPT];
    let perhaps_denied = |keys: &[&str], is_key_unknown| EvaluationFinding::PerhapsDenied {
        statement: deny(),
        who: who(),
        keys: texts(keys),
        is_key_unknown,
    };
    let perhaps_limited = |keys: &[&str]| EvaluationFinding::PerhapsLimited {
        obstacle: obstacle(false),
        actions: decrypt(),
        purpose,
        keys: texts(keys),
    };
    insta::assert_snapshot!(of([
        EvaluationFinding::Denied { statement: deny(), actions: all(), purpose },
        EvaluationFinding::Denied {
            statement: deny(),
            actions: vec![KmsAction::DECRYPT, KmsAction::CREATE_GRANT],
            purpose
        },
        EvaluationFinding::Limited { obstacle: obstacle(true), missed: None, actions: decrypt(), purpose },
        perhaps_limited(&["aws:PrincipalTag/team"]),
        perhaps_limited(&[]),
        perhaps_denied(&["aws:PrincipalTag/team", "aws:PrincipalTag/unit"], false),
        perhaps_denied(&["aws:SourceIp"], false),
        perhaps_denied(&["kms:ViaService"], true),
        perhaps_denied(&[], true),
        perhaps_denied(&[], false),
        EvaluationFinding::DeniedBeside { statement: deny(), who: who(), actions: decrypt(), purpose },
        EvaluationFinding::EscapesBoundary { boundary: boundary() },
        EvaluationFinding::AccessAlready { who: who(), purpose },
        EvaluationFinding::NotConsidered { gaps: BTreeSet::from(["grants (not asked for)".to_owned()]) },
    ]));
}

#[test]
fn evaluation_of_the_instance() {
    let action = KmsAction::DECRYPT;
    let way_out = || "change it".to_owned();
    let obstacle = |is_certain| Obstacle { gate: Gate::Scp(0), is_certain, document: None, only_way: None };
    let keys = || texts(&["aws:SourceVpce"]);
    insta::assert_snapshot!(of([
        EvaluationFinding::InstanceDenied { statement: deny(), action, way_out: way_out() },
        EvaluationFinding::InstanceLimited { obstacle: obstacle(true), action },
        EvaluationFinding::InstancePerhapsDenied {
            statement: deny(),
            action,
            way_out: way_out(),
            keys: keys()
        },
        EvaluationFinding::InstancePerhapsLimited { obstacle: obstacle(false), action, keys: keys() },
    ]));
}

#[test]
fn owners() {
    let tag = || "aws:cloudformation:stack-name=keys".to_owned();
    insta::assert_snapshot!(of([
        Owner::CloudFormation { tag: tag(), stack: "keys".to_owned() },
        Owner::Cdk { tag: tag(), stack: Some("keys".to_owned()) },
        Owner::Cdk { tag: tag(), stack: None },
        Owner::Terraform { tag: "ManagedBy=terraform".to_owned() },
    ]));
}

fn too_large() -> Unsavable {
    Unsavable::TooLarge { size: 7000, most: 6144 }
}

#[test]
fn documents() {
    insta::assert_snapshot!(of([
        DocumentFinding::NoPolicy(NoPolicy::Comments),
        DocumentFinding::Unreadable { error: "line 1: no object".to_owned() },
        DocumentFinding::Refused(Unsavable::RefusedSid("a b".to_owned())),
        DocumentFinding::Refused(too_large()),
        DocumentFinding::Refused(Unsavable::RefusedCharacters),
        DocumentFinding::Refused(Unsavable::NoStatement),
        DocumentFinding::Template { placeholder: "${account}".to_owned() },
    ]));
}

#[test]
fn the_way_back() {
    let (run, version) = (|| "20260102T030405Z-1".to_owned(), || "v2".to_owned());
    let text = || "{\n  \"Statement\": []\n}".to_owned();
    insta::assert_snapshot!(of([
        RollbackFinding::Unread { reason: UnreadReason::NotLookedAt },
        RollbackFinding::StaysDeleted { version: version(), text: text() },
        RollbackFinding::StaysPruned { orphans: texts(&["AIDAEXAMPLE1", "AIDAEXAMPLE2"]) },
        RollbackFinding::Left { what: "statement 2".to_owned(), run: run() },
        RollbackFinding::LeftFor { what: "`p` is gone".to_owned(), run: run() },
        RollbackFinding::Conflict { run: run(), did: "update the key policy".to_owned() },
        RollbackFinding::Deleted { key: key() },
        RollbackFinding::BaseGone { version: version(), run: run(), text: text() },
        RollbackFinding::Refused { why: too_large(), run: run() },
        RollbackFinding::NoRoom { quota: 5, run: run() },
    ]));
}

#[test]
fn bugs() {
    let broken = PolicyDocument::parse("[").unwrap_err().into();
    insta::assert_snapshot!(of([
        Unsound::Change { violation: "a Deny changed".to_owned() },
        Unsound::Unbacked { change: "delete policy p".to_owned() },
        Unsound::Edit(broken),
    ]));
}

/// In a file a finding has these members and no others, whatever its data are.
#[test]
fn a_finding_stands_in_files_as_it_is_told() {
    let finding = Finding::new(&KEY, KeyPolicyFinding::RefusedCharacters);
    assert_eq!(finding.severity(), Severity::Blocking);
    let told = tell(&finding);
    let value = serde_json::to_value(&told).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "code": "unreadable_policy",
            "subject": KEY,
            "message": "the key policy has characters that PutKeyPolicy refuses",
            "hint": "it takes tab, line feed, carriage return and U+0020 to U+00FF: edit the policy by hand",
        })
    );
    assert_eq!(serde_json::from_value::<Told>(value).unwrap(), told);
}
