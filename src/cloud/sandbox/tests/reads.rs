use super::*;
use crate::access::{GranteeRef, UnresolvedRequest};
use crate::arn::{EntityKind, EntityName};
use crate::cloud::CloudErrorKind;
use crate::cloud::ec2::{ObserveEc2 as _, Viewpoint};
use crate::cloud::observer::observe;
use crate::observation::{IamQuotas, KeyManager, Observation, OrganizationPolicies};

fn role(name: &str) -> EntityName {
    EntityName { kind: EntityKind::Role, name: name.to_owned() }
}

async fn describe(sandbox: &Sandbox, key: &str) -> Result<String, String> {
    let metadata = sandbox.describe_key(&key.parse().unwrap()).await;
    metadata.map(|metadata| metadata.arn.to_string()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn callers() {
    let sandbox = fixture("no-requester-credentials");
    let caller = sandbox.default_caller().await.unwrap();
    assert_eq!(caller.arn, "arn:aws:sts::111122223333:assumed-role/KeyAdmin/operator");
    assert_eq!(sandbox.caller(account("111122223333")).await.unwrap(), Some(caller));
    assert_eq!(sandbox.caller(account("444455556666")).await.unwrap(), None);
    let nobody = in_memory(r#"{"keymend_world": 1, "region": "eu-west-1"}"#);
    assert_eq!(nobody.default_caller().await.unwrap_err().kind, CloudErrorKind::NoCredentials);
}

#[tokio::test]
async fn images_of_an_account_and_accounts_of_an_organization() {
    let image = |owner: &str, region: &str, snapshot: &str| json!({"owner": owner, "region": region, "snapshots": [snapshot]});
    let (own, other) = ("111122223333", "444455556666");
    let policy = json!({"Version": "2012-10-17", "Statement": []});
    let world = json!({
        "keymend_world": 1, "region": "eu-west-1", "default_caller": own,
        "callers": {own: {"arn": "arn:aws:iam::111122223333:user/a"}, other: {"arn": "arn:aws:iam::444455556666:user/a"}},
        "accounts": {
            own: {"organization": {"id": "o-a1b2c3d4e5"}, "users": {"a": {}}},
            other: {"organization": {"id": "o-a1b2c3d4e5"}, "users": {"a": {}}},
            "777788889999": {"organization": {"id": "o-b1b2c3d4e5"}},
        },
        "organizations": {
            "o-a1b2c3d4e5": {"management_account": own}, "o-b1b2c3d4e5": {"management_account": "777788889999"}
        },
        "keys": {KEY: {"policy": policy}, KEY.replace("eu-west-1", "us-east-1"): {"policy": policy}},
        "images": {
            "ami-00000000000000001": image(own, "eu-west-1", "snap-00000000000000001"),
            "ami-00000000000000002": image(own, "eu-west-1", "snap-00000000000000002"),
            "ami-00000000000000003": image(own, "us-east-1", "snap-00000000000000003"),
            "ami-00000000000000004": image(other, "eu-west-1", "snap-00000000000000004"),
        },
        "snapshots": {
            "snap-00000000000000001": {"owner": own, "key": KEY}, "snap-00000000000000002": {"owner": own},
            "snap-00000000000000003": {"owner": own, "region": "us-east-1", "key": KEY.replace("eu-west-1", "us-east-1")},
            "snap-00000000000000004": {"owner": other, "key": KEY},
        },
    });
    let sandbox = in_memory(&world.to_string());
    for (whose, region, expected) in [
        (own, "eu-west-1", vec!["ami-00000000000000001"]),
        (own, "us-east-1", vec!["ami-00000000000000003"]),
        (other, "eu-west-1", vec!["ami-00000000000000004"]),
        (other, "us-east-1", vec![]),
    ] {
        let from = Viewpoint { account: Some(account(whose)), region: Some(region.to_owned()) };
        let owned = sandbox.images_owned(&from).await.unwrap();
        assert_eq!(
            owned.iter().map(|image| image.id.as_str()).collect::<Vec<_>>(),
            expected,
            "{whose} {region}"
        );
    }
    let (organization, accounts) = sandbox.organization_accounts().await.unwrap();
    assert_eq!((organization.as_str(), accounts), ("o-a1b2c3d4e5", vec![account(own), account(other)]));
}

#[tokio::test]
async fn a_key_is_found_by_whatever_names_it() {
    let sandbox = Sandbox::builtin();
    for name in [
        KEY,
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/ami-snapshots",
        "arn:aws:kms:eu-west-1:111122223333:alias/ami-snapshots",
    ] {
        assert_eq!(describe(&sandbox, name).await.as_deref(), Ok(KEY));
    }
    for (name, message) in [
        (
            "alias/none",
            "NotFoundException: Alias arn:aws:kms:eu-west-1:111122223333:alias/none is not found.",
        ),
        ("ami-snapshots", "NotFoundException: Invalid keyId 'ami-snapshots'"),
        (
            "arn:aws:kms:eu-central-1:111122223333:alias/ami-snapshots",
            "NotFoundException: Alias arn:aws:kms:eu-central-1:111122223333:alias/ami-snapshots is not found.",
        ),
        (
            "arn:aws:kms:eu-west-1:111122223333:key/1",
            "NotFoundException: Key 'arn:aws:kms:eu-west-1:111122223333:key/1' does not exist",
        ),
    ] {
        let error = describe(&sandbox, name).await.unwrap_err();
        assert!(error.contains(message), "{error}");
    }
    let metadata = fixture("aws-managed-key").describe_key(&KEY.parse().unwrap()).await.unwrap();
    assert_eq!(metadata.manager, KeyManager::Aws);
    let metadata = fixture("disabled-key").describe_key(&KEY.parse().unwrap()).await.unwrap();
    assert_eq!((metadata.state.as_str(), metadata.spec.as_str()), ("Disabled", "SYMMETRIC_DEFAULT"));
}

#[tokio::test]
async fn another_accounts_key_is_described_where_its_policy_lets_the_caller_in() {
    let from_outside = |name: &str| {
        let mut world: Value =
            serde_json::from_str(&fs::read_to_string(worlds().join(name)).unwrap()).unwrap();
        world["default_caller"] = json!("444455556666");
        world["callers"].as_object_mut().unwrap().remove("111122223333");
        in_memory(&world.to_string())
    };
    assert_eq!(describe(&from_outside("already-mended.json"), KEY).await.as_deref(), Ok(KEY));
    let outside = from_outside("copied-ami.json");
    let error = outside.describe_key(&KEY.parse().unwrap()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (CloudErrorKind::AccessDenied, Some("AccessDeniedException"))
    );
    assert_eq!(error.account, Some(account("444455556666")));
    let policy = from_outside("already-mended.json").key_policy(&key()).await.unwrap_err();
    assert_eq!((policy.kind, policy.operation), (CloudErrorKind::AccessDenied, "kms:GetKeyPolicy"));
}

#[tokio::test]
async fn policies_read_byte_for_byte() {
    for text in [r#""{\n \"Statement\": [] }\n""#, r#""not JSON""#, r#"{"Statement":  []}"#, "{ }"] {
        let sandbox = changed(|world| world["keys"][KEY]["policy"] = json!("HERE"));
        let sandbox = in_memory(&super::text(&sandbox).replace("\"HERE\"", text));
        let expected = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
        assert_eq!(sandbox.key_policy(&key()).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn iam_as_it_is_described() {
    let sandbox = fixture("five-versions");
    let requester = account("444455556666");
    assert_eq!(sandbox.iam_quotas(requester).await.unwrap(), IamQuotas::default());
    let named = sandbox.policies_named(requester, &"kmskeyusagepolicy".parse().unwrap()).await.unwrap();
    assert_eq!(named, [(policy(), "v7".to_owned())]);
    let found = sandbox.managed_policy(&policy(), Some("v7")).await.unwrap().unwrap();
    let ids: Vec<&str> = found.versions.iter().map(|version| version.id.as_str()).collect();
    assert_eq!(ids, ["v3", "v4", "v5", "v6", "v7"]);
    let with_text: Vec<bool> = found.versions.iter().map(|version| version.document.is_some()).collect();
    assert_eq!(with_text, [true, false, false, false, false]);
    assert!(found.versions[4].is_default && found.document.contains("AllowAttachmentOfPersistentResources"));
    assert_eq!(found.attached_to, [role("app-instances")]);
    let other_path = "arn:aws:iam::444455556666:policy/team/KmsKeyUsagePolicy".parse().unwrap();
    assert_eq!(sandbox.managed_policy(&other_path, None).await.unwrap(), None);

    let entity = sandbox.entity(requester, &role("app-instances")).await.unwrap().unwrap();
    assert_eq!(entity.arn.to_string(), "arn:aws:iam::444455556666:role/app-instances");
    assert_eq!(entity.attached, [POLICY]);
    assert_eq!(sandbox.entity(requester, &role("none")).await.unwrap(), None);
}

#[tokio::test]
async fn quotas_and_boundaries_as_the_world_says() {
    let sandbox = changed(|world| {
        let requester = &mut world["accounts"]["444455556666"];
        requester["quotas"] = json!({"attached_per_role": 20});
        requester["policies"] =
            json!({"KmsKeyUsagePolicy": {"default_version": "v1", "versions": {"v1": {}}}});
        requester["users"]["deployer"]["boundary"] = json!(POLICY);
    });
    assert_eq!(sandbox.iam_quotas(account("444455556666")).await.unwrap().attached_per_role, 20);
    let found = sandbox.managed_policy(&policy(), None).await.unwrap().unwrap();
    assert_eq!(found.boundary_of, [EntityName { kind: EntityKind::User, name: "deployer".to_owned() }]);
    assert_eq!(found.attached_to, []);
}

#[tokio::test]
async fn without_credentials_or_permission_nothing_is_read() {
    let sandbox = fixture("no-requester-credentials");
    let error = sandbox.iam_quotas(account("444455556666")).await.unwrap_err();
    assert_eq!((error.kind, error.request_id), (CloudErrorKind::NoCredentials, None));

    let sandbox = changed(|world| world["callers"]["444455556666"]["denied"] = json!(["iam:Get*"]));
    let error = sandbox.entity(account("444455556666"), &role("app-instances")).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::AccessDenied);
    assert_eq!(
        error.message,
        "User: arn:aws:sts::444455556666:assumed-role/IamAdmin/operator is not authorized to perform: \
         iam:GetRole on resource: arn:aws:iam::444455556666:role/app-instances because no identity-based policy allows the iam:GetRole \
         action"
    );
}

#[tokio::test]
async fn everything_that_belongs_to_an_entity() {
    let sandbox = changed(|world| {
        world["aws_policies"] = json!({"arn:aws:iam::aws:policy/AmazonEC2FullAccess": {"Statement": []}});
        let requester = &mut world["accounts"]["444455556666"];
        requester["groups"] = json!({"ops": {"inline": {"b": "text, byte for byte", "a": {}}}});
        requester["users"]["deployer"]["groups"] = json!(["ops"]);
        requester["users"]["deployer"]["boundary"] = json!("arn:aws:iam::aws:policy/PowerUserAccess");
    });
    let requester = account("444455556666");
    let named = |kind, name: &str| EntityName { kind, name: name.to_owned() };
    let deployer = named(EntityKind::User, "deployer");
    let (entity, belongings) = sandbox.entity_in_full(requester, &deployer).await.unwrap().unwrap();
    assert_eq!(sandbox.entity(requester, &deployer).await.unwrap(), Some(entity));
    assert_eq!(belongings.boundary.as_deref(), Some("arn:aws:iam::aws:policy/PowerUserAccess"));
    assert_eq!((belongings.inline, belongings.groups), (Ok(vec![]), Ok(vec!["ops".to_owned()])));
    let ops = named(EntityKind::Group, "ops");
    let (_, belongings) = sandbox.entity_in_full(requester, &ops).await.unwrap().unwrap();
    assert_eq!(belongings.inline, Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(sandbox.inline_policy(requester, &ops, "b").await.unwrap(), "text, byte for byte");
    let missing = sandbox.inline_policy(requester, &ops, "c").await.unwrap_err();
    assert_eq!((missing.kind, missing.operation), (CloudErrorKind::NotFound, "iam:GetGroupPolicy"));
    let text = sandbox.policy_document(requester, "arn:aws:iam::aws:policy/AmazonEC2FullAccess").await;
    assert_eq!(text.unwrap(), r#"{"Statement":[]}"#);
    let untold = sandbox.policy_document(requester, "arn:aws:iam::aws:policy/PowerUserAccess").await;
    assert!(untold.unwrap_err().message.contains("`aws_policies`"));
    assert_eq!(sandbox.entity_in_full(requester, &role("none")).await.unwrap(), None);
}

#[tokio::test]
async fn grants_as_the_world_says() {
    let sandbox = changed(|world| {
        world["keys"][KEY]["grants"] = json!([
            {"grantee_principal": "arn:aws:iam::444455556666:role/app", "operations": ["Decrypt"]},
            {"id": "abc", "grantee_principal": "ec2.amazonaws.com", "operations": [],
             "encryption_context_equals": {"a": "b"}},
        ]);
    });
    let grants = sandbox.grants(&key()).await.unwrap();
    assert_eq!((grants[0].id.len(), grants[0].operations.as_slice()), (64, &["Decrypt".to_owned()][..]));
    assert_eq!((grants[1].id.as_str(), grants[1].grantee.as_str()), ("abc", "ec2.amazonaws.com"));
    assert_eq!(grants[1].context_equals, [("a".to_owned(), "b".to_owned())].into());
    let denied = changed(|world| world["callers"]["111122223333"]["denied"] = json!(["kms:ListGrants"]));
    assert_eq!(denied.grants(&key()).await.unwrap_err().kind, CloudErrorKind::AccessDenied);
}

/// What is read for forty roles, a user and a group by a caller who is denied some calls.
async fn observed(denied: &[&str]) -> Observation {
    let (own, other) = ("111122223333", "444455556666");
    let policy = |sid: &str| json!({"Version": "2012-10-17", "Statement": [{"Sid": sid}]});
    let of_other = |resource: &str| format!("arn:aws:iam::{other}:{resource}");
    let named = of_other("policy/KmsKeyUsagePolicy");
    let role = |number: usize| {
        let attached = if number.is_multiple_of(3) { json!([named]) } else { json!([]) };
        let inline = json!({"own": policy(&format!("r{number}"))});
        (format!("app-{number}"), json!({"path": "/team/", "attached": attached, "inline": inline}))
    };
    let mut roles: serde_json::Map<String, Value> = (0..45).map(role).collect();
    roles.insert("bound".to_owned(), json!({"boundary": named}));
    let world = json!({
        "keymend_world": 1, "region": "eu-west-1", "default_caller": own,
        "callers": {
            own: {"arn": "arn:aws:iam::111122223333:user/a"},
            other: {"arn": "arn:aws:iam::444455556666:user/a", "denied": denied},
        },
        "accounts": {own: {"users": {"a": {}}}, other: {
            "users": {"a": {}, "ann": {"groups": ["ops"], "inline": {"mine": policy("mine")}}},
            "groups": {"ops": {"attached": [named], "inline": {"theirs": policy("theirs")}}},
            "roles": roles,
            "policies": {
                "KmsKeyUsagePolicy": {
                    "default_version": "v2", "versions": {"v1": policy("v1"), "v2": policy("v2")},
                },
                "Other": {"default_version": "v1", "versions": {"v1": policy("other")}},
            },
        }},
        "keys": {KEY: {"policy": policy("key")}},
    });
    let sandbox = in_memory(&world.to_string());
    let roles = (0..40).map(|number| of_other(&format!("role/team/app-{number}")));
    let more = ["user/ann", "group/ops", "role/bound", "role/nobody"].map(of_other);
    let grantees = roles.chain(more).map(|arn| GranteeRef::Entity(arn.parse().unwrap()));
    let asked = UnresolvedRequest::documented(vec![KEY.parse().unwrap()], grantees.collect());
    observe(&asked, &OrganizationPolicies::default(), &sandbox).await.unwrap().1
}

#[tokio::test]
async fn all_at_once_tells_the_same_as_many_calls() {
    let at_once = observed(&[]).await;
    assert_eq!(at_once, observed(&["iam:GetAccountAuthorizationDetails"]).await);
    let iam = at_once.accounts[&account("444455556666")].read().unwrap();
    assert_eq!(iam.entities.values().flatten().count(), 43);
    let policy = iam.policies.values().next().unwrap();
    assert_eq!((policy.attached_to.len(), policy.boundary_of.len(), policy.versions.len()), (16, 1, 2));
    // Nothing of that is asked for then.
    let others =
        ["iam:ListPolic*", "iam:GetPolicyVersion", "iam:GetRolePolicy", "iam:ListAttached*", "iam:ListRole*"];
    assert_eq!(observed(&others).await, at_once);
}
