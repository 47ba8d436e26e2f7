//! The IAM policies that the operator needs, side by side with what keymend calls.
//!
//! Actions, their resource types and condition keys follow the Service Authorization Reference:
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
//! sts:GetCallerIdentity, which tells whose credentials these are, needs no permission.
//!
//! Statements whose Sid begins with `Evaluate` are for evaluation: `keymend check` needs them to answer, and where
//! `keymend fix` lacks them it decides by name alone, and says nothing of tags. `ReadManyAtOnce` may be left out: many users and
//! roles of an account are read by it in a few calls, and without it one by one.

pub mod session;

use serde_json::{Value, json};

use crate::access::{PolicyName, grant};
use crate::arn::{AccountId, EntityKind, KeyArn, Partition};

/// What the operator is going to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Only read: `--dry-run`, or to make a plan.
    DryRun,
    /// Read and write, and undo what was written.
    Apply,
}

/// What the operator needs in the account that owns the keys; without keys, for any key of the account.
///
/// With grants, it may also see whether service-linked roles have theirs, which is no matter of evaluation then, and
/// revoke what keymend created.
///
/// All keys belong to that account. An IAM policy has an effect there only where the key policy delegates to
/// the account's IAM:
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam>.
/// Else the key policy has to name the operator.
pub fn key_account_policy(
    partition: Partition,
    account: AccountId,
    keys: &[KeyArn],
    mode: Task,
    with_grants: bool,
) -> Value {
    let resources = if keys.is_empty() {
        vec![format!("arn:{partition}:kms:*:{account}:key/*")]
    } else {
        keys.iter().map(KeyArn::to_string).collect()
    };
    let mut statements = vec![allow("ReadTheKey", &["kms:DescribeKey", "kms:GetKeyPolicy"], &resources)];
    // Tags tell which deployment tool would take a change back.
    if with_grants {
        statements.push(allow("ReadTheGrants", &["kms:ListGrants"], &resources));
        statements.push(allow("EvaluateTheTags", &["kms:ListResourceTags"], &resources));
    } else {
        statements.push(allow(
            "EvaluateGrantsAndTags",
            &["kms:ListGrants", "kms:ListResourceTags"],
            &resources,
        ));
    }
    if mode == Task::Apply {
        statements.push(allow("UpdateTheKeyPolicy", &["kms:PutKeyPolicy"], &resources));
        if with_grants {
            statements.push(allow("RevokeTheGrants", &["kms:RevokeGrant"], &resources));
        }
    }
    policy(&statements)
}

/// What the operator needs in an account whose users, roles and groups launch instances.
///
/// With keys, it may create grants on them for the account's service-linked roles.
///
/// It confines writes to managed policies that bear the name, or the name with a suffix. It can't confine what
/// stands in those policies, nor whom they are attached to: who may apply it can give access to anything in
/// that account, as every administrator of IAM can.
pub fn requester_account_policy(
    partition: Partition,
    account: AccountId,
    policy_name: &PolicyName,
    mode: Task,
    grants_on: Option<&[KeyArn]>,
) -> Value {
    let iam = |resource: String| format!("arn:{partition}:iam::{account}:{resource}");
    let created = [format!("policy/{policy_name}"), format!("policy/{policy_name}-*")].map(iam);
    let under_a_path = [format!("policy/*/{policy_name}"), format!("policy/*/{policy_name}-*")].map(iam);
    let policies = [&created[..], &under_a_path[..]].concat();
    let entities =
        [EntityKind::Group, EntityKind::Role, EntityKind::User].map(|kind| iam(format!("{kind}/*")));
    let any_policy = [iam("policy/*".to_owned()), format!("arn:{partition}:iam::aws:policy/*")];
    let mut statements = iam_reads(&policies, &entities);
    statements.extend(iam_evaluation(&any_policy, &entities));
    if mode == Task::Apply {
        statements.extend(iam_writes(&created, &policies, &entities));
        statements.extend(grants_on.map(|keys| create_grants(partition, account, keys)));
    }
    policy(&statements)
}

