//! The reads of EC2 over the wire: against moto what it has; what it lacks (images with snapshots of one's own, shared
//! images, the default EBS key, Allowed AMIs) against answers in the shape that AWS documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use keymend::access::{GranteeRef, UnresolvedRequest};
use keymend::arn::{AccountId, KeyArn, Partition};
use keymend::cloud::aws::{Aws, AwsOptions};
use keymend::cloud::ec2::{ObserveEc2 as _, Viewpoint};
use keymend::cloud::observer::observe;
use keymend::launch::{self, Targets};
use keymend::observation::template::TemplateRef;
use keymend::observation::{OrganizationPolicies, RamPolicy};
use keymend::permissions::survey_policy;
use keymend::plan::conclusion::Conclusion;
use keymend::plan::plan;
use keymend::plan::survey::GapReason;
use keymend::survey::{self, Scope};

use crate::moto::{Account, Moto, Operator, Proxy, REGION};

const KEY_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}]}"#;

pub(crate) fn options(operator: &Operator, others: &[&Account]) -> AwsOptions {
    AwsOptions {
        profile: Some(operator.default_profile()),
        account_profiles: others.iter().map(|account| (account.id, account.id.to_string())).collect(),
        config_file: Some(operator.config_file()),
        ..AwsOptions::default()
    }
}

#[tokio::test]
async fn what_moto_has() {
    let moto = Moto::shared();
    let (account, other) = (Account::new(moto).await, Account::new(moto).await);
    let key = account.create_key(KEY_POLICY).await;
    let made = moto.made("ec2.py", &account, &[key.to_string(), other.id.to_string()]);
    let id = |name: &str| made[name].as_str().unwrap().to_owned();
    // moto can set the default key, but not tell it.
    let answer = format!("<R><requestId>r</requestId><kmsKeyId>{key}</kmsKeyId></R>");
    let proxy = Proxy::telling(moto, [("GetEbsDefaultKmsKeyId".to_owned(), answer)].into());
    let operator = Operator::new(proxy.endpoint(), &[&account, &other]);
    let aws = Aws::connect(&options(&operator, &[&other])).await.unwrap();
    let from = Viewpoint::default();

    let image = aws.image(&from, &id("image")).await.unwrap().unwrap();
    assert_eq!(
        (image.owner, image.name.as_str(), image.state.as_str()),
        (account.id, "golden & old", "available")
    );
    assert_eq!((image.snapshots.len(), image.is_public), (1, false));
    let snapshot = aws.snapshot(&from, &id("snapshot")).await.unwrap().unwrap();
    assert_eq!(
        (snapshot.owner, snapshot.is_encrypted, snapshot.key.as_ref()),
        (account.id, true, Some(&key))
    );
    let volume = aws.volume(&from, &id("volume")).await.unwrap().unwrap();
    assert_eq!((volume.is_encrypted, volume.key.as_ref()), (true, Some(&key)));
    let instance = aws.instance(&from, &id("instance")).await.unwrap().unwrap();
    assert_eq!((instance.owner, instance.state.as_str()), (account.id, "terminated"));
    assert_eq!(instance.image, id("image"));
    assert_eq!(instance.state_reason.unwrap().code, "Client.UserInitiatedShutdown");

    let template = |text: &str| text.parse::<TemplateRef>().unwrap();
    let second = aws.template(&from, &template("web:2")).await.unwrap().unwrap();
    assert_eq!((second.owner, second.version.as_str()), (account.id, "2"));
    assert_eq!(second.image, Some(id("image")));
    assert_eq!(second.devices[0].key, Some(key.to_string()));
    let first = aws.template(&from, &template(&id("template"))).await.unwrap().unwrap();
    assert_eq!((first.version.as_str(), first.devices.len()), ("1", 0));
    let group = aws.auto_scaling_group(&from, "web & api").await.unwrap().unwrap();
    assert_eq!(group.templates, [template(&format!("{}:2", id("template")))]);
    assert_eq!(group.owner, account.id);
    let configuration = TemplateRef::Configuration("old".to_owned());
    let old = aws.template(&from, &configuration).await.unwrap().unwrap();
    assert_eq!((old.image, old.devices.len()), (Some(id("image")), 0));
    assert_eq!(aws.auto_scaling_group(&from, "api").await, Ok(None));
    assert_eq!(aws.template(&from, &TemplateRef::Configuration("new".to_owned())).await, Ok(None));
    assert_eq!(aws.template(&from, &template("unheard-of")).await, Ok(None));

    let launch = aws.launch_permissions(&from, &id("image")).await.unwrap();
    let volumes = aws.volume_permissions(&from, &id("snapshot")).await.unwrap();
    assert_eq!((launch.accounts, volumes.accounts), (vec![other.id], vec![other.id]));
    let defaults = aws.ebs_defaults(&from).await.unwrap();
    assert_eq!((defaults.key, defaults.is_always), (key.to_string(), true));
    assert!(!aws.ebs_defaults(&from.of(other.id)).await.unwrap().is_always);

    for (found, what) in [
        (aws.image(&from, "ami-0ffffffffffffffff").await.unwrap().is_some(), "image"),
        (aws.snapshot(&from, "snap-0ffffffffffffffff").await.unwrap().is_some(), "snapshot"),
        (aws.volume(&from, "vol-0ffffffffffffffff").await.unwrap().is_some(), "volume"),
        (aws.instance(&from, "i-0ffffffffffffffff").await.unwrap().is_some(), "instance"),
        (aws.image(&from.of(other.id), &id("image")).await.unwrap().is_some(), "moto shares no images"),
    ] {
        assert!(!found, "{what}");
    }
}

