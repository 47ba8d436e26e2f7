//! The reads that evaluation needs, over the wire: every IAM policy of a grantee, and a key's grants.

use keymend::access::{CoverageRule, GranteeRef, KeyRef, PolicyName, Profile, UnresolvedRequest};
use keymend::arn::KeyArn;
use keymend::cloud::aws::{Aws, AwsOptions};
use keymend::cloud::observer::observe;
use keymend::observation::{IdentityPolicies, KeyGrant, Observation, OrganizationPolicies, Reading};

use crate::moto::{Account, Moto, Operator, Proxy};

const KEY_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}]}"#;

fn document(sid: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"{sid}","Effect":"Allow","Action":"kms:*","Resource":"*"}}]}}"#
    )
}

/// Two accounts, a key in the first, and the library with calls on record.
struct Stage {
    launcher: Account,
    owner: Account,
    key: KeyArn,
    proxy: Proxy,
    _operator: Operator,
    aws: Aws,
}

impl Stage {
    async fn new() -> Self {
        let moto = Moto::shared();
        let (owner, launcher) = (Account::new(moto).await, Account::new(moto).await);
        let key = owner.create_key(KEY_POLICY).await;
        let proxy = Proxy::new(moto);
        let operator = Operator::new(proxy.endpoint(), &[&owner, &launcher]);
        let aws = Aws::connect(&AwsOptions {
            profile: Some(operator.default_profile()),
            account_profiles: [(launcher.id, launcher.id.to_string())].into(),
            config_file: Some(operator.config_file()),
            ..AwsOptions::default()
        })
        .await
        .unwrap();
        Self { launcher, owner, key, proxy, _operator: operator, aws }
    }

    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.launcher.id)
    }

    async fn observe(&self, grantees: &[String]) -> Observation {
        let grantees = grantees.iter().map(|arn| GranteeRef::Entity(arn.parse().unwrap()));
        let asked = UnresolvedRequest {
            keys: vec![KeyRef::Arn(self.key.clone())],
            grantees: grantees.collect(),
            policy_name: PolicyName::default(),
            profile: Profile::default(),
            coverage: CoverageRule::default(),
            prune_orphans: false,
            purpose: None,
            default_keys: std::collections::BTreeMap::new(),
        };
        observe(&asked, &OrganizationPolicies::default(), &self.aws).await.unwrap().1
    }

    fn identity<'o>(&self, observation: &'o Observation, arn: &str) -> &'o Reading<IdentityPolicies> {
        let iam = observation.accounts[&self.launcher.id].read().unwrap();
        &iam.entities[&arn.parse().unwrap()].as_ref().unwrap().identity
    }
}

/// Documents by the last word of their name, with the Sid that tells them apart.
fn told(identity: &Reading<IdentityPolicies>) -> Vec<(String, String)> {
    let sid = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["Statement"][0]["Sid"].as_str().unwrap().to_owned()
    };
    let IdentityPolicies { documents, .. } = identity.read().unwrap();
    let name = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    documents.iter().map(|document| (name(&document.name), sid(&document.text))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, sid)| ((*name).to_owned(), (*sid).to_owned())).collect()
}

