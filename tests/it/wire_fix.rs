//! The whole of `keymend fix` over the wire, in two accounts: the program as it is, against moto.

use std::process::{Command, Output};

use keymend::access::{GranteeRef, KeyRef, UnresolvedRequest};
use keymend::arn::KeyArn;
use keymend::cloud::aws::{Aws, AwsOptions};
use keymend::cloud::observer::observe;
use keymend::observation::OrganizationPolicies;
use keymend::plan::plan;
use serde_json::Value;

use crate::moto::{Account, Moto, Operator, Proxy};

/// What AWS gives a new key: the account's root may do everything.
fn default_policy(account: &Account) -> String {
    format!(
        "{{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n  \"Statement\" : [ {{\n    \
         \"Sid\" : \"Enable IAM User Permissions\",\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {{\n      \
         \"AWS\" : \"arn:aws:iam::{}:root\"\n    }},\n    \"Action\" : \"kms:*\",\n    \"Resource\" : \"*\"\n  }} ]\n}}",
        account.id
    )
}

/// A policy of our name for something else.
const OTHER_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;

/// A key in one account, a role under a path in another, and an operator with a profile for each.
pub(crate) struct Stage {
    pub(crate) owner: Account,
    pub(crate) launcher: Account,
    pub(crate) key: KeyArn,
    pub(crate) role: String,
    pub(crate) operator: Operator,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let moto = Moto::shared();
        let (owner, launcher) = (Account::new(moto).await, Account::new(moto).await);
        let key = owner.create_key(&default_policy(&owner)).await;
        launcher.create_role("/team/", "app").await;
        let role = format!("arn:aws:iam::{}:role/team/app", launcher.id);
        let operator = Operator::new(moto.endpoint(), &[&owner, &launcher]);
        Self { owner, launcher, key, role, operator }
    }

    pub(crate) fn fix(&self, more: &[&str]) -> Output {
        self.keymend("fix", more)
    }

    fn keymend(&self, verb: &str, more: &[&str]) -> Output {
        let profile = format!("{0}={0}", self.launcher.id);
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args([verb, "--key", &self.key.to_string(), "--principal", &self.role]);
        command.args(["--account", &self.launcher.id.to_string(), "--account-profile", &profile]).args(more);
        self.operator.run(&mut command).output().unwrap()
    }

    fn rollback(&self, more: &[&str]) -> Output {
        let profile = format!("{0}={0}", self.launcher.id);
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(["rollback", "--account-profile", &profile]).args(more);
        self.operator.run(&mut command).output().unwrap()
    }

    pub(crate) async fn key_policy(&self) -> String {
        let output = self
            .owner
            .kms
            .get_key_policy()
            .key_id(self.key.to_string())
            .policy_name("default")
            .send()
            .await
            .unwrap();
        output.policy().unwrap().to_owned()
    }

    pub(crate) async fn attached(&self) -> Vec<String> {
        let output = self.launcher.iam.list_attached_role_policies().role_name("app").send().await.unwrap();
        output
            .attached_policies()
            .iter()
            .filter_map(|policy| policy.policy_name())
            .map(str::to_owned)
            .collect()
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn before_dry_run_apply_and_again() {
    let stage = Stage::new().await;
    let before = stage.key_policy().await;

    let dry = stage.fix(&["--dry-run", "--detailed-exitcode"]);
    let text = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert_eq!(dry.status.code(), Some(3), "{}", String::from_utf8_lossy(&dry.stderr));
    assert!(text.contains("\nPlan: 1 to create, 1 to update, 1 to attach.\n"), "{text}");
    assert_eq!(stage.key_policy().await, before);
    assert!(stage.attached().await.is_empty());
    assert!(!stage.operator.home().join(".local").exists(), "a dry run keeps no state");

    let applied = stage.fix(&["--yes", "--output", "json"]);
    let report = json(&applied);
    assert_eq!(applied.status.code(), Some(0), "{report:#}");
    assert_eq!(report["outcome"], "applied");
    let statuses: Vec<&str> =
        report["changes"].as_array().unwrap().iter().filter_map(|c| c["status"].as_str()).collect();
    assert_eq!(statuses, ["applied"; 3]);
    let after = stage.key_policy().await;
    assert_eq!(report["changes"][0]["after"], after, "what is sent is what was shown");
    assert!(after.starts_with(before.trim_end_matches(" ]\n}")), "every byte that was there still is");
    assert_eq!(stage.attached().await, ["KmsKeyUsagePolicy"]);
    let runs = std::fs::read_dir(stage.operator.home().join(".local/state/keymend")).unwrap().count();
    assert_eq!(runs, 1);

    let again = stage.fix(&["--yes"]);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(again.status.code(), Some(0));
    assert!(text.contains("No changes.\n"), "{text}");
}

#[tokio::test]
async fn there_and_back() {
    let stage = Stage::new().await;
    let before = stage.key_policy().await;
    assert_eq!(stage.fix(&["--yes"]).status.code(), Some(0));
    let back = stage.rollback(&["--yes", "--output", "json"]);
    let report = json(&back);
    assert_eq!(back.status.code(), Some(0), "{report:#}");
    let calls: Vec<&str> =
        report["changes"].as_array().unwrap().iter().filter_map(|c| c["api_call"].as_str()).collect();
    assert_eq!(calls, ["iam:DetachRolePolicy", "iam:DeletePolicy", "kms:PutKeyPolicy"]);
    assert_eq!(stage.key_policy().await, before, "byte for byte");
    assert!(stage.attached().await.is_empty());
    let policy = format!("arn:aws:iam::{}:policy/KmsKeyUsagePolicy", stage.launcher.id);
    assert!(stage.launcher.iam.get_policy().policy_arn(&policy).send().await.is_err());
    let again = stage.rollback(&["--yes"]);
    assert!(String::from_utf8_lossy(&again.stdout).ends_with("No changes.\n"));
}

#[tokio::test]
async fn a_former_version_is_in_force_again() {
    const OURS: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"AllowUseOfTheKey","Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:DescribeKey"],"Resource":["arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"]}]}"#;
    let stage = Stage::new().await;
    let policy = stage.launcher.create_policy("KmsKeyUsagePolicy", OURS).await;
    let iam = &stage.launcher.iam;
    iam.attach_role_policy().role_name("app").policy_arn(policy.to_string()).send().await.unwrap();
    let versions = async || {
        let listed = iam.list_policy_versions().policy_arn(policy.to_string()).send().await.unwrap();
        let version = |version: &aws_sdk_iam::types::PolicyVersion| {
            (version.version_id().unwrap().to_owned(), version.is_default_version())
        };
        listed.versions().iter().map(version).collect::<Vec<_>>()
    };
    assert_eq!(stage.fix(&["--yes"]).status.code(), Some(0));
    assert!(versions().await.contains(&("v2".to_owned(), true)));
    let back = stage.rollback(&["--yes"]);
    assert_eq!(back.status.code(), Some(0), "{}", String::from_utf8_lossy(&back.stderr));
    assert_eq!(versions().await, [("v1".to_owned(), true)]);
}