/// What `keymend survey` reads in an account: what it owns and shares, the keys, and what it has set for its own launches.
/// Without an account the policy is for any, and as good for all.
pub fn survey_policy(partition: Partition, account: Option<AccountId>) -> Value {
    let any = ["*".to_owned()];
    let account = account.map_or_else(|| "*".to_owned(), |account| account.to_string());
    let keys = [format!("arn:{partition}:kms:*:{account}:key/*")];
    let shared = ["ec2:DescribeImageAttribute", "ec2:DescribeImages", "ec2:DescribeSnapshots"];
    let settings =
        ["ec2:GetAllowedImagesSettings", "ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault"];
    policy(&[
        // Most of them know no resource type; which images there will be, nobody knows beforehand.
        allow("ReadWhatIsShared", &shared, &any),
        allow("ReadTheSettings", &settings, &any),
        allow("ReadTheKey", &["kms:DescribeKey", "kms:GetKeyPolicy"], &keys),
        allow("EvaluateGrantsAndTags", &["kms:ListGrants", "kms:ListResourceTags"], &keys),
    ])
}

/// Adds to a requester account's policy what IAM's simulation of users, roles and groups needs.
pub fn add_simulation(policy: &mut Value, partition: Partition, account: AccountId) {
    let entities = [EntityKind::Group, EntityKind::Role, EntityKind::User]
        .map(|kind| format!("arn:{partition}:iam::{account}:{kind}/*"));
    if let Some(statements) = policy.get_mut("Statement").and_then(Value::as_array_mut) {
        statements.push(allow("SimulateTheEntities", &["iam:SimulatePrincipalPolicy"], &entities));
    }
}

/// Grants for the account's service-linked roles on other accounts' keys; without keys, on any.
///
/// There is no condition `kms:GrantIsForAWSResource`, which a call that no AWS service makes never meets.
fn create_grants(partition: Partition, account: AccountId, keys: &[KeyArn]) -> Value {
    let foreign: Vec<String> =
        keys.iter().filter(|key| key.account != account).map(KeyArn::to_string).collect();
    let any = || vec![format!("arn:{partition}:kms:*:*:key/*")];
    let resources = if foreign.is_empty() { any() } else { foreign };
    let mut statement = allow("CreateTheGrants", &["kms:CreateGrant"], &resources);
    if let Some(members) = statement.as_object_mut() {
        let roles = format!("arn:{partition}:iam::{account}:role/aws-service-role/*");
        let condition = json!({
            "StringLike": {"kms:GranteePrincipal": roles},
            "ForAllValues:StringEquals": {"kms:GrantOperations": grant::OPERATIONS},
        });
        members.insert("Condition".to_owned(), condition);
    }
    statement
}

fn iam_reads(policies: &[String], entities: &[String]) -> Vec<Value> {
    vec![
        // None of these actions knows a resource type.
        allow("FindThePolicies", &["iam:GetAccountSummary", "iam:ListPolicies"], &["*".to_owned()]),
        allow("ReadManyAtOnce", &["iam:GetAccountAuthorizationDetails"], &["*".to_owned()]),
        allow(
            "ReadThePolicies",
            &["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy", "iam:ListPolicyVersions"],
            policies,
        ),
        allow(
            "ReadTheEntities",
            &[
                "iam:GetGroup",
                "iam:GetRole",
                "iam:GetUser",
                "iam:ListAttachedGroupPolicies",
                "iam:ListAttachedRolePolicies",
                "iam:ListAttachedUserPolicies",
            ],
            entities,
        ),
    ]
}

/// What users, roles and groups are given and denied by all their policies.
fn iam_evaluation(policies: &[String], entities: &[String]) -> Vec<Value> {
    vec![
        allow(
            "EvaluateTheEntities",
            &[
                "iam:GetGroupPolicy",
                "iam:GetRolePolicy",
                "iam:GetUserPolicy",
                "iam:ListGroupPolicies",
                "iam:ListGroupsForUser",
                "iam:ListRolePolicies",
                "iam:ListUserPolicies",
            ],
            entities,
        ),
        allow("EvaluateThePolicies", &["iam:GetPolicy", "iam:GetPolicyVersion"], policies),
    ]
}

