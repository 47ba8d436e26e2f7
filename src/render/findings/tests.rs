use std::collections::BTreeSet;

use super::*;
use crate::access::assessment::{DecidingStatement, DocumentName, Obstacle, needed_actions};
use crate::access::{Grantee, NoGrantee, Purpose};
use crate::arn::{AccountId, KeyArn, Members};
use crate::authz::Gate;
use crate::observation::ec2::ImageCriterion;
use crate::observation::usage::NoReport;
use crate::observation::{RefusedRead, UnreadReason};
use crate::plan::finding::caller::Denial;
use crate::plan::finding::failure::StateMeaning;
use crate::plan::finding::grant::Barrier;
use crate::plan::finding::identity::{Unfit, Unsavable};
use crate::plan::finding::image::{NewerImage, SettingChange, SharingDoubt};
use crate::plan::finding::key::NewerKey;
use crate::plan::finding::launch_key::{Copied, EncryptedAnew};
use crate::plan::finding::{
    CallerFinding, DocumentFinding, EvaluationFinding, FailureFinding, GrantFinding, GranteeFinding,
    IdentityFinding, ImageFinding, KeyFinding, KeyPolicyFinding, LaunchKeyFinding, MembershipFinding, Owner,
    Placed, RollbackFinding, SharingFinding, Unsound,
};
use crate::plan::{FindingCode, Severity};
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
fn memberships() {
    let reason = || {
        let call = "organizations:DescribeOrganization with credentials of account 111122223333";
        UnreadReason::Other(format!("{call}: AccessDeniedException"))
    };
    let (account, organization) = (key().account, || "o-a1b2c3d4e5".parse().unwrap());
    let unit = "o-a1b2c3d4e5/*/ou-ab12-11111111/".parse().unwrap();
    insta::assert_snapshot!(of([
        MembershipFinding::Organization { account, reason: reason() },
        MembershipFinding::Path { account, organization: organization(), reason: reason() },
        MembershipFinding::OfKey {
            account,
            members: Members::Organization(organization()),
            reason: reason()
        },
        MembershipFinding::Unit { unit, reason: reason() },
    ]));
    insta::assert_snapshot!(of([
        GranteeFinding::ForeignOrganization { account, own: None, role: None },
        GranteeFinding::ForeignOrganization { account, own: Some(organization()), role: None },
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

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

#[test]
fn images_and_snapshots() {
    let (owner, visitor) = (account("111122223333"), account("444455556666"));
    let image = || Placed::new("eu-west-1", "ami-0123456789abcdef0");
    let out_of_use = |state: &str| ImageFinding::OutOfUse { image: image(), state: state.to_owned(), owner };
    let not_shared = |is_read| ImageFinding::NotShared { account: visitor, image: image(), owner, is_read };
    let unknown = |why| ImageFinding::SharingUnknown { account: visitor, why };
    let kept_out =
        |is_enabled, way_out| ImageFinding::KeptOut { account: visitor, owner, is_enabled, way_out };
    let names = ImageCriterion { names: texts(&["golden-*"]), ..ImageCriterion::default() };
    let change = SettingChange::Criteria { region: "eu-west-1".to_owned(), criteria: vec![names] };
    let what = "the state `enforced`".to_owned();
    insta::assert_snapshot!(of([
        out_of_use("failed"),
        out_of_use("disabled"),
        ImageFinding::SnapshotOutOfUse { state: "error".to_owned() },
        ImageFinding::NothingEncrypted { purpose: Purpose::Launch },
        ImageFinding::NothingEncrypted { purpose: Purpose::Start },
        not_shared(true),
        not_shared(false),
        ImageFinding::NotSeen { account: visitor },
        unknown(SharingDoubt::Newer(texts(&["guild", "club"]))),
        unknown(SharingDoubt::Organization),
        kept_out(true, change),
        kept_out(true, SettingChange::DeclarativePolicy),
        kept_out(false, SettingChange::ByHand),
        ImageFinding::Untold { image: Some("resolve:ssm:/golden".to_owned()) },
        ImageFinding::Untold { image: None },
        ImageFinding::SnapshotUnseen,
        ImageFinding::SnapshotNotShared {
            account: visitor,
            snapshot: Placed::new("eu-west-1", "snap-0aaaaaaaaaaaaaaaa"),
        },
        ImageFinding::Newer(NewerImage::State("hibernating".to_owned())),
        ImageFinding::Newer(NewerImage::SnapshotState("thawing".to_owned())),
        ImageFinding::Newer(NewerImage::Encryption(texts(&["sse-quantum"]))),
        ImageFinding::Newer(NewerImage::Setting { account: visitor, what }),
    ]));
}

#[test]
fn those_whom_an_image_is_shared_with() {
    let (owner, visitor) = (account("111122223333"), account("444455556666"));
    let image = Placed::new("eu-west-1", "ami-0123456789abcdef0");
    let unreported = |is_pending, partial| SharingFinding::Unreported {
        image: image.clone(),
        owner,
        none: NoReport { is_pending, partial },
    };
    let members = |all: &[&str]| all.iter().map(|members| members.parse().unwrap()).collect();
    let reported = |age, users: &[AccountId]| SharingFinding::Reported {
        report: "amiur-0123456789abcdef0".to_owned(),
        age,
        users: users.to_vec(),
    };
    insta::assert_snapshot!(of([
        SharingFinding::Public,
        SharingFinding::Nobody { image: image.clone(), owner },
        SharingFinding::KeyAccount { account: visitor },
        SharingFinding::Newer { shares: texts(&["guild=x", "club=`y`"]) },
        unreported(false, 0),
        unreported(false, 2),
        unreported(true, 1),
        reported(0, &[]),
        reported(3600, &[visitor]),
        reported(172_799, &[visitor]),
        reported(259_200, &[owner, visitor]),
        SharingFinding::Idle { accounts: vec![owner, visitor] },
        SharingFinding::Unshared { accounts: vec![visitor] },
        SharingFinding::PerhapsMembers { accounts: vec![visitor], members: members(&["o-a1b2c3d4e5"]) },
        SharingFinding::PerhapsMembers {
            accounts: vec![owner, visitor],
            members: members(&["o-a1b2c3d4e5", "o-a1b2c3d4e5/*/ou-ab12-11111111/"]),
        },
    ]));
}

#[test]
fn how_to_read_what_was_not_read_depends_on_the_reason_and_not_on_its_words() {
    let visitor = account("444455556666");
    let lacking = UnreadReason::NotPermitted { permission: "ec2:X".to_owned(), resource: "*".to_owned() };
    let credentials = "give credentials: --account-profile 444455556666=PROFILE";
    let permission =
        "`keymend permissions --account 444455556666 --ami` prints what the operator needs there";
    for (why, hint) in [
        (SharingDoubt::Unread(UnreadReason::NoCredentials(visitor)), credentials),
        (SharingDoubt::Unread(UnreadReason::Other("no credentials to speak of".to_owned())), permission),
        (SharingDoubt::Unread(lacking), permission),
        (SharingDoubt::Organization, permission),
    ] {
        let found = ImageFinding::SharingUnknown { account: visitor, why };
        assert_eq!(tell(&Finding::new(&KEY, found.clone())).hint.as_deref(), Some(hint), "{found:?}");
    }
}

#[test]
fn keys_of_a_launch() {
    let (owner, visitor) = (account("111122223333"), account("444455556666"));
    let region = || "eu-west-1".to_owned();
    let snapshot = || "snap-0aaaaaaaaaaaaaaaa".to_owned();
    let managed =
        |copied| LaunchKeyFinding::ManagedKey { owner, region: region(), copied, others: vec![visitor] };
    let default = |is_second, why| LaunchKeyFinding::DefaultKey { account: visitor, is_second, why };
    let unread = |is_key_found| LaunchKeyFinding::DefaultKeyUnread {
        account: visitor,
        reason: UnreadReason::NoCredentials(visitor),
        is_key_found,
    };
    let unseen = |instance: Option<&str>| LaunchKeyFinding::KeyUnseen {
        region: region(),
        instance: instance.map(str::to_owned),
    };
    insta::assert_snapshot!(of([
        LaunchKeyFinding::AssociatedKeys { keys: texts(&[KEY, KEY]) },
        LaunchKeyFinding::OtherRegion { region: region(), here: vec![key()] },
        LaunchKeyFinding::OtherRegion { region: region(), here: Vec::new() },
        LaunchKeyFinding::OwnManagedKey { owner },
        managed(Copied::Image { id: "ami-0123456789abcdef0".to_owned(), name: "it's golden".to_owned() }),
        managed(Copied::Snapshot(snapshot())),
        default(true, EncryptedAnew::Foreign { snapshot: snapshot(), owner }),
        default(false, EncryptedAnew::ByDefault { snapshot: snapshot() }),
        default(true, EncryptedAnew::Untold),
        unread(true),
        unread(false),
        unseen(Some("i-0123456789abcdef0")),
        unseen(None),
    ]));
}

#[test]
fn callers() {
    let visitor = account("444455556666");
    let instance = || Placed::new("eu-west-1", "i-0123456789abcdef0");
    let action = || "kms:Decrypt".to_owned();
    let denial = |is_explicit| Denial {
        kind: Some("service control policy"),
        is_explicit,
        policy: is_explicit.then(|| "arn:aws:organizations::1:policy/p".to_owned()),
    };
    let by_ec2 = |encoded: Option<&str>| CallerFinding::RefusedByEc2 {
        call: "RunInstances".to_owned(),
        encoded: encoded.map(str::to_owned),
    };
    let role = || "arn:aws:iam::*:role/aws:ec2-infrastructure".to_owned();
    let denied = |is_explicit| CallerFinding::InstanceDenied {
        action: action(),
        denial: denial(is_explicit),
        reason: NoGrantee::IdentityOnlyRole,
        role: role(),
    };
    let nobody = |denial, account| CallerFinding::NoGrantee {
        action: action(),
        denial,
        reason: NoGrantee::Account,
        account,
    };
    let unknown = |purpose| CallerFinding::Unknown { purpose, account: visitor, instance: instance() };
    insta::assert_snapshot!(of([
        CallerFinding::RefusedElsewhere { action: action(), denial: denial(true) },
        by_ec2(Some("XQ_j;de")),
        by_ec2(None),
        nobody(None, None),
        nobody(Some(denial(false)), Some(visitor)),
        denied(true),
        denied(false),
        CallerFinding::WholeAccount { account: visitor, instance: instance() },
        unknown(Purpose::Launch),
        unknown(Purpose::Start),
        CallerFinding::StarterUnknown { account: visitor, instance: instance() },
    ]));
}

#[test]
fn failures() {
    let told = || "Client.InternalError: Client error on launch".to_owned();
    let state = || "terminated".to_owned();
    let instance = |meaning| FailureFinding::Instance { state: state(), told: Some(told()), meaning };
    insta::assert_snapshot!(of([
        FailureFinding::Instance { state: state(), told: None, meaning: None },
        instance(None),
        instance(Some(StateMeaning::KeyUnusable)),
        instance(Some(StateMeaning::NearlyAlwaysAKey)),
        instance(Some(StateMeaning::FaultOrKey)),
        instance(Some(StateMeaning::Ended)),
        instance(Some(StateMeaning::VolumeQuota)),
        instance(Some(StateMeaning::SnapshotGone)),
        instance(Some(StateMeaning::NoCapacity)),
        instance(Some(StateMeaning::SpotReclaimed)),
        instance(Some(StateMeaning::Retired)),
        FailureFinding::Ebs { told: told() },
        FailureFinding::Group { told: told(), meaning: Some(StateMeaning::NearlyAlwaysAKey) },
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

#[test]
fn equal_causes_are_told_in_equal_words() {
    let told = |account: &str, key: &str, id: &str| {
        let entity = format!("arn:aws:iam::{account}:role/team/app");
        let arn: KeyArn = format!("arn:aws:kms:eu-west-1:{account}:key/{key}").parse().unwrap();
        let refused = RefusedRead {
            operation: "kms:GetKeyPolicy".to_owned(),
            resource: arn.to_string(),
            caller: format!("arn:aws:sts::{account}:assumed-role/Keys/jo"),
            code: "AccessDeniedException".to_owned(),
            request_id: Some(id.to_owned()),
            message: format!("not {id}"),
        };
        let any = |message: String| FindingKind::Any { code: FindingCode::TooLarge, message, hint: None };
        [
            any(format!("`{arn}` is for {entity}, of account {account}'s: {arn}.")),
            any("nobody's names: eu-west-1, 5 of 12".to_owned()),
            UnreadReason::Refused(refused).into(),
        ]
        .map(|kind| tell_for_all(&Finding::new(&arn, kind)))
    };
    let one = told("111122223333", "1234abcd-12ab-34cd-56ef-1234567890ab", "1-2");
    assert_eq!(one, told("444455556666", "0987dcba-09fe-87dc-65ba-ab0987654321", "3-4"));
    assert_eq!(
        one,
        [
            "`KEY` is for PRINCIPAL, of account ACCOUNT's: KEY.",
            "nobody's names: eu-west-1, 5 of 12",
            "left out: kms:GetKeyPolicy as `arn:aws:sts::ACCOUNT:assumed-role/Keys/jo` failed: AccessDeniedException",
        ]
    );
}
