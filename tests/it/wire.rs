//! The library's AWS side, over the wire.

use std::collections::BTreeMap;

use keymend::access::{KeyRef, PolicyName};
use keymend::arn::{AccountId, EntityArn, EntityKind, EntityName, KeyArn, PolicyArn};
use keymend::cloud::aws::{Aws, AwsOptions};
use keymend::cloud::{CloudErrorKind, Observe, Write};
use keymend::observation::KeyManager;
use keymend::plan::{KeyPolicyUpdate, Operation};
use keymend::policy::PolicyDocument;

use crate::moto::{Account, Moto, Operator, Proxy, REGION};

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"A+B 100%","Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#;

fn options(operator: &Operator, others: &[&Account]) -> AwsOptions {
    AwsOptions {
        profile: Some(operator.default_profile()),
        account_profiles: others.iter().map(|account| (account.id, account.id.to_string())).collect(),
        config_file: Some(operator.config_file()),
        ..AwsOptions::default()
    }
}

/// A key account and a requester account, and the library as their common operator.
async fn two_accounts() -> (Account, Account, Aws) {
    let moto = Moto::shared();
    let (key, requester) = (Account::new(moto).await, Account::new(moto).await);
    let operator = Operator::new(moto.endpoint(), &[&key, &requester]);
    let aws = Aws::connect(&options(&operator, &[&requester])).await.unwrap();
    // The profiles are read again when credentials are loaded.
    aws.caller(requester.id).await.unwrap();
    aws.default_caller().await.unwrap();
    (key, requester, aws)
}

fn nobody() -> AccountId {
    "999999999999".parse().unwrap()
}

fn named(kind: EntityKind, name: &str) -> EntityName {
    EntityName { kind, name: name.to_owned() }
}

fn attach(policy: &PolicyArn, entity: EntityArn) -> Operation {
    let document = PolicyDocument::parse(DOCUMENT).unwrap().fingerprint(policy.partition);
    Operation::AttachPolicy { policy: policy.clone(), entity, document }
}

#[tokio::test]
async fn each_account_has_its_caller() {
    let moto = Moto::shared();
    let (key, requester) = (Account::new(moto).await, Account::new(moto).await);
    let proxy = Proxy::new(moto);
    let operator = Operator::new(proxy.endpoint(), &[&key, &requester]);
    let aws = Aws::connect(&options(&operator, &[&requester])).await.unwrap();
    assert_eq!(aws.default_region(), Some(REGION));

    let (default, of_key, of_requester, of_nobody) = tokio::join!(
        aws.default_caller(),
        aws.caller(key.id),
        aws.caller(requester.id),
        aws.caller(nobody())
    );
    let default = default.unwrap();
    assert_eq!(default.account, key.id);
    assert!(
        default.arn.starts_with(&format!("arn:aws:sts::{}:assumed-role/operator/", key.id)),
        "{default:?}"
    );
    assert_eq!(of_key.unwrap(), Some(default));
    assert_eq!(of_requester.unwrap().unwrap().account, requester.id);
    assert_eq!(of_nobody.unwrap(), None);
    let (calls, round_trips) = proxy.take();
    assert_eq!(calls, ["AssumeRole", "AssumeRole", "GetCallerIdentity", "GetCallerIdentity"]);
    assert_eq!(round_trips, 2);

    // The default credentials, and those of a profile.
    for account in [&key, &requester] {
        account.create_user("/", "ann").await;
        let policy = account.create_policy("KmsKeyUsagePolicy", DOCUMENT).await;
        let entity = format!("arn:aws:iam::{}:user/ann", account.id).parse().unwrap();
        let attachment = attach(&policy, entity);
        aws.get_ready(&attachment).await.unwrap();
        proxy.take();
        aws.perform(&attachment).await.unwrap();
        assert_eq!(proxy.take().0, ["AttachUserPolicy"], "nothing between the last read and the write");
    }

    let error = aws.iam_quotas(nobody()).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::NoCredentials);
    assert_eq!(error.message, "no credentials serve account 999999999999");
}

#[tokio::test]
async fn a_profile_of_another_account_is_refused() {
    let moto = Moto::shared();
    let (key, requester) = (Account::new(moto).await, Account::new(moto).await);
    let operator = Operator::new(moto.endpoint(), &[&key, &requester]);
    let aws = Aws::connect(&AwsOptions {
        account_profiles: BTreeMap::from([(nobody(), requester.id.to_string())]),
        ..options(&operator, &[])
    })
    .await
    .unwrap();
    let error = aws.caller(nobody()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "sts:GetCallerIdentity on `profile {0}`, region {REGION} failed: these credentials are of account \
             {0}, not of account 999999999999",
            requester.id
        )
    );
}

