//! A plan as CloudFormation templates, for each account and for an organization's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::parts::{self, Part, Step, Write, key_policy_stem};
use super::template::{TemplateError, check, document};
use super::{EmittedFile, cli, members, stack_set, yaml};
use crate::access::Request;
use crate::arn::{AccountId, EntityArn, EntityKind, KeyArn, PolicyArn};
use crate::escape::Escaped;
use crate::plan::{Handover, Operation, Plan};
use crate::render::command;

/// The templates: `ACCOUNT/keymend.yaml` with the policies that are made, a file for each document that goes into the
/// template that owns the key or policy, `ACCOUNT/apply.sh` for what CloudFormation has no resource for, and
/// `ORGANIZATION/POLICY.yaml` for a stack set.
///
/// # Errors
/// Something says what CloudFormation would replace.
pub fn cloudformation(request: &Request, plan: &Plan) -> Result<Vec<EmittedFile>, TemplateError> {
    let mut files = Vec::new();
    for (account, part) in parts::by_account(plan) {
        files.extend(of_account(request, account, &part)?);
    }
    for organization in members::organizations(request) {
        files.push(stack_set::of_members(request, &organization)?);
    }
    Ok(files)
}

fn of_account(
    request: &Request,
    account: AccountId,
    part: &Part<'_>,
) -> Result<Vec<EmittedFile>, TemplateError> {
    let mut files = Vec::new();
    let mut policies: BTreeMap<&PolicyArn, Policy<'_>> = BTreeMap::new();
    for Step { comments, write } in &part.steps {
        match write {
            Write::KeyPolicy { key, after, .. } => files.push(key_policy(account, key, after, comments)?),
            Write::Other(operation) => {
                if let Some(policy) = touched(operation) {
                    policies.entry(policy).or_default().take(operation, comments);
                }
            }
        }
    }
    for handover in &part.handovers {
        match handover {
            Handover::KeyPolicy { key, statements, .. } => {
                files.push(missing_statements(account, key, statements)?);
            }
            Handover::Identity { policy, document, entities, permission_set_roles, .. } => {
                policies.entry(policy).or_default().hand_over(document, entities, permission_set_roles);
            }
            Handover::Grant { .. } => {}
        }
    }
    files.extend(new_policies(request, account, &policies)?);
    for (arn, policy) in policies.iter().filter(|(_, policy)| !policy.is_new) {
        files.push(existing_policy(account, arn, policy)?);
    }
    let is_left =
        |step: &&Step<'_>| matches!(step.write, Write::Other(operation) if touched(operation).is_none());
    let left = Part {
        steps: part.steps.iter().filter(is_left).cloned().map(left_to_the_cli).collect(),
        handovers: part
            .handovers
            .iter()
            .copied()
            .filter(|handover| matches!(handover, Handover::Grant { .. }))
            .collect(),
    };
    if !left.steps.is_empty() || !left.handovers.is_empty() {
        files.extend(cli::of_account(request, account, (&left, &part.steps)));
    }
    Ok(files)
}

fn left_to_the_cli(mut step: Step<'_>) -> Step<'_> {
    step.comments.push("# CloudFormation has no resource for this.".to_owned());
    step
}

/// The policy of whose resource an operation is a part; what no resource has is none.
fn touched(operation: &Operation) -> Option<&PolicyArn> {
    match operation {
        Operation::CreatePolicy { policy, .. }
        | Operation::CreatePolicyVersion { policy, .. }
        | Operation::AttachPolicy { policy, .. } => Some(policy),
        // Grants, versions that have to go first, and whatever leads back; key policies are parts of their own.
        Operation::CreateGrant { .. }
        | Operation::RevokeGrant { .. }
        | Operation::DeletePolicyVersion { .. }
        | Operation::WithdrawPolicyVersion { .. }
        | Operation::SetDefaultVersion { .. }
        | Operation::DetachPolicy { .. }
        | Operation::DeletePolicy { .. }
        | Operation::PruneOrphans(_)
        | Operation::UpdateKeyPolicy(_)
        | Operation::RestoreKeyPolicy(_)
        | Operation::ReduceKeyPolicy(_) => None,
    }
}

/// What becomes of a managed policy.
#[derive(Debug, Default)]
struct Policy<'p> {
    comments: Vec<String>,
    is_new: bool,
    description: Option<&'p str>,
    document: Option<&'p str>,
    attached_to: Vec<&'p EntityArn>,
}

impl<'p> Policy<'p> {
    fn take(&mut self, operation: &'p Operation, comments: &[String]) {
        self.comments.extend_from_slice(comments);
        match operation {
            Operation::CreatePolicy { description, after, .. } => {
                self.is_new = true;
                self.description = Some(description);
                self.document = Some(after);
            }
            Operation::CreatePolicyVersion { after, .. } => self.document = Some(after),
            Operation::AttachPolicy { entity, .. } => self.attached_to.push(entity),
            _ => {}
        }
    }