fn iam_writes(created: &[String], policies: &[String], entities: &[String]) -> Vec<Value> {
    let attach = [
        "iam:AttachGroupPolicy",
        "iam:AttachRolePolicy",
        "iam:AttachUserPolicy",
        "iam:DetachGroupPolicy",
        "iam:DetachRolePolicy",
        "iam:DetachUserPolicy",
    ];
    let mut attach = allow("AttachThePolicies", &attach, entities);
    if let Some(members) = attach.as_object_mut() {
        members.insert("Condition".to_owned(), json!({"ArnLike": {"iam:PolicyARN": policies}}));
    }
    vec![
        // New policies have the path `/`.
        allow("CreateThePolicies", &["iam:CreatePolicy"], created),
        allow(
            "UpdateThePolicies",
            &[
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:SetDefaultPolicyVersion",
            ],
            policies,
        ),
        attach,
    ]
}

/// Which side of a launch an operator looks at EC2 from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ec2Side {
    /// The account that owns images and snapshots, mostly the key's too.
    Owner,
    /// The account that launches instances.
    Requester,
}

/// Adds the reads of EC2 that a run needs which starts from an image, a snapshot, a volume, an
/// instance, a launch template or an Auto Scaling group.
pub fn with_ec2_reads(mut policy: Value, side: Ec2Side) -> Value {
    let actions: &[&str] = match side {
        Ec2Side::Owner => &[
            "ec2:DescribeImageAttribute",
            "ec2:DescribeImageUsageReportEntries",
            "ec2:DescribeImageUsageReports",
            "ec2:DescribeImages",
            "ec2:DescribeSnapshotAttribute",
            "ec2:DescribeSnapshots",
        ],
        Ec2Side::Requester => &[
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeLaunchConfigurations",
            "ec2:DescribeImages",
            "ec2:DescribeInstances",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:DescribeSnapshots",
            "ec2:DescribeVolumes",
            "ec2:GetAllowedImagesSettings",
            "ec2:GetEbsDefaultKmsKeyId",
            "ec2:GetEbsEncryptionByDefault",
        ],
    };
    // Most of them know no resource type; which images there will be, nobody knows beforehand.
    if let Some(statements) = policy.get_mut("Statement").and_then(Value::as_array_mut) {
        statements.push(allow("ReadWhatIsLaunched", actions, &["*".to_owned()]));
    }
    policy
}