#[tokio::test]
async fn a_check_sees_what_a_fix_mends() {
    let stage = Stage::new().await;
    let check = || {
        let ran = stage.keymend("check", &["--output", "json"]);
        (ran.status.code(), json(&ran)["outcome"].clone())
    };
    assert_eq!(check(), (Some(3), "access_missing".into()));
    assert_eq!(stage.fix(&["--yes"]).status.code(), Some(0));
    assert_eq!(check(), (Some(0), "can_launch".into()));
    assert!(!stage.keymend("check", &["--all"]).stdout.is_empty());
}

#[tokio::test]
async fn an_account_without_credentials_is_handed_over() {
    let stage = Stage::new().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    command.args(["fix", "--key", &stage.key.to_string(), "--principal", &stage.role, "--yes"]);
    let output = stage.operator.run(&mut command).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("aws iam create-policy"), "{text}");
    assert!(stage.key_policy().await.contains(&stage.role));
    assert!(stage.attached().await.is_empty());

    // Once more: the key's side holds, and still something is left.
    let again = stage.operator.run(&mut command).output().unwrap();
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(again.status.code(), Some(3));
    assert!(!text.contains("No changes."), "{text}");
}

#[tokio::test]
async fn another_accounts_service_linked_role_gets_a_grant_and_loses_it_again() {
    let stage = Stage::new().await;
    stage.launcher.create_role_for_autoscaling().await;
    let before = stage.key_policy().await;
    let launcher = stage.launcher.id;
    let profile = format!("{launcher}={launcher}");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        stage.operator.run(command.args(arguments).args(["--account-profile", &profile])).output().unwrap()
    };
    let (key, account) = (stage.key.to_string(), launcher.to_string());
    let fix = ["fix", "--key", &key, "--autoscaling", &account, "--yes"];

    let applied = run(&[&fix[..], &["--output", "json"]].concat());
    let report = json(&applied);
    assert_eq!(applied.status.code(), Some(0), "{report:#}{}", String::from_utf8_lossy(&applied.stderr));
    let calls: Vec<&str> =
        report["changes"].as_array().unwrap().iter().filter_map(|c| c["api_call"].as_str()).collect();
    assert_eq!(calls, ["kms:PutKeyPolicy", "kms:CreateGrant"]);
    let listed = stage.owner.kms.list_grants().key_id(&key).send().await.unwrap();
    let [grant] = listed.grants() else { panic!("{listed:?}") };
    assert_eq!(grant.name(), Some(format!("keymend/{account}/AWSServiceRoleForAutoScaling").as_str()));
    assert_eq!(grant.operations().len(), 8);

    let again = run(&fix);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(again.status.code(), Some(0), "{text}");
    assert!(text.contains("\nNo changes.\n") && text.contains(grant.grant_id().unwrap()), "{text}");

    let back = run(&["rollback", "--yes"]);
    let text = String::from_utf8_lossy(&back.stdout).into_owned();
    assert_eq!(back.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&back.stderr));
    let listed = stage.owner.kms.list_grants().key_id(&key).send().await.unwrap();
    assert!(listed.grants().is_empty(), "{listed:?}");
    assert_eq!(stage.key_policy().await, before);
}