    fn hand_over(
        &mut self,
        document: &'p str,
        entities: &'p [EntityArn],
        permission_set_roles: &[EntityArn],
    ) {
        (self.is_new, self.document) = (true, Some(document));
        self.comments.push(
            "# The account was not read: where a policy of this name exists already, the stack fails, and changes nothing."
                .to_owned(),
        );
        self.attached_to.extend(entities);
        for role in permission_set_roles {
            let name = role.entity_name().to_string();
            self.comments
                .push(format!("# Reference the policy in the permission set of {}.", Escaped(&name)));
        }
    }

    /// Its properties, as far as they are planned.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html>
    fn properties(&self, arn: &PolicyArn) -> Result<Value, TemplateError> {
        let mut properties = Map::new();
        if self.is_new {
            properties.insert("ManagedPolicyName".to_owned(), json!(arn.name));
            properties.insert("Path".to_owned(), json!(arn.path));
        }
        properties.extend(self.description.map(|text| ("Description".to_owned(), json!(text))));
        if let Some(text) = self.document {
            properties.insert("PolicyDocument".to_owned(), document(&arn.to_string(), text)?);
        }
        for (list, kind) in
            [("Groups", EntityKind::Group), ("Roles", EntityKind::Role), ("Users", EntityKind::User)]
        {
            let of_kind = self.attached_to.iter().filter(|entity| entity.kind == kind);
            let names: Vec<&str> = of_kind.map(|entity| entity.name.as_str()).collect();
            if !names.is_empty() {
                properties.insert(list.to_owned(), json!(names));
            }
        }
        let properties = properties.into();
        check(&arn.to_string(), &properties)?;
        Ok(properties)
    }
}

fn lines(comments: &[String]) -> String {
    comments.iter().flat_map(|comment| [comment.as_str(), "\n"]).collect()
}

/// A key's whole policy: a template of its own would make another key.
fn key_policy(
    account: AccountId,
    key: &KeyArn,
    after: &str,
    comments: &[String],
) -> Result<EmittedFile, TemplateError> {
    let arn = key.to_string();
    let text = format!(
        "{}#\n# For the key {}:\n\
         # in the template that made it, this is the KeyPolicy of its AWS::KMS::Key. A template of its own would make another\n\
         # key: where no template made this one, `--emit cli` writes the commands.\n{}",
        lines(comments),
        Escaped(&arn),
        yaml::entry(0, "KeyPolicy", &document(&arn, after)?)
    );
    Ok(EmittedFile::new(account, &format!("{}.yaml", key_policy_stem(key)), text))
}

fn missing_statements(
    account: AccountId,
    key: &KeyArn,
    statements: &[Value],
) -> Result<EmittedFile, TemplateError> {
    let (arn, statements) = (key.to_string(), json!(statements));
    check(&arn, &statements)?;
    let text = format!(
        "# For the key {}, whose policy was not read:\n\
         # in the template that made it, add these to the Statement list of its KeyPolicy. Where no template made it,\n\
         # `--emit cli` writes the commands.\n{}",
        Escaped(&arn),
        yaml::entry(0, "Statement", &statements)
    );
    Ok(EmittedFile::new(account, &format!("{}.statements.yaml", key_policy_stem(key)), text))
}

fn existing_policy(
    account: AccountId,
    arn: &PolicyArn,
    policy: &Policy<'_>,
) -> Result<EmittedFile, TemplateError> {
    let mut text = format!(
        "{}#\n# For the policy {}, which exists:\n\
         # in the template that made it, these are properties of its AWS::IAM::ManagedPolicy, the names beside those that are\n\
         # there. Where no template made it, `--emit cli` writes the commands.\n",
        lines(&policy.comments),
        Escaped(&arn.to_string())
    );
    let properties = policy.properties(arn)?;
    for (name, value) in properties.as_object().into_iter().flatten() {
        text.push_str(&yaml::entry(0, name, value));
    }
    Ok(EmittedFile::new(account, &format!("existing.{}.yaml", arn.name), text))
}

/// The template of the policies that are made.
fn new_policies(
    request: &Request,
    account: AccountId,
    policies: &BTreeMap<&PolicyArn, Policy<'_>>,
) -> Result<Option<EmittedFile>, TemplateError> {
    const NAME: &str = "keymend.yaml";
    let deploy = command::deploy_stack(request, NAME);
    let mut text = format!(
        "# What keymend planned for account {account}. With credentials of that account:\n#   {deploy}\n\
         AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n"
    );
    let mut taken = BTreeSet::new();
    for (arn, policy) in policies.iter().filter(|(_, policy)| policy.is_new) {
        let resource = json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": policy.properties(arn)?});
        text.extend(policy.comments.iter().map(|comment| format!("  {comment}\n")));
        text.push_str(&yaml::entry(2, &logical_id(&arn.name, &mut taken), &resource));
    }
    Ok((!taken.is_empty()).then(|| EmittedFile::new(account, NAME, text)))
}

/// A resource's name in a template, letters and digits alone, each given once.
fn logical_id(name: &str, taken: &mut BTreeSet<String>) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let base = format!("Policy{plain}");
    let mut id = base.clone();
    let mut number = 1;
    while !taken.insert(id.clone()) {
        number += 1;
        id = format!("{base}N{number}");
    }
    id
}