/// Adds the reads of AWS Organizations that a run makes where a policy speaks of the principal's organization, or where
/// an organization is let in. All but the first are for the management account and delegated administrators.
pub fn with_organization_reads(mut policy: Value) -> Value {
    let actions =
        ["organizations:DescribeOrganization", "organizations:ListAccounts", "organizations:ListParents"];
    if let Some(statements) = policy.get_mut("Statement").and_then(Value::as_array_mut) {
        statements.push(allow("ReadOrganization", &actions, &["*".to_owned()]));
    }
    policy
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyDocument;
    use crate::render::testing;

    const KEY: &str = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn of_key_account(keys: &[&str], mode: Task, with_grants: bool) -> Value {
        let keys: Vec<KeyArn> = keys.iter().map(|key| key.parse().unwrap()).collect();
        key_account_policy(Partition::AwsCn, "111122223333".parse().unwrap(), &keys, mode, with_grants)
    }

    fn for_key(keys: &[&str], mode: Task) -> String {
        pretty(&of_key_account(keys, mode, false))
    }

    fn for_requester(name: &str, mode: Task) -> String {
        let account = "444455556666".parse().unwrap();
        pretty(&requester_account_policy(Partition::Aws, account, &name.parse().unwrap(), mode, None))
    }

    fn pretty(policy: &Value) -> String {
        serde_json::to_string_pretty(policy).unwrap()
    }

    #[test]
    fn every_write_that_a_plan_may_have_is_permitted() {
        let accounts = [
            of_key_account(&[KEY], Task::Apply, true),
            requester_account_policy(
                Partition::Aws,
                "444455556666".parse().unwrap(),
                &PolicyName::default(),
                Task::Apply,
                Some(&[]),
            ),
        ];
        let statements = accounts.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
        let permitted: Vec<&str> = statements
            .flat_map(|statement| statement["Action"].as_array().unwrap())
            .filter_map(Value::as_str)
            .collect();
        for change in [testing::every_operation(), testing::every_way_back()].concat() {
            let call = change.operation.api_call();
            assert!(permitted.contains(&call), "{call}");
        }
    }

    #[test]
    fn a_simulation_is_a_statement_of_its_own() {
        let account = "444455556666".parse().unwrap();
        let name = PolicyName::default();
        let mut policy = requester_account_policy(Partition::AwsCn, account, &name, Task::DryRun, None);
        let before = policy["Statement"].as_array().unwrap().len();
        add_simulation(&mut policy, Partition::AwsCn, account);
        assert_eq!(
            policy["Statement"][before],
            json!({
                "Sid": "SimulateTheEntities",
                "Effect": "Allow",
                "Action": ["iam:SimulatePrincipalPolicy"],
                "Resource": [
                    "arn:aws-cn:iam::444455556666:group/*",
                    "arn:aws-cn:iam::444455556666:role/*",
                    "arn:aws-cn:iam::444455556666:user/*"
                ]
            })
        );
    }

    #[test]
    fn a_dry_run_reads_the_named_keys() {
        insta::assert_snapshot!(for_key(&[KEY], Task::DryRun), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "ReadTheKey",
              "Effect": "Allow",
              "Action": [
                "kms:DescribeKey",
                "kms:GetKeyPolicy"
              ],
              "Resource": [
                "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
              ]
            },
            {
              "Sid": "EvaluateGrantsAndTags",
              "Effect": "Allow",
              "Action": [
                "kms:ListGrants",
                "kms:ListResourceTags"
              ],
              "Resource": [
                "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn without_keys_all_of_the_account_are_meant() {
        insta::assert_snapshot!(for_key(&[], Task::Apply), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "ReadTheKey",
              "Effect": "Allow",
              "Action": [
                "kms:DescribeKey",
                "kms:GetKeyPolicy"
              ],
              "Resource": [
                "arn:aws-cn:kms:*:111122223333:key/*"
              ]
            },
            {
              "Sid": "EvaluateGrantsAndTags",
              "Effect": "Allow",
              "Action": [
                "kms:ListGrants",
                "kms:ListResourceTags"
              ],
              "Resource": [
                "arn:aws-cn:kms:*:111122223333:key/*"
              ]
            },
            {
              "Sid": "UpdateTheKeyPolicy",
              "Effect": "Allow",
              "Action": [
                "kms:PutKeyPolicy"
              ],
              "Resource": [
                "arn:aws-cn:kms:*:111122223333:key/*"
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_dry_run_reads_iam() {
        insta::assert_snapshot!(for_requester("KmsKeyUsagePolicy", Task::DryRun), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "FindThePolicies",
              "Effect": "Allow",
              "Action": [
                "iam:GetAccountSummary",
                "iam:ListPolicies"
              ],
              "Resource": [
                "*"
              ]
            },
            {
              "Sid": "ReadManyAtOnce",
              "Effect": "Allow",
              "Action": [
                "iam:GetAccountAuthorizationDetails"
              ],
              "Resource": [
                "*"
              ]
            },
            {
              "Sid": "ReadThePolicies",
              "Effect": "Allow",
              "Action": [
                "iam:GetPolicy",
                "iam:GetPolicyVersion",
                "iam:ListEntitiesForPolicy",
                "iam:ListPolicyVersions"
              ],
              "Resource": [
                "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy",
                "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy-*",
                "arn:aws:iam::444455556666:policy/*/KmsKeyUsagePolicy",
                "arn:aws:iam::444455556666:policy/*/KmsKeyUsagePolicy-*"
              ]
            },
            {
              "Sid": "ReadTheEntities",
              "Effect": "Allow",
              "Action": [
                "iam:GetGroup",
                "iam:GetRole",
                "iam:GetUser",
                "iam:ListAttachedGroupPolicies",
                "iam:ListAttachedRolePolicies",
                "iam:ListAttachedUserPolicies"
              ],
              "Resource": [
                "arn:aws:iam::444455556666:group/*",
                "arn:aws:iam::444455556666:role/*",
                "arn:aws:iam::444455556666:user/*"
              ]
            },
            {
              "Sid": "EvaluateTheEntities",
              "Effect": "Allow",
              "Action": [
                "iam:GetGroupPolicy",
                "iam:GetRolePolicy",
                "iam:GetUserPolicy",
                "iam:ListGroupPolicies",
                "iam:ListGroupsForUser",
                "iam:ListRolePolicies",
                "iam:ListUserPolicies"
              ],
              "Resource": [
                "arn:aws:iam::444455556666:group/*",
                "arn:aws:iam::444455556666:role/*",
                "arn:aws:iam::444455556666:user/*"
              ]
            },
            {
              "Sid": "EvaluateThePolicies",
              "Effect": "Allow",
              "Action": [
                "iam:GetPolicy",
                "iam:GetPolicyVersion"
              ],
              "Resource": [
                "arn:aws:iam::444455556666:policy/*",
                "arn:aws:iam::aws:policy/*"
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn applying_adds_writes_to_policies_of_the_name_only() {
        let dry_run = for_requester("Launch", Task::DryRun);
        let apply = for_requester("Launch", Task::Apply);
        let reads = dry_run.trim_end_matches("\n  ]\n}");
        let added = apply.strip_prefix(reads).unwrap();
        insta::assert_snapshot!(added, @r#"
        ,
            {
              "Sid": "CreateThePolicies",
              "Effect": "Allow",
              "Action": [
                "iam:CreatePolicy"
              ],
              "Resource": [
                "arn:aws:iam::444455556666:policy/Launch",
                "arn:aws:iam::444455556666:policy/Launch-*"
              ]
            },
            {
              "Sid": "UpdateThePolicies",
              "Effect": "Allow",
              "Action": [
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:SetDefaultPolicyVersion"
              ],
              "Resource": [
                "arn:aws:iam::444455556666:policy/Launch",
                "arn:aws:iam::444455556666:policy/Launch-*",
                "arn:aws:iam::444455556666:policy/*/Launch",
                "arn:aws:iam::444455556666:policy/*/Launch-*"
              ]
            },
            {
              "Sid": "AttachThePolicies",
              "Effect": "Allow",
              "Action": [
                "iam:AttachGroupPolicy",
                "iam:AttachRolePolicy",
                "iam:AttachUserPolicy",
                "iam:DetachGroupPolicy",
                "iam:DetachRolePolicy",
                "iam:DetachUserPolicy"
              ],
              "Resource": [
                "arn:aws:iam::444455556666:group/*",
                "arn:aws:iam::444455556666:role/*",
                "arn:aws:iam::444455556666:user/*"
              ],
              "Condition": {
                "ArnLike": {
                  "iam:PolicyARN": [
                    "arn:aws:iam::444455556666:policy/Launch",
                    "arn:aws:iam::444455556666:policy/Launch-*",
                    "arn:aws:iam::444455556666:policy/*/Launch",
                    "arn:aws:iam::444455556666:policy/*/Launch-*"
                  ]
                }
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn runs_where_policies_speak_of_organizations_read_them() {
        let account = "444455556666".parse().unwrap();
        let policy = key_account_policy(Partition::Aws, account, &[], Task::DryRun, false);
        let with = with_organization_reads(policy.clone());
        let (all, more) =
            with["Statement"].as_array().unwrap().split_at(policy["Statement"].as_array().unwrap().len());
        assert_eq!(all, policy["Statement"].as_array().unwrap());
        assert_eq!(
            more[0]["Action"],
            json!([
                "organizations:DescribeOrganization",
                "organizations:ListAccounts",
                "organizations:ListParents"
            ])
        );
    }

    #[test]
    fn runs_that_start_from_images_read_ec2() {
        let account = "111122223333".parse().unwrap();
        let policy = key_account_policy(Partition::Aws, account, &[], Task::DryRun, false);
        let added = |side| {
            with_ec2_reads(policy.clone(), side)["Statement"].as_array().unwrap().last().unwrap().clone()
        };
        assert_eq!(added(Ec2Side::Owner)["Action"].as_array().unwrap().len(), 6);
        let requester = added(Ec2Side::Requester);
        assert_eq!(requester["Sid"], "ReadWhatIsLaunched");
        let reads = |action: &Value| {
            let (_, name) = action.as_str().unwrap().split_once(':').unwrap();
            name.starts_with("Describe") || name.starts_with("Get")
        };
        assert!(requester["Action"].as_array().unwrap().iter().all(reads), "{requester}");
        let text = pretty(&with_ec2_reads(policy.clone(), Ec2Side::Requester));
        let statements = PolicyDocument::parse(text).unwrap().statements;
        assert_eq!(statements.len(), policy["Statement"].as_array().unwrap().len() + 1);
    }

    #[test]
    fn grants_are_read_and_revoked_in_the_keys_account() {
        let actions = |mode, with_grants| -> Vec<(String, Value)> {
            let policy = of_key_account(&[KEY], mode, with_grants);
            let statements = policy["Statement"].as_array().unwrap().iter();
            statements
                .map(|statement| (statement["Sid"].as_str().unwrap().to_owned(), statement["Action"].clone()))
                .collect()
        };
        let read = ("ReadTheGrants".to_owned(), json!(["kms:ListGrants"]));
        let revoke = ("RevokeTheGrants".to_owned(), json!(["kms:RevokeGrant"]));
        assert!(actions(Task::Apply, true).contains(&read) && actions(Task::DryRun, true).contains(&read));
        assert!(actions(Task::Apply, true).contains(&revoke));
        assert!(
            !actions(Task::DryRun, true).contains(&revoke) && !actions(Task::Apply, false).contains(&revoke)
        );
    }

    #[test]
    fn grants_are_for_the_accounts_own_service_linked_roles() {
        let account = "444455556666".parse().unwrap();
        let keys = [KEY.parse().unwrap(), KEY.replace("111122223333", "444455556666").parse().unwrap()];
        let of = |mode, keys: Option<&[KeyArn]>| {
            requester_account_policy(Partition::AwsCn, account, &PolicyName::default(), mode, keys)
        };
        let policy = of(Task::Apply, Some(&keys));
        let statement = policy["Statement"].as_array().unwrap().last().unwrap();
        insta::assert_snapshot!(pretty(statement), @r#"
        {
          "Sid": "CreateTheGrants",
          "Effect": "Allow",
          "Action": [
            "kms:CreateGrant"
          ],
          "Resource": [
            "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
          ],
          "Condition": {
            "StringLike": {
              "kms:GranteePrincipal": "arn:aws-cn:iam::444455556666:role/aws-service-role/*"
            },
            "ForAllValues:StringEquals": {
              "kms:GrantOperations": [
                "Encrypt",
                "Decrypt",
                "ReEncryptFrom",
                "ReEncryptTo",
                "GenerateDataKey",
                "GenerateDataKeyWithoutPlaintext",
                "DescribeKey",
                "CreateGrant"
              ]
            }
          }
        }
        "#);
        let anywhere = pretty(&of(Task::Apply, Some(&[])));
        assert!(anywhere.contains("\"arn:aws-cn:kms:*:*:key/*\""), "{anywhere}");
        assert!(!pretty(&of(Task::DryRun, Some(&keys))).contains("CreateGrant"));
    }

    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    #[test]
    fn each_is_a_policy_that_iam_takes() {
        let longest_name = "n".repeat(110);
        for text in [for_key(&[KEY; 20], Task::Apply), for_requester(&longest_name, Task::Apply)] {
            let document = PolicyDocument::parse(text.as_str()).unwrap();
            let sids = document.statements.iter().map(|statement| statement.sid.as_deref().unwrap());
            assert!(sids.flat_map(str::bytes).all(|byte| byte.is_ascii_alphanumeric()));
            assert!(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count() <= 6144);
        }
    }
}
