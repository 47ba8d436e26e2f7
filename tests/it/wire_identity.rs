//! The reads that evaluation needs, over the wire: every IAM policy of a grantee, and a key's grants.
#![expect(clippy::print_stdout, reason = "figures are for people")]

use keymend::access::{GranteeRef, KeyRef, UnresolvedRequest};
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

/// Whoever reads, in both accounts.
async fn connect(proxy: &Proxy, owner: &Account, launcher: &Account) -> (Operator, Aws) {
    let operator = Operator::new(proxy.endpoint(), &[owner, launcher]);
    let aws = Aws::connect(&AwsOptions {
        profile: Some(operator.default_profile()),
        account_profiles: [(launcher.id, launcher.id.to_string())].into(),
        config_file: Some(operator.config_file()),
        ..AwsOptions::default()
    })
    .await
    .unwrap();
    (operator, aws)
}

const ALL_AT_ONCE: &str = "GetAccountAuthorizationDetails";

/// May not read all of an account at once.
fn refusing() -> Proxy {
    Proxy::answering(Moto::shared(), |action| {
        let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        (action == ALL_AT_ONCE).then(|| (403, refused.to_owned()))
    })
}

fn permitting() -> Proxy {
    Proxy::answering(Moto::shared(), |_| None)
}

impl Stage {
    async fn new() -> Self {
        Self::before(Proxy::new(Moto::shared())).await
    }

    async fn before(proxy: Proxy) -> Self {
        let moto = Moto::shared();
        let (owner, launcher) = (Account::new(moto).await, Account::new(moto).await);
        let key = owner.create_key(KEY_POLICY).await;
        let (operator, aws) = connect(&proxy, &owner, &launcher).await;
        Self { launcher, owner, key, proxy, _operator: operator, aws }
    }