#[tokio::test]
async fn a_role_is_assumed_in_the_accounts_that_are_left() {
    let moto = Moto::shared();
    let (key, requester) = (Account::new(moto).await, Account::new(moto).await);
    let proxy = Proxy::new(moto);
    let operator = Operator::new(proxy.endpoint(), &[&key]);
    let aws = Aws::connect(&AwsOptions {
        assume_role_name: Some("org/keymend".to_owned()),
        endpoint_url: Some(proxy.endpoint()),
        ..options(&operator, &[])
    })
    .await
    .unwrap();
    assert_eq!(aws.caller(key.id).await.unwrap().unwrap().account, key.id);
    proxy.take();
    let (caller, again) = tokio::join!(aws.caller(requester.id), aws.caller(requester.id));
    let caller = caller.unwrap().unwrap();
    assert_eq!(caller.account, requester.id);
    assert!(caller.arn.starts_with(&format!("arn:aws:sts::{}:assumed-role/", requester.id)), "{caller:?}");
    assert_eq!(again.unwrap(), Some(caller));
    assert_eq!(proxy.take().0, ["AssumeRole"]);

    requester.create_user("/", "ann").await;
    let policy = requester.create_policy("KmsKeyUsagePolicy", DOCUMENT).await;
    let entity = format!("arn:aws:iam::{}:user/ann", requester.id).parse().unwrap();
    let attachment = attach(&policy, entity);
    aws.get_ready(&attachment).await.unwrap();
    assert_eq!(proxy.take().0, ["GetCallerIdentity"]);
    aws.perform(&attachment).await.unwrap();
    assert_eq!(proxy.take().0, ["AttachUserPolicy"], "nothing between the last read and the write");
    let ann = aws.entity(requester.id, &named(EntityKind::User, "ann")).await.unwrap().unwrap();
    assert_eq!(ann.attached, [policy.to_string()]);
}

/// Before it is known whose the credentials are, reads go beside that question. What they tell of the wrong account's user
/// of the same name is not taken.
#[tokio::test]
async fn what_a_wrong_guess_reads_is_dropped() {
    let moto = Moto::shared();
    let (own, other) = (Account::new(moto).await, Account::new(moto).await);
    for account in [&own, &other] {
        account.create_user("/", "ann").await;
    }
    let ann = named(EntityKind::User, "ann");
    for role in [None, Some("keymend".to_owned())] {
        let proxy = Proxy::new(moto);
        let operator = Operator::new(proxy.endpoint(), &[&own]);
        let options = AwsOptions {
            assume_role_name: role.clone(),
            endpoint_url: Some(proxy.endpoint()),
            ..options(&operator, &[])
        };
        let aws = Aws::connect(&options).await.unwrap();
        let (of_own, of_other) = tokio::join!(aws.entity(own.id, &ann), aws.entity(other.id, &ann));
        assert_eq!(of_own.unwrap().unwrap().arn.account, own.id);
        match role {
            None => assert_eq!(of_other.unwrap_err().kind, CloudErrorKind::NoCredentials),
            Some(_) => assert_eq!(of_other.unwrap().unwrap().arn.account, other.id),
        }
        let guessed = proxy.take().0.into_iter().filter(|call| call == "ListAttachedUserPolicies").count();
        assert_eq!(guessed, if role.is_some() { 3 } else { 2 }, "both were read before the answer");
    }
}

