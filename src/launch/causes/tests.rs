use super::*;
use crate::access::chain::Stranger;
use crate::access::{NoGrantee, PolicyName, Purpose};
use crate::arn::{KeyArn, Partition};
use crate::observation::UnreadReason;
use crate::observation::ec2::{EbsDefaults, ImageCriterion, Shares, Snapshot, StateReason};
use crate::plan::{Severity, Told, plan};
use crate::render::findings::tell;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const IMAGE: &str = "ami-0123456789abcdef0";

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn owner() -> AccountId {
    account("111122223333")
}

fn visitor() -> AccountId {
    account("444455556666")
}

fn image() -> Image {
    Image {
        id: IMAGE.to_owned(),
        owner: owner(),
        owner_alias: None,
        name: "golden".to_owned(),
        state: "available".to_owned(),
        is_public: false,
        snapshots: Vec::new(),
        devices: [].into(),
    }
}

fn snapshot(key: Option<&str>) -> FoundSnapshot {
    let id = "snap-0aaaaaaaaaaaaaaaa".to_owned();
    let snapshot = Snapshot {
        id: id.clone(),
        owner: owner(),
        state: "completed".to_owned(),
        is_encrypted: key.is_some(),
        key: key.map(|key| key.parse().unwrap()),
        associated_keys: Vec::new(),
        unknown: Vec::new(),
    };
    FoundSnapshot { id, snapshot: Some(snapshot), shares: Reading::default() }
}

fn setting(state: &str, criteria: Vec<ImageCriterion>) -> AllowedImages {
    AllowedImages { state: state.to_owned(), managed_by: "account".to_owned(), criteria }
}

/// An image of one account that another account wants to launch.
fn chain(launch: Reading<Shares>, seen: Option<bool>, allowed: Option<AllowedImages>) -> Chain {
    let requester = Requester {
        ebs: Reading::Read(EbsDefaults { key: "alias/aws/ebs".to_owned(), is_always: false }),
        allowed_images: allowed.map_or(Reading::default(), Reading::Read),
        sees: seen.map(|seen| (IMAGE.to_owned(), Reading::Read(seen))).into_iter().collect(),
    };
    Chain {
        region: "eu-west-1".to_owned(),
        images: vec![FoundImage {
            image: image(),
            launch,
            usage: None,
            snapshots: vec![snapshot(Some(KEY))],
        }],
        requesters: [(visitor(), requester)].into(),
        ..Chain::default()
    }
}

/// For accounts as a whole.
fn request(accounts: &[AccountId]) -> Request {
    let account = |id: &AccountId| crate::access::Grantee::Account { partition: Partition::Aws, id: *id };
    Request {
        keys: Vec::new(),
        grantees: accounts.iter().map(account).collect(),
        policy_name: PolicyName::default(),
        profile: crate::access::Profile::default(),
        coverage: crate::access::CoverageRule::default(),
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: std::collections::BTreeMap::new(),
        part: None,
    }
}

fn causes(chain: &Chain) -> Vec<Told> {
    let request = request(&[visitor()]);
    let observation = Observation::default();
    let mut plan = plan(&request, &observation);
    add_to(&mut plan, chain, &request, &observation);
    plan.findings.iter().map(tell).collect()
}

fn found(chain: &Chain, request: &Request) -> Vec<Told> {
    of(chain, request, &Observation::default()).iter().map(tell).collect()
}

fn codes(chain: &Chain) -> Vec<FindingCode> {
    causes(chain).iter().map(|finding| finding.code).collect()
}

fn shared_with(accounts: &[AccountId], organizations: &[&str]) -> Reading<Shares> {
    Reading::Read(Shares {
        all: false,
        accounts: accounts.to_vec(),
        organizations: organizations.iter().map(ToString::to_string).collect(),
        unknown: Vec::new(),
    })
}