    /// The same accounts, behind another proxy.
    async fn behind(self, proxy: Proxy) -> Self {
        let (operator, aws) = connect(&proxy, &self.owner, &self.launcher).await;
        Self { proxy, _operator: operator, aws, ..self }
    }

    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.launcher.id)
    }

    async fn observe(&self, grantees: &[String]) -> Observation {
        let grantees = grantees.iter().map(|arn| GranteeRef::Entity(arn.parse().unwrap()));
        let asked = UnresolvedRequest::documented(vec![KeyRef::Arn(self.key.clone())], grantees.collect());
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
    assert!(round_trips <= 4, "{round_trips} round trips: {calls:?}");
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

/// So many roles, each with an inline policy, one that all have and one of the request's name that every tenth has.
async fn roles(stage: &Stage, count: usize) -> Vec<String> {
    let (launcher, iam) = (&stage.launcher, &stage.launcher.iam);
    let shared = launcher.create_policy("Shared", &document("shared")).await.to_string();
    let own = launcher.create_policy("KmsKeyUsagePolicy", &document("own")).await.to_string();
    let mut roles = Vec::new();
    for number in 0..count {
        let name = format!("app-{number}");
        launcher.create_role("/team/", &name).await;
        iam.attach_role_policy().role_name(&name).policy_arn(&shared).send().await.unwrap();
        if number % 10 == 0 {
            iam.attach_role_policy().role_name(&name).policy_arn(&own).send().await.unwrap();
        }
        let inline = iam.put_role_policy().role_name(&name).policy_name("in line");
        inline.policy_document(document(&format!("A+B {number}%"))).send().await.unwrap();
        roles.push(stage.arn(&format!("role/team/{name}")));
    }
    roles
}

/// Users in groups, boundaries, policies with as many versions as there may be, things that nobody asked for.
async fn all_sorts(stage: &Stage) -> Vec<String> {
    let (launcher, iam) = (&stage.launcher, &stage.launcher.iam);
    let full = launcher.create_policy("KmsKeyUsagePolicy-full", &document("v1")).await;
    for version in 2..=5 {
        launcher.create_policy_version(&full, &document(&format!("v{version}"))).await;
    }
    let full = full.to_string();
    iam.set_default_policy_version().policy_arn(&full).version_id("v3").send().await.unwrap();
    let bound = launcher.create_policy("KmsKeyUsagePolicy-bound", &document("bound")).await.to_string();
    launcher.create_role("/", "stranger").await;
    launcher.create_user("/", "stranger").await;
    for role in ["app-1", "stranger"] {
        iam.attach_role_policy().role_name(role).policy_arn(&full).send().await.unwrap();
    }
    for role in ["app-2", "stranger"] {
        let request = iam.put_role_permissions_boundary().role_name(role).permissions_boundary(&bound);
        request.send().await.unwrap();
    }
    launcher.create_user("/team/", "ann").await;
    for group in ["web", "ops"] {
        launcher.create_group(group).await;
        iam.add_user_to_group().group_name(group).user_name("ann").send().await.unwrap();
    }
    iam.attach_group_policy().group_name("ops").policy_arn(&full).send().await.unwrap();
    let inline = iam.put_group_policy().group_name("web").policy_name("in-web");
    inline.policy_document(document("100% é")).send().await.unwrap();
    let inline = iam.put_user_policy().user_name("ann").policy_name("mine");
    inline.policy_document(document("mine")).send().await.unwrap();
    launcher.create_role_for_autoscaling().await;
    ["user/team/ann", "group/ops", "role/nobody", "user/app-1"].map(|resource| stage.arn(resource)).into()
}

/// Without the names of sessions, and without whose boundary a policy is: moto gives whom it is attached to.
fn comparable(mut observation: Observation) -> Observation {
    observation.callers.clear();
    for account in observation.accounts.values_mut() {
        let Reading::Read(iam) = account else { panic!("unread") };
        iam.policies.values_mut().for_each(|policy| policy.boundary_of.clear());
    }
    observation
}

#[tokio::test]
async fn all_at_once_tells_the_same_as_many_calls() {
    let stage = Stage::before(permitting()).await;
    let mut grantees = roles(&stage, 30).await;
    grantees.extend(all_sorts(&stage).await);
    stage.proxy.take();
    let at_once = stage.observe(&grantees).await;
    let (calls, _) = stage.proxy.take();
    let count = |calls: &[String], name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!((count(&calls, ALL_AT_ONCE), count(&calls, "ListPolicies")), (1, 0), "{calls:?}");
    // Who is not there is asked for by name, to be sure.
    assert_eq!((count(&calls, "GetRole"), count(&calls, "GetUser")), (1, 1), "{calls:?}");
    assert_eq!((count(&calls, "GetRolePolicy"), count(&calls, "ListEntitiesForPolicy")), (0, 0), "{calls:?}");

    let stage = stage.behind(refusing()).await;
    let by_many = stage.observe(&grantees).await;
    let (calls, _) = stage.proxy.take();
    assert_eq!((count(&calls, ALL_AT_ONCE), count(&calls, "GetRole")), (1, 31), "{calls:?}");
    let account = by_many.accounts[&stage.launcher.id].read().unwrap();
    assert_eq!((account.policies.len(), account.entities.len()), (3, grantees.len()));
    assert_eq!(account.entities.values().flatten().count(), grantees.len() - 2);
    let of_bound = &at_once.accounts[&stage.launcher.id].read().unwrap().policies;
    let of_bound = of_bound.iter().find(|(arn, _)| arn.name.ends_with("-bound")).unwrap().1;
    let bound: Vec<_> = of_bound.boundary_of.iter().map(ToString::to_string).collect();
    assert_eq!(bound, ["role app-2", "role stranger"]);
    assert_eq!(comparable(at_once), comparable(by_many));
}

#[tokio::test]
#[ignore = "takes long: run it for the figures"]
async fn figures_of_reading_many_roles() {
    for count in [5, 50, 200] {
        let mut stage = Stage::before(permitting()).await;
        let grantees = roles(&stage, count).await;
        for (way, proxy) in [("as it is", permitting()), ("by many calls", refusing())] {
            stage = stage.behind(proxy).await;
            let begun = std::time::Instant::now();
            stage.observe(&grantees).await;
            let (calls, trips) = stage.proxy.take();
            println!(
                "{count} roles, {way}: {} calls, {trips} round trips, {:?}",
                calls.len(),
                begun.elapsed()
            );
        }
    }
}