/// An image of three snapshots under two keys, as EC2 would tell of it.
fn answers(owner: AccountId, keys: [&KeyArn; 3], visitor: AccountId) -> BTreeMap<String, String> {
    let mut devices = String::new();
    let mut answers = BTreeMap::new();
    for (number, key) in keys.into_iter().enumerate() {
        let id = format!("snap-0000000000000000{number}");
        write!(
            devices,
            "<item><deviceName>/dev/sd{number}</deviceName><ebs><snapshotId>{id}</snapshotId></ebs></item>"
        )
        .unwrap();
        let snapshot = format!(
            "<R><snapshotSet><item><snapshotId>{id}</snapshotId><ownerId>{owner}</ownerId><status>completed</status>\
             <encrypted>true</encrypted><kmsKeyId>{key}</kmsKeyId></item></snapshotSet></R>"
        );
        answers.insert(format!("DescribeSnapshots {id}"), snapshot);
    }
    let image = format!(
        "<R><imagesSet><item><imageId>ami-0123456789abcdef0</imageId><imageState>available</imageState>\
         <imageOwnerId>{owner}</imageOwnerId><name>golden</name><blockDeviceMapping>{devices}</blockDeviceMapping></item>\
         </imagesSet></R>"
    );
    let share = |list: &str| format!("<R><{list}><item><userId>{visitor}</userId></item></{list}></R>");
    answers.insert("DescribeImages".to_owned(), image);
    answers.insert("DescribeImageAttribute".to_owned(), share("launchPermission"));
    answers.insert("DescribeSnapshotAttribute".to_owned(), share("createVolumePermission"));
    answers
        .insert("GetEbsDefaultKmsKeyId".to_owned(), "<R><kmsKeyId>alias/aws/ebs</kmsKeyId></R>".to_owned());
    answers.insert("GetEbsEncryptionByDefault".to_owned(), "<R/>".to_owned());
    answers.insert("GetAllowedImagesSettings".to_owned(), "<R><state>disabled</state></R>".to_owned());
    answers
}

