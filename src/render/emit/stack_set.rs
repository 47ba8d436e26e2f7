//! The policy that an organization's accounts need, as a template for a stack set with service-managed permissions.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html>

use super::members::Organization;
use super::template::{self, TemplateError};
use super::{EmittedFile, yaml};
use crate::access::Request;
use crate::escape::Escaped;
use crate::plan::identity_policy;
use crate::render::command;

/// Whom it is attached to differs from account to account, and may be left to the account.
const HEAD: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Description: Use of KMS keys for launching instances from encrypted AMIs
Parameters:
  Roles:
    Type: CommaDelimitedList
    Default: ""
    Description: The names of the roles that the policy is attached to, which have to exist; none by default
  Groups:
    Type: CommaDelimitedList
    Default: ""
    Description: The names of the groups that the policy is attached to, which have to exist; none by default
  Users:
    Type: CommaDelimitedList
    Default: ""
    Description: The names of the users that the policy is attached to, which have to exist; none by default
Conditions:
  HasRoles: !Not [!Equals [!Join ["", !Ref Roles], ""]]
  HasGroups: !Not [!Equals [!Join ["", !Ref Groups], ""]]
  HasUsers: !Not [!Equals [!Join ["", !Ref Users], ""]]
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
"#;
const TAIL: &str = r"      Roles: !If [HasRoles, !Ref Roles, !Ref AWS::NoValue]
      Groups: !If [HasGroups, !Ref Groups, !Ref AWS::NoValue]
      Users: !If [HasUsers, !Ref Users, !Ref AWS::NoValue]
Outputs:
  PolicyArn:
    Value: !Ref Policy
";
const DESCRIPTION: &str = "Use of KMS keys for launching instances from encrypted AMIs";

/// The template, `ORGANIZATION/POLICY.yaml`.
pub(super) fn of_members(
    request: &Request,
    organization: &Organization<'_>,
) -> Result<EmittedFile, TemplateError> {
    let policy = request.policy_name.as_str();
    let name = format!("{policy}.yaml");
    let document = identity_policy::for_members(request);
    if let Some((size, most)) = identity_policy::excess_for_members(request) {
        return Err(TemplateError::TooLarge { policy: policy.to_owned(), size, most });
    }
    let document = template::document(policy, &document)?;
    let mut text = comments(request, organization, &name);
    text.push_str(HEAD);
    text.push_str(&yaml::entry(6, "ManagedPolicyName", &policy.into()));
    text.push_str(&yaml::entry(6, "Description", &DESCRIPTION.into()));
    text.push_str(&yaml::entry(6, "PolicyDocument", &document));
    text.push_str(TAIL);
    Ok(EmittedFile::new(organization.id, &name, text))
}

fn comments(request: &Request, organization: &Organization<'_>, name: &str) -> String {
    let accounts = organization.accounts();
    let policy = request.policy_name.as_str();
    let (root, target) = match organization.units.as_slice() {
        [] => (Some(command::organization_root()), "\"$root\"".to_owned()),
        units => (None, units.iter().map(|unit| unit.id()).collect::<Vec<_>>().join(",")),
    };
    let root = root.map(|command| format!("#   root=$({command})\n")).unwrap_or_default();
    let create = command::create_stack_set(request, name);
    let deploy = command::create_stack_instances(request, &target);
    let alone = command::deploy_stack(request, name);
    let grant = command::grant_for_autoscaling(request);
    format!(
        "# The policy {policy} for each account of {}:\n\
         # what whoever launches there needs beside the key policy. As a StackSet, with credentials of the management\n\
         # account (with those of a delegated administrator: each with --call-as DELEGATED_ADMIN):\n\
         #\n\
         {root}#   {create}\n\
         #   {deploy}\n\
         #\n\
         # Accounts that come later get it too. One region is enough, for IAM is of none, and a second one would make the\n\
         # policy twice. Trusted access of StackSets has to be on: aws cloudformation activate-organizations-access\n\
         #\n\
         # It is attached to nobody until it is told to whom: in all accounts with\n\
         # --parameters ParameterKey=Roles,ParameterValue=NAME of create-stack-set, in some with --parameter-overrides of\n\
         # create-stack-instances. In an account that has no such role, or has a policy of this name already, the stack\n\
         # fails.\n\
         #\n\
         # What a StackSet does not do:\n\
         # - It leaves the management account out. With credentials of that account:\n\
         #\n\
         #   {alone}\n\
         #\n\
         # - It makes no grants, for which CloudFormation has no resource, and which roles of Auto Scaling need. For each\n\
         #   account that has Auto Scaling groups, with credentials of that account:\n\
         #\n\
         #   {grant}\n",
        Escaped(&accounts)
    )
}