#[tokio::test]
async fn every_policy_of_users_roles_and_groups() {
    let stage = Stage::new().await;
    let (launcher, iam) = (&stage.launcher, &stage.launcher.iam);
    let shared = launcher.create_policy("Shared", &document("shared")).await.to_string();
    launcher.create_policy_version(&shared.parse().unwrap(), &document("newer")).await;
    let own = launcher.create_policy("KmsKeyUsagePolicy", &document("own")).await.to_string();
    let boundary = launcher.create_policy("Boundary", &document("boundary")).await.to_string();
    launcher.create_user("/team/", "ann").await;
    launcher.create_role("/", "app").await;
    for group in ["ops", "web"] {
        launcher.create_group(group).await;
        iam.add_user_to_group().group_name(group).user_name("ann").send().await.unwrap();
        iam.attach_group_policy().group_name(group).policy_arn(&shared).send().await.unwrap();
    }
    iam.put_group_policy()
        .group_name("ops")
        .policy_name("in-ops")
        .policy_document(document("A+B 100%"))
        .send()
        .await
        .unwrap();
    iam.put_user_policy()
        .user_name("ann")
        .policy_name("mine")
        .policy_document(document("mine"))
        .send()
        .await
        .unwrap();
    iam.attach_user_policy().user_name("ann").policy_arn(&own).send().await.unwrap();
    iam.put_role_policy()
        .role_name("app")
        .policy_name("b")
        .policy_document(document("b"))
        .send()
        .await
        .unwrap();
    iam.put_role_policy()
        .role_name("app")
        .policy_name("a")
        .policy_document(document("a"))
        .send()
        .await
        .unwrap();
    iam.attach_role_policy().role_name("app").policy_arn(&shared).send().await.unwrap();
    iam.put_role_permissions_boundary()
        .role_name("app")
        .permissions_boundary(&boundary)
        .send()
        .await
        .unwrap();

    let [ann, app, ops] = ["user/team/ann", "role/app", "group/ops"].map(|resource| stage.arn(resource));
    stage.proxy.take();
    let observation = stage.observe(&[ann.clone(), app.clone(), ops.clone()]).await;
    let (calls, _) = stage.proxy.take();
    assert_eq!(
        told(stage.identity(&observation, &ann)),
        pairs(&[
            ("KmsKeyUsagePolicy", "own"),
            ("inline policy mine of user ann", "mine"),
            ("Shared", "newer"),
            ("inline policy in-ops of group ops", "A+B 100%"),
        ])
    );
    let of_app = stage.identity(&observation, &app);
    assert_eq!(
        told(of_app),
        pairs(&[
            ("Shared", "newer"),
            ("inline policy a of role app", "a"),
            ("inline policy b of role app", "b"),
        ])
    );
    let bound = of_app.read().unwrap().boundary.as_ref().unwrap();
    assert_eq!(
        (bound.name.as_str(), bound.text.as_str()),
        (boundary.as_str(), document("boundary").as_str())
    );
    assert_eq!(stage.identity(&observation, &ann).read().unwrap().boundary, None);
    assert_eq!(
        told(stage.identity(&observation, &ops)),
        pairs(&[("Shared", "newer"), ("inline policy in-ops of group ops", "A+B 100%")])
    );
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    // The policy of the request's name is looked at for its tags, the others for the versions in force.
    assert_eq!((count("GetPolicy"), count("GetPolicyVersion")), (3, 3), "each document once: {calls:?}");
}

#[tokio::test]
async fn a_shared_document_is_read_once_for_twenty() {
    let stage = Stage::new().await;
    let shared = stage.launcher.create_policy("Shared", &document("shared")).await.to_string();
    let mut grantees = Vec::new();
    for number in 0..20 {
        let name = format!("app-{number}");
        stage.launcher.create_role("/", &name).await;
        stage.launcher.iam.attach_role_policy().role_name(&name).policy_arn(&shared).send().await.unwrap();
        grantees.push(stage.arn(&format!("role/{name}")));
    }
    stage.proxy.take();
    let observation = stage.observe(&grantees).await;
    let (calls, round_trips) = stage.proxy.take();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!((count("ListRolePolicies"), count("GetPolicy"), count("GetPolicyVersion")), (20, 1, 1));
    assert!(round_trips <= 5, "{round_trips} round trips: {calls:?}");
    assert!(grantees.iter().all(|arn| told(stage.identity(&observation, arn)).len() == 1));
}

#[tokio::test]
async fn grants_with_their_constraints() {
    use aws_sdk_kms::types::{GrantConstraints, GrantOperation};
    let stage = Stage::new().await;
    let role = stage.arn("role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling");
    let constraints = GrantConstraints::builder().encryption_context_subset("aws:ebs:id", "vol-1").build();
    let created = stage
        .owner
        .kms
        .create_grant()
        .key_id(stage.key.to_string())
        .grantee_principal(&role)
        .operations(GrantOperation::Decrypt)
        .operations(GrantOperation::ReEncryptFrom)
        .constraints(constraints)
        .send()
        .await
        .unwrap();
    let observation = stage.observe(&[]).await;
    let expected = KeyGrant {
        id: created.grant_id().unwrap().to_owned(),
        name: None,
        grantee: role,
        operations: vec!["Decrypt".to_owned(), "ReEncryptFrom".to_owned()],
        context_equals: [].into(),
        context_subset: [("aws:ebs:id".to_owned(), "vol-1".to_owned())].into(),
        source_arn: None,
        unknown_constraints: Vec::new(),
    };
    assert_eq!(observation.keys[&stage.key].grants, Reading::Read(vec![expected]));
}