#[tokio::test]
async fn an_image_under_two_keys_for_five_grantees_is_planned_in_six_round_trips() {
    let moto = Moto::shared();
    let (owner, launcher) = (Account::new(moto).await, Account::new(moto).await);
    let (key, other_key) = (owner.create_key(KEY_POLICY).await, owner.create_key(KEY_POLICY).await);
    let mut grantees = vec![GranteeRef::Account(launcher.id)];
    for number in 0..4 {
        let account = if number % 2 == 0 { &launcher } else { &owner };
        account.create_role("/", &format!("app-{number}")).await;
        let role = format!("arn:aws:iam::{}:role/app-{number}", account.id);
        grantees.push(GranteeRef::Entity(role.parse().unwrap()));
    }
    let own = answers(owner.id, [&key, &other_key, &key], launcher.id);
    let proxy = Proxy::telling(moto, own);
    let operator = Operator::new(proxy.endpoint(), &[&owner, &launcher]);
    let aws = Aws::connect(&options(&operator, &[&launcher])).await.unwrap();

    let mut asked = UnresolvedRequest::documented(Vec::new(), grantees);
    let targets = Targets { images: vec!["ami-0123456789abcdef0".to_owned()], ..Targets::default() };
    let mut chain = launch::trace(&targets, &asked, &aws).await.unwrap();
    launch::complete(&mut asked, &mut chain).unwrap();
    let (request, observation) = observe(&asked, &OrganizationPolicies::default(), &aws).await.unwrap();
    assert_eq!(request.keys, [key, other_key]);
    let planned = plan(&request, &observation);
    assert!(!planned.changes.is_empty() && !planned.is_blocked(), "{:?}", planned.findings);
    let (calls, round_trips) = proxy.take();
    assert_eq!(calls.iter().filter(|call| call.starts_with("DescribeSnapshots")).count(), 3, "{calls:?}");
    // Of each key the policies `default` and `AWS_RAM`, which moto has never heard of.
    assert_eq!(calls.iter().filter(|call| *call == "GetKeyPolicy").count(), 4, "{calls:?}");
    let keys = observation.keys.values();
    assert!(keys.map(|key| &key.ram_policy).all(|ram_policy| *ram_policy == RamPolicy::Absent));
    // moto's accounts are reached by AssumeRole alone, which is one of them.
    assert!(round_trips <= 5, "{round_trips} round trips: {calls:?}");
}

#[tokio::test]
async fn a_survey_finds_who_can_not_launch() {
    let moto = Moto::shared();
    let (owner, launcher) = (Account::new(moto).await, Account::new(moto).await);
    let own = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:*","Resource":"*"}}]}}"#,
        owner.id
    );
    let (open, closed) = (owner.create_key(KEY_POLICY).await, owner.create_key(&own).await);
    let proxy = Proxy::telling(moto, answers(owner.id, [&open, &closed, &open], launcher.id));
    let operator = Operator::new(proxy.endpoint(), &[&owner, &launcher]);
    let aws = Aws::connect(&options(&operator, &[&launcher])).await.unwrap();
    let unheard: AccountId = "999988887777".parse().unwrap();
    let scope = Scope { accounts: vec![owner.id, unheard], regions: vec![REGION.to_owned()] };
    let found = survey::survey(&scope, &aws).await;
    assert_eq!(found.places.len(), 1);
    assert_eq!((found.places[0].encrypted, found.places[0].shared), (1, 1));
    let pairs: BTreeMap<String, Conclusion> =
        found.pairs().map(|(_, pair)| (pair.key.to_string(), pair.conclusion)).collect();
    let concluded = [(open.to_string(), Conclusion::CanLaunch), (closed.to_string(), Conclusion::Missing)];
    assert_eq!(pairs, concluded.into());
    let to_mend: Vec<String> = found.to_mend().keys().map(ToString::to_string).collect();
    assert_eq!(to_mend, [closed.to_string()]);
    // An account that no credentials serve is told, and ends nothing.
    let gaps: Vec<_> = found.gaps.iter().map(|gap| (gap.account, gap.reason)).collect();
    assert_eq!(gaps, [(unheard, GapReason::NoCredentials)]);
    // What was called is what `keymend permissions --survey` permits, and nothing in that is permitted in vain.
    let permitted = survey_policy(Partition::Aws, Some(owner.id));
    let permitted =
        permitted["Statement"].as_array().unwrap().iter().flat_map(|own| own["Action"].as_array().unwrap());
    let permitted: BTreeSet<&str> =
        permitted.map(|action| action.as_str().unwrap().split_once(':').unwrap().1).collect();
    let (calls, _) = proxy.take();
    let called = calls.iter().map(|call| call.split(' ').next().unwrap());
    let called: BTreeSet<&str> =
        called.filter(|call| !["AssumeRole", "GetCallerIdentity"].contains(call)).collect();
    assert_eq!(called, permitted);
}