#[test]
fn whether_an_image_is_shared_and_let_in() {
    use FindingCode::{ImageAudited, ImageNotAllowed, LaunchPermission, LaunchUnread};
    let unread = || Reading::Unread(UnreadReason::NoCredentials(visitor()));
    let yes = || shared_with(&[visitor()], &[]);
    let no = || shared_with(&[], &[]);
    let organization = || shared_with(&[], &["arn:aws:organizations::1:organization/o-1"]);
    let amazon = || ImageCriterion { providers: vec!["amazon".to_owned()], ..ImageCriterion::default() };
    let young = || ImageCriterion { days_since_created: Some(30), ..ImageCriterion::default() };
    let by_name = || ImageCriterion { names: vec!["gold*".to_owned()], ..ImageCriterion::default() };
    let enabled = |criterion| Some(setting("enabled", vec![criterion]));
    for (launch, seen, allowed, expected) in [
        (yes(), None, None, &[][..]),
        (yes(), Some(true), None, &[]),
        (unread(), Some(true), None, &[]),
        (no(), Some(false), None, &[LaunchPermission]),
        (no(), None, None, &[LaunchPermission]),
        (unread(), Some(false), None, &[LaunchPermission]),
        (unread(), None, None, &[LaunchUnread]),
        (organization(), None, None, &[LaunchUnread]),
        (organization(), Some(true), None, &[]),
        (organization(), Some(false), None, &[LaunchPermission]),
        (yes(), Some(false), enabled(amazon()), &[ImageNotAllowed]),
        (unread(), Some(false), enabled(amazon()), &[ImageNotAllowed]),
        (no(), Some(false), enabled(amazon()), &[ImageNotAllowed, LaunchPermission]),
        (yes(), Some(true), enabled(by_name()), &[]),
        (yes(), Some(false), enabled(young()), &[LaunchPermission]),
        (yes(), Some(true), Some(setting("audit-mode", vec![amazon()])), &[ImageAudited]),
        (yes(), Some(true), Some(setting("disabled", vec![amazon()])), &[]),
        (yes(), Some(false), Some(setting("enabled", Vec::new())), &[ImageNotAllowed]),
    ] {
        let chain = chain(launch, seen, allowed);
        assert_eq!(codes(&chain), expected, "{chain:#?}");
    }
}