#[tokio::test]
async fn twenty_principals_are_planned_in_three_round_trips() {
    let moto = Moto::shared();
    let (owner, launcher) = (Account::new(moto).await, Account::new(moto).await);
    let key = owner.create_key(&default_policy(&owner)).await;
    let mut grantees = Vec::new();
    for number in 0..20 {
        launcher.create_role("/", &format!("app-{number}")).await;
        let role = format!("arn:aws:iam::{}:role/app-{number}", launcher.id);
        grantees.push(GranteeRef::Entity(role.parse().unwrap()));
    }
    launcher.create_policy("KmsKeyUsagePolicy", OTHER_POLICY).await;
    let proxy = Proxy::new(moto);
    let operator = Operator::new(proxy.endpoint(), &[&owner, &launcher]);
    let options = AwsOptions {
        profile: Some(operator.default_profile()),
        account_profiles: [(launcher.id, launcher.id.to_string())].into(),
        config_file: Some(operator.config_file()),
        ..AwsOptions::default()
    };
    let aws = Aws::connect(&options).await.unwrap();
    let asked = UnresolvedRequest::documented(vec![KeyRef::Arn(key)], grantees);
    let (request, observation) = observe(&asked, &OrganizationPolicies::default(), &aws).await.unwrap();
    assert_eq!(plan(&request, &observation).changes.len(), 22);
    let (calls, round_trips) = proxy.take();
    let own = calls.iter().filter(|call| *call != "AssumeRole").count();
    assert!(own >= 46, "{calls:?}");
    // One more than the goal: moto's accounts are reached by AssumeRole alone.
    assert!(round_trips <= 4, "{round_trips} round trips: {calls:?}");
}