#[tokio::test]
async fn keys_by_each_of_their_names() {
    let (account, _, aws) = two_accounts().await;
    let key = account.create_key(DOCUMENT).await;
    account.kms.create_alias().alias_name("alias/app").target_key_id(&key.id).send().await.unwrap();
    let alias_arn = format!("arn:aws:kms:{REGION}:{}:alias/app", account.id);
    for name in [key.to_string(), key.id.clone(), "alias/app".to_owned(), alias_arn] {
        let metadata = aws.describe_key(&name.parse().unwrap()).await.unwrap();
        assert_eq!(metadata.arn, key);
        assert_eq!(metadata.manager, KeyManager::Customer);
        assert_eq!(
            [&*metadata.state, &*metadata.spec, &*metadata.usage, &*metadata.origin],
            ["Enabled", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS"]
        );
        assert_eq!(metadata.related_keys, []);
    }
    for name in ["alias/none", "12345678-12ab-34cd-56ef-1234567890ab"] {
        let error = aws.describe_key(&name.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::NotFound);
        assert_eq!((error.account, error.region.as_deref()), (Some(account.id), Some(REGION)));
    }
}

#[tokio::test]
async fn keys_of_the_other_account_and_another_region() {
    let (_, account, aws) = two_accounts().await;
    let output = account.kms.create_key().multi_region(true).send().await.unwrap();
    let primary: KeyArn = output.key_metadata().unwrap().arn().unwrap().parse().unwrap();
    account.kms.replicate_key().key_id(&primary.id).replica_region("us-west-2").send().await.unwrap();
    let replica = KeyArn { region: "us-west-2".to_owned(), ..primary.clone() };
    for (key, related) in [(&primary, &replica), (&replica, &primary)] {
        let metadata = aws.describe_key(&KeyRef::Arn(key.clone())).await.unwrap();
        assert_eq!((&metadata.arn, &*metadata.related_keys), (key, std::slice::from_ref(related)));
    }
}

#[tokio::test]
async fn key_policies_come_back_as_written() {
    let (account, _, aws) = two_accounts().await;
    let key = account.create_key(DOCUMENT).await;
    let before = aws.key_policy(&key).await.unwrap();
    assert_eq!(before, DOCUMENT);
    let after = DOCUMENT.replace(',', ",\n  ");
    let update = KeyPolicyUpdate { key: key.clone(), before, after: after.clone() };
    let receipt = aws.perform(&Operation::UpdateKeyPolicy(update)).await.unwrap();
    assert!(receipt.request_id.is_some());
    assert_eq!(aws.key_policy(&key).await.unwrap(), after);

    let missing = KeyArn { id: "12345678-12ab-34cd-56ef-1234567890ab".to_owned(), ..key };
    let error = aws.key_policy(&missing).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (CloudErrorKind::NotFound, Some("NotFoundException")));
    assert_eq!(error.resource, missing.to_string());
}

#[tokio::test]
async fn users_roles_and_groups() {
    let (_, account, aws) = two_accounts().await;
    let policy = account.create_policy("KmsKeyUsagePolicy", DOCUMENT).await;
    account.create_user("/team/", "ann").await;
    account.create_role("/service/", "app").await;
    account.create_group("ops").await;
    for (kind, name, path) in [
        (EntityKind::User, "ann", "/team/"),
        (EntityKind::Role, "app", "/service/"),
        (EntityKind::Group, "ops", "/"),
    ] {
        let before = aws.entity(account.id, &named(kind, name)).await.unwrap().unwrap();
        assert_eq!(before.arn.to_string(), format!("arn:aws:iam::{}:{kind}{path}{name}", account.id));
        assert_eq!(before.attached, Vec::<String>::new());
        let operation = attach(&policy, before.arn);
        assert!(aws.perform(&operation).await.unwrap().request_id.is_some());
        let after = aws.entity(account.id, &named(kind, name)).await.unwrap().unwrap();
        assert_eq!(after.attached, [policy.to_string()]);
        assert_eq!(aws.entity(account.id, &named(kind, "nobody")).await.unwrap(), None);
    }
    let policy = aws.managed_policy(&policy, None).await.unwrap().unwrap();
    assert_eq!(
        policy.attached_to,
        [named(EntityKind::User, "ann"), named(EntityKind::Role, "app"), named(EntityKind::Group, "ops")]
    );
}

#[tokio::test]
async fn policies_by_name() {
    let (_, account, aws) = two_accounts().await;
    let plain = account.create_policy("KmsKeyUsagePolicy", DOCUMENT).await;
    let suffixed = account.create_policy("kmskeyusagepolicy-1234abcd", DOCUMENT).await;
    account.create_policy("KmsKeyUsagePolicyOther", DOCUMENT).await;
    account.create_policy_version(&suffixed, DOCUMENT).await;
    let policies = aws.policies_named(account.id, &PolicyName::default()).await.unwrap();
    assert_eq!(policies, [(plain, "v1".to_owned()), (suffixed, "v2".to_owned())]);
    let other: PolicyName = "None".parse().unwrap();
    assert_eq!(aws.policies_named(account.id, &other).await.unwrap(), []);
}

#[tokio::test]
async fn tags_of_keys_and_policies() {
    let (_, account, aws) = two_accounts().await;
    let key = account.create_key(DOCUMENT).await;
    let policy = account.create_policy("KmsKeyUsagePolicy", DOCUMENT).await;
    assert_eq!(aws.key_tags(&key).await.unwrap(), [].into());
    assert_eq!(aws.policy_tags(&policy).await.unwrap(), [].into());
    let tag = aws_sdk_kms::types::Tag::builder().tag_key("ManagedBy").tag_value("terraform").build().unwrap();
    account.kms.tag_resource().key_id(&key.id).tags(tag).send().await.unwrap();
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("web").build().unwrap();
    account.iam.tag_policy().policy_arn(policy.to_string()).tags(tag).send().await.unwrap();
    let own = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    assert_eq!(aws.key_tags(&key).await.unwrap(), own("ManagedBy", "terraform"));
    assert_eq!(aws.policy_tags(&policy).await.unwrap(), own("team", "web"));
}