#[test]
fn criteria_are_given_again_with_the_owner() {
    let criteria = vec![ImageCriterion {
        providers: vec!["amazon".to_owned()],
        names: vec!["it's".to_owned()],
        product_codes: Vec::new(),
        days_since_created: Some(300),
        days_since_deprecated: Some(0),
        unknown: Vec::new(),
    }];
    let finding =
        causes(&chain(shared_with(&[visitor()], &[]), Some(false), Some(setting("enabled", criteria))))
            .remove(0);
    insta::assert_snapshot!(finding.hint.unwrap(), @r#"
    allow images of account 111122223333, in account 444455556666
    aws ec2 replace-image-criteria-in-allowed-images-settings --region eu-west-1 --image-criteria '[{"ImageProviders":["amazon"],"ImageNames":["it'\''s"],"CreationDateCondition":{"MaximumDaysSinceCreated":300},"DeprecationTimeCondition":{"MaximumDaysSinceDeprecated":0}},{"ImageProviders":["111122223333"]}]'
    "#);
}

#[test]
fn states_and_reasons() {
    let mut chain = chain(shared_with(&[visitor()], &[]), Some(true), None);
    chain.images[0].image.state = "disabled".to_owned();
    chain.derived_accounts = Some(std::collections::BTreeSet::new());
    let reason =
        |code: &str, message: &str| StateReason { code: code.to_owned(), message: message.to_owned() };
    let instance = |reason| Instance {
        id: "i-0123456789abcdef0".to_owned(),
        owner: visitor(),
        image: IMAGE.to_owned(),
        state: "terminated".to_owned(),
        state_reason: reason,
        volumes: Vec::new(),
        auto_scaling_group: None,
    };
    chain.instances = vec![
        instance(Some(reason("Client.InternalError", "Client.InternalError: Client error on launch"))),
        instance(Some(reason(
            "Client.InvalidKMSKey.InvalidState",
            "The KMS key provided is in an incorrect state",
        ))),
        instance(Some(reason("Server.InsufficientInstanceCapacity", ""))),
        instance(Some(reason("Client.New", "new"))),
        instance(None),
    ];
    let told: Vec<String> = causes(&chain)
        .into_iter()
        .map(|finding| {
            format!("{:?}: {}\n  {}", finding.code, finding.message, finding.hint.unwrap_or("-".to_owned()))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    ImageState: the image is disabled: nothing launches from it
      enable it, as its owner, account 111122223333
    aws ec2 enable-image --region eu-west-1 --image-id ami-0123456789abcdef0
    StateReason: the instance is terminated: `Client.InternalError: Client error on launch`
      with an encrypted volume this nearly always means that a key could not be used: no access, a wrong state, or another region's key
    LauncherUnknown: the instance does not tell which user or role of account 444455556666 launched it: that one's IAM policies have to allow the key too
      name it with --principal; CloudTrail tells it
    aws cloudtrail lookup-events --region eu-west-1 --lookup-attributes 'AttributeKey=ResourceName,AttributeValue=i-0123456789abcdef0' --query 'Events[?EventName=='\''RunInstances'\''].CloudTrailEvent'
    StateReason: the instance is terminated: `Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state`
      EC2 could not use the key; it says so for keys without access too, whatever their state
    StateReason: the instance is terminated: `Server.InsufficientInstanceCapacity`
      AWS had no capacity for it; keys are not the reason
    StateReason: the instance is terminated: `Client.New: new`
      -
    StateReason: the instance is terminated, and EC2 gives no reason
      -
    ");
}

#[test]
fn a_key_of_another_region_is_never_planned() {
    let mut chain = chain(shared_with(&[visitor()], &[]), Some(true), None);
    let elsewhere = KEY.replace("eu-west-1", "us-east-1");
    chain.images[0].snapshots.push(snapshot(Some(&elsewhere)));
    assert_eq!(chain.keys(), [&KEY.parse::<KeyArn>().unwrap()]);
    let finding = causes(&chain).into_iter().find(|finding| finding.code == FindingCode::KeyRegion).unwrap();
    assert_eq!(finding.subject, elsewhere);
    assert!(finding.hint.unwrap().contains(KEY));
}

#[test]
fn default_keys_count_for_what_others_own_and_where_everything_is_encrypted() {
    let mut chain = chain(shared_with(&[visitor()], &[]), Some(true), None);
    let set = |chain: &mut Chain, key: &str, is_always| {
        let ebs = Reading::Read(EbsDefaults { key: key.to_owned(), is_always });
        let requester = Requester { ebs, ..Requester::default() };
        chain.requesters = [(visitor(), requester.clone()), (owner(), requester)].into();
    };
    let own = "arn:aws:kms:eu-west-1:444455556666:key/5678efab-34cd-56ef-78ab-567890abcdef";
    set(&mut chain, own, false);
    assert!(chain.default_key(visitor()).is_some(), "another account's snapshot is encrypted anew");
    assert!(chain.default_key(owner()).is_none(), "one's own stays under its key");
    set(&mut chain, "alias/aws/ebs", false);
    assert!(chain.default_key(visitor()).is_none(), "whoever launches may use the key of AWS's");
    chain.images[0].snapshots = vec![snapshot(None)];
    set(&mut chain, own, false);
    assert!(chain.default_key(visitor()).is_none(), "nothing is encrypted");
    set(&mut chain, own, true);
    assert!(chain.default_key(owner()).is_some(), "everything is");
}

/// Why an account's default key is needed, and only where it is.
#[test]
fn the_default_key_is_explained() {
    let default = "arn:aws:kms:eu-west-1:444455556666:key/0987dcba-09fe-87dc-65ba-ab0987654321";
    let told = |key: Option<&str>, is_always: bool, keys: &[&str]| {
        let mut chain = chain(shared_with(&[visitor()], &[]), Some(true), None);
        let ebs = EbsDefaults { key: default.to_owned(), is_always };
        chain.requesters.get_mut(&visitor()).unwrap().ebs = Reading::Read(ebs);
        chain.images[0].snapshots = vec![snapshot(key)];
        let mut request = request(&[]);
        request.keys = keys.iter().map(|key| key.parse().unwrap()).collect();
        request.only_for = [(default.parse().unwrap(), [visitor()].into())].into();
        let found = found(&chain, &request);
        found.into_iter().find(|finding| finding.code == FindingCode::DefaultEbsKey).unwrap().message
    };
    let foreign = told(Some(KEY), false, &[KEY, default]);
    assert!(
        foreign
            .starts_with("a second key: the encrypted snapshot `snap-0aaaaaaaaaaaaaaaa` belongs to another"),
        "{foreign}"
    );
    let by_default = told(None, true, &[default]);
    assert!(
        by_default.starts_with("account 444455556666 encrypts every new volume (encryption by default)"),
        "{by_default}"
    );
}

fn failed(code: &str, message: &str) -> Instance {
    Instance {
        id: "i-0123456789abcdef0".to_owned(),
        owner: visitor(),
        image: IMAGE.to_owned(),
        state: "terminated".to_owned(),
        state_reason: Some(StateReason { code: code.to_owned(), message: message.to_owned() }),
        volumes: Vec::new(),
        auto_scaling_group: None,
    }
}

#[test]
fn a_key_that_the_launch_itself_names_can_not_be_seen() {
    let codes = |instance: Instance, keys: &[&str]| -> Vec<FindingCode> {
        let mut chain = chain(shared_with(&[visitor()], &[]), Some(true), None);
        chain.images[0].snapshots = vec![snapshot(None)];
        chain.instances = vec![instance];
        let mut request = request(&[]);
        request.keys = keys.iter().map(|key| key.parse().unwrap()).collect();
        found(&chain, &request).iter().map(|finding| finding.code).collect()
    };
    let of_a_key = || failed("Client.InternalError", "Client.InternalError: Client error on launch");
    assert!(codes(of_a_key(), &[]).contains(&FindingCode::KeyUnseen));
    assert!(!codes(of_a_key(), &[KEY]).contains(&FindingCode::KeyUnseen), "one is looked at");
    let other = failed("Server.InsufficientInstanceCapacity", "no capacity");
    assert!(!codes(other, &[]).contains(&FindingCode::KeyUnseen), "no key is suspected");
    assert_eq!(FindingCode::KeyUnseen.severity(), Severity::LeftOver);
}

/// That the account was derived has to be known, by the record or, where an old plan file has none, by what is there.
#[test]
fn a_whole_account_that_nobody_named_is_told() {
    let told = |derived: Option<&[AccountId]>, is_scaled: bool| -> Vec<FindingCode> {
        let mut instance = failed("Client.InternalError", "");
        instance.auto_scaling_group = is_scaled.then(|| "web".to_owned());
        let derived_accounts = derived.map(|accounts| accounts.iter().copied().collect());
        let chain = Chain { instances: vec![instance], derived_accounts, ..Chain::default() };
        found(&chain, &request(&[visitor()])).iter().map(|finding| finding.code).collect()
    };
    assert!(told(Some(&[visitor()]), false).contains(&FindingCode::WholeAccount));
    assert!(told(None, false).contains(&FindingCode::WholeAccount), "not known to be named");
    assert!(!told(Some(&[]), false).contains(&FindingCode::WholeAccount), "named");
    assert!(!told(None, true).contains(&FindingCode::WholeAccount), "its group's role launched");
}

#[test]
fn a_caller_that_can_be_no_grantee_is_told_what_to_do() {
    let scp = "arn:aws:organizations::999988887777:policy/o-example/service_control_policy/p-0example";
    let told = |reason: NoGrantee, principal: &str, message: String| {
        let stranger = Stranger {
            principal: principal.to_owned(),
            account: Some(visitor()),
            reason,
            action: "kms:Decrypt".to_owned(),
            key: None,
            message,
        };
        let chain = Chain { strangers: vec![stranger], region: "eu-west-1".to_owned(), ..Chain::default() };
        let mut found = found(&chain, &request(&[]));
        assert_eq!(found.len(), 1, "{found:?}");
        let Told { code, message, hint, .. } = found.remove(0);
        (code, format!("{message}; {}", hint.unwrap_or_default()))
    };
    let own = "arn:aws:sts::444455556666:assumed-role/aws:ec2-infrastructure/i-0";
    let by_scp = format!("with an explicit deny in a service control policy: {scp}");
    let (code, text) = told(NoGrantee::IdentityOnlyRole, own, by_scp);
    assert_eq!(code, FindingCode::IdentityOnlyRoleDenied);
    assert!(text.contains(&format!("by a Deny in a service control policy, `{scp}`")), "{text}");
    assert!(text.contains("arn:aws:iam::*:role/aws:ec2-infrastructure"), "{text}");
    let by_key = "with an explicit deny in a resource-based policy".to_owned();
    let (code, text) = told(NoGrantee::IdentityOnlyRole, "444455556666:aws:ec2-infrastructure:i-0", by_key);
    assert_eq!(code, FindingCode::IdentityOnlyRoleDenied);
    assert!(text.contains("arn:aws:iam::444455556666:role/aws:ec2-infrastructure"), "{text}");
    // A grant lets it in, or none: no policy has to.
    let by_nobody = "because no resource-based policy allows the kms:Decrypt action".to_owned();
    let (code, text) = told(NoGrantee::IdentityOnlyRole, own, by_nobody.clone());
    assert!(code == FindingCode::NoGrantee && text.contains("name whoever launches"), "{text}");
    let (code, text) = told(NoGrantee::IdAlone, "AROAEXAMPLEEXAMPLE123:s", by_nobody);
    assert!(code == FindingCode::NoGrantee && text.contains("the caller's account 444455556666"), "{text}");
}

/// What AWS may answer next year: no conclusion is drawn from it, and its word is told.
#[test]
fn what_is_newer_is_told_and_nothing_is_concluded() {
    use FindingCode::{AssociatedKeys, ImageNotAllowed, UnknownValue};
    let shared = || shared_with(&[visitor()], &[]);
    let watermarks =
        || ImageCriterion { unknown: vec!["imageWatermarkSet".to_owned()], ..ImageCriterion::default() };
    let provider =
        || ImageCriterion { providers: vec!["aws-quantum".to_owned()], ..ImageCriterion::default() };
    let plain = || chain(shared(), None, None);
    let with_image = |state: &str| {
        let mut chain = plain();
        chain.images[0].image.state = state.to_owned();
        chain
    };
    let with_snapshot = |change: &dyn Fn(&mut Snapshot)| {
        let mut chain = plain();
        change(chain.images[0].snapshots[0].snapshot.as_mut().unwrap());
        chain
    };
    let allowed = |state: &str, seen, criteria| chain(shared(), seen, Some(setting(state, criteria)));
    let other = "arn:aws:kms:eu-west-1:444455556666:key/1";
    for (chain, expected, word) in [
        (with_image("hibernating"), &[UnknownValue][..], "`hibernating`"),
        (with_snapshot(&|snapshot| snapshot.state = "thawing".to_owned()), &[UnknownValue], "`thawing`"),
        (
            with_snapshot(&|snapshot| snapshot.unknown = vec!["sse-quantum".to_owned()]),
            &[UnknownValue],
            "`sse-quantum`",
        ),
        (
            with_snapshot(&|snapshot| snapshot.associated_keys = vec![other.to_owned()]),
            &[AssociatedKeys],
            other,
        ),
        (allowed("enabled", None, vec![watermarks()]), &[UnknownValue], "`imageWatermarkSet`"),
        (allowed("enabled", Some(true), vec![watermarks()]), &[], ""),
        (allowed("enabled", None, vec![provider()]), &[UnknownValue], "`aws-quantum`"),
        (allowed("enforced", None, vec![]), &[UnknownValue], "`enforced`"),
        (allowed("disabled", None, vec![watermarks()]), &[], ""),
    ] {
        let found = causes(&chain);
        assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), expected, "{word}");
        assert!(found.iter().all(|finding| finding.message.contains(word)), "{found:?}");
    }
    // A criterion that keeps the image out by its owner beside one that is not understood: no command drops that one.
    let others = ImageCriterion {
        providers: vec!["999988887777".to_owned()],
        unknown: vec!["imageWatermarkSet".to_owned()],
        ..ImageCriterion::default()
    };
    let found = causes(&allowed("enabled", Some(false), vec![others]));
    let refused = found.iter().find(|finding| finding.code == ImageNotAllowed).unwrap();
    let hint = refused.hint.as_deref().unwrap();
    assert!(hint.contains("by hand") && !hint.contains("aws ec2"), "{hint}");
}