#[tokio::test]
async fn policies_are_created_and_their_versions_replaced() {
    let (_, account, aws) = two_accounts().await;
    let policy: PolicyArn =
        format!("arn:aws:iam::{}:policy/kms/KmsKeyUsagePolicy", account.id).parse().unwrap();
    assert_eq!(aws.managed_policy(&policy, None).await.unwrap(), None);
    let create = Operation::CreatePolicy {
        policy: policy.clone(),
        description: "Use of encrypted images".to_owned(),
        after: DOCUMENT.to_owned(),
    };
    assert!(aws.perform(&create).await.unwrap().request_id.is_some());
    let error = aws.perform(&create).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (CloudErrorKind::AlreadyExists, "iam:CreatePolicy"));
    let read = account.iam.get_policy().policy_arn(policy.to_string()).send().await.unwrap();
    assert_eq!(read.policy().unwrap().description(), Some("Use of encrypted images"));
    assert_eq!(aws.managed_policy(&policy, Some("v1")).await.unwrap().unwrap().document, DOCUMENT);

    for number in 2..=5 {
        let replace = Operation::CreatePolicyVersion {
            policy: policy.clone(),
            base_version: format!("v{}", number - 1),
            before: String::new(),
            after: DOCUMENT.replace("100", &number.to_string()),
            serves: Vec::new(),
        };
        assert!(aws.perform(&replace).await.unwrap().request_id.is_some());
    }
    for hint in [None, Some("v5"), Some("v3"), Some("v9")] {
        let full = aws.managed_policy(&policy, hint).await.unwrap().unwrap();
        assert_eq!(full.document, DOCUMENT.replace("100", "5"));
        let versions: Vec<_> =
            full.versions.iter().map(|version| (&*version.id, version.is_default)).collect();
        assert_eq!(versions, [("v1", false), ("v2", false), ("v3", false), ("v4", false), ("v5", true)]);
        let documents: Vec<_> = full.versions.iter().map(|version| version.document.as_deref()).collect();
        assert_eq!(documents, [Some(DOCUMENT), None, None, None, None]);
    }
    let delete = Operation::DeletePolicyVersion {
        policy: policy.clone(),
        version: "v1".to_owned(),
        before: DOCUMENT.to_owned(),
        versions: 5,
    };
    assert!(aws.perform(&delete).await.unwrap().request_id.is_some());
    let left = aws.managed_policy(&policy, None).await.unwrap().unwrap().versions;
    assert_eq!(left.iter().map(|version| &*version.id).collect::<Vec<_>>(), ["v2", "v3", "v4", "v5"]);
    assert!(left.iter().all(|version| version.document.is_none()));
}

#[tokio::test]
async fn quotas_of_the_account() {
    let (account, _, aws) = two_accounts().await;
    let quotas = aws.iam_quotas(account.id).await.unwrap();
    assert_eq!(quotas, keymend::observation::IamQuotas::default());
}

#[tokio::test]
async fn reads_go_side_by_side() {
    let moto = Moto::shared();
    let account = Account::new(moto).await;
    let key = account.create_key(DOCUMENT).await;
    let policy = account.create_policy("KmsKeyUsagePolicy", DOCUMENT).await;
    for number in 0..20 {
        account.create_role("/", &format!("app{number}")).await;
    }
    let proxy = Proxy::new(moto);
    let operator = Operator::new(proxy.endpoint(), &[&account]);
    let aws = Aws::connect(&options(&operator, &[])).await.unwrap();
    aws.default_caller().await.unwrap();
    proxy.take();

    aws.managed_policy(&policy, Some("v1")).await.unwrap().unwrap();
    let (calls, round_trips) = proxy.take();
    assert_eq!(
        calls,
        ["GetPolicyVersion", "ListEntitiesForPolicy", "ListEntitiesForPolicy", "ListPolicyVersions"]
    );
    assert_eq!(round_trips, 1);
    aws.managed_policy(&policy, None).await.unwrap().unwrap();
    assert_eq!(proxy.take().1, 2);

    let names: Vec<_> = (0..20).map(|number| named(EntityKind::Role, &format!("app{number}"))).collect();
    let (key_ref, policy_name) = (KeyRef::Arn(key.clone()), PolicyName::default());
    let (_, _, _, _, entities) = tokio::join!(
        aws.describe_key(&key_ref),
        aws.key_policy(&key),
        aws.iam_quotas(account.id),
        aws.policies_named(account.id, &policy_name),
        futures_util::future::join_all(names.iter().map(|name| aws.entity(account.id, name))),
    );
    assert!(entities.iter().all(|entity| matches!(entity, Ok(Some(_)))));
    let (calls, round_trips) = proxy.take();
    assert_eq!((calls.len(), round_trips), (44, 1));
}
