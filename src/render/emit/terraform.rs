//! A plan as Terraform configuration, for each account.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::EmittedFile;
use super::hcl::{self, Names};
use super::members::{self, Organization};
use super::parts::{self, Part, Step, Write, key_policy_stem};
use crate::access::{NewGrant, Request};
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};
use crate::escape::Escaped;
use crate::plan::{Handover, Operation, Plan, identity_policy};
use crate::render::command;

/// What it takes, of what is used here: blocks that import came with
/// [1.5](https://developer.hashicorp.com/terraform/language/import), `aws_kms_key_policy` with 4.59.0: the prebuilt bindings
/// of cdktf for 4.58.0 (cdktf-cdktf-provider-aws 12.0.9) lack it, those for 4.59.0 (12.0.10) have it, and the others too. A
/// module has it once.
const VERSIONS: &str = "\
# `aws_kms_key_policy` came with 4.59.0 of the provider, `import` blocks with 1.5 of Terraform.
terraform {
  required_version = \">= 1.5\"

  required_providers {
    aws = {
      source  = \"hashicorp/aws\"
      version = \">= 4.59.0\"
    }
  }
}
";

/// The configuration with its policies: `ACCOUNT/keymend.tf` has the resources, `ACCOUNT/providers.tf` and
/// `ACCOUNT/versions.tf` what a configuration of one's own has already. Existing policies are imported.
///
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>
///
/// For an organization, `ORGANIZATION/keymend.tf` has the policy that each of its accounts needs, and with its `versions.tf`
/// it is a module.
pub fn terraform(request: &Request, plan: &Plan) -> Vec<EmittedFile> {
    let regions = regions(plan);
    let own = parts::by_account(plan).into_iter();
    let own = own.flat_map(|(account, part)| of_account(account, &part, &regions));
    let organizations = members::organizations(request);
    own.chain(organizations.iter().flat_map(|organization| of_members(request, organization))).collect()
}

/// A module for the configuration of each account.
fn of_members(request: &Request, organization: &Organization<'_>) -> [EmittedFile; 3] {
    let name = request.policy_name.as_str();
    let file = command::document_file(name);
    let attributes = [("name", hcl::quote(name)), ("policy", path_expression(&file))];
    let text = format!(
        "# The policy {name} for each account of {}:\n\
         # what whoever launches there needs beside the key policy. Put it into the configuration of each account, and attach\n\
         # it there.\n\nresource \"aws_iam_policy\" \"{}\" {{\n{}}}\n",
        Escaped(&organization.accounts()),
        Names::default().name(&format!("policy_{name}")),
        aligned(&attributes)
    );
    [
        EmittedFile::new(organization.id, "keymend.tf", text),
        EmittedFile::new(organization.id, "versions.tf", VERSIONS),
        EmittedFile::new(organization.id, &file, identity_policy::for_members(request)),
    ]
}

/// The regions of each account's keys; an account without keys takes those of the others.
fn regions(plan: &Plan) -> BTreeMap<Option<AccountId>, BTreeSet<String>> {
    let mut regions: BTreeMap<Option<AccountId>, BTreeSet<String>> = BTreeMap::new();
    let mut add = |key: &KeyArn| {
        regions.entry(Some(key.account)).or_default().insert(key.region.clone());
        regions.entry(None).or_default().insert(key.region.clone());
    };
    for coverage in &plan.coverage {
        add(&coverage.key);
    }
    regions
}

fn of_account(
    account: AccountId,
    part: &Part<'_>,
    regions: &BTreeMap<Option<AccountId>, BTreeSet<String>>,
) -> Vec<EmittedFile> {
    let own = regions.get(&Some(account)).or_else(|| regions.get(&None)).cloned().unwrap_or_default();
    let mut code = Configuration {
        account,
        text: format!(
            "# What keymend planned for account {account}. Put it into the configuration that owns these things:\n\
             # what another one makes of them is taken back by its next deployment.\n"
        ),
        files: Vec::new(),
        names: Names::default(),
        policies: BTreeMap::new(),
        main_region: own.first().cloned(),
    };
    for Step { comments, write } in &part.steps {
        code.text.push('\n');
        for comment in comments {
            code.line(comment);
        }
        match write {
            Write::KeyPolicy { key, after, .. } => code.key_policy(key, after),
            Write::Other(operation) => code.other(operation),
        }
    }
    for handover in &part.handovers {
        code.text.push('\n');
        code.handover(handover);
    }
    let mut files = vec![
        EmittedFile::new(account, "keymend.tf", code.text),
        EmittedFile::new(account, "providers.tf", providers(account, &own)),
        EmittedFile::new(account, "versions.tf", VERSIONS),
    ];
    files.extend(code.files);
    files
}

/// The content of a file beside the code.
fn path_expression(name: &str) -> String {
    // The one template that is meant.
    format!("file(\"${{path.module}}/{}\")", hcl::quote(name).trim_matches('"'))
}

/// Attributes as `terraform fmt` sets them.
fn aligned(attributes: &[(&str, String)]) -> String {
    let width = attributes.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in attributes {
        _ = writeln!(text, "  {name:<width$} = {value}");
    }
    text
}

/// Providers that refuse another account's credentials.
fn providers(account: AccountId, regions: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for (index, region) in regions.iter().enumerate() {
        let alias = (index > 0).then(|| ("alias", hcl::quote(&alias(region))));
        let mut attributes: Vec<(&str, String)> = alias.into_iter().collect();
        attributes.push(("region", hcl::quote(region)));
        attributes.push(("allowed_account_ids", format!("[\"{account}\"]")));
        let space = if index > 0 { "\n" } else { "" };
        _ = write!(text, "{space}provider \"aws\" {{\n{}}}\n", aligned(&attributes));
    }
    text
}

fn alias(region: &str) -> String {
    Names::default().name(region)
}

/// A configuration in the making.
struct Configuration {
    account: AccountId,
    text: String,
    files: Vec<EmittedFile>,
    names: Names,
    /// The resources of policies that are written here.
    policies: BTreeMap<PolicyArn, String>,
    /// The region of the provider without an alias.
    main_region: Option<String>,
}

impl Configuration {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A block of attributes, whose values are expressions.
    fn block(&mut self, head: &str, attributes: &[(&str, String)], rest: &str) {
        self.line(&format!("{head} {{"));
        self.text.push_str(&aligned(attributes));
        self.text.push_str(rest);
        self.line("}");
    }

    /// A file beside the code, as an expression.
    fn file(&mut self, name: &str, text: &str) -> String {
        self.files.push(EmittedFile::new(self.account, name, text));
        path_expression(name)
    }

    fn key_policy(&mut self, key: &KeyArn, after: &str) {
        let name = self.names.name(&format!("key_{}", key.id));
        let policy = self.file(&format!("{}.json", key_policy_stem(key)), after);
        let mut attributes = vec![("key_id", hcl::quote(&key.id)), ("policy", policy)];
        let provider = self.provider(key);
        attributes.extend(provider.clone());
        self.block(&format!("resource \"aws_kms_key_policy\" \"{name}\""), &attributes, "");
        let mut import = vec![("to", format!("aws_kms_key_policy.{name}")), ("id", hcl::quote(&key.id))];
        import.extend(provider);
        self.line("");
        self.block("import", &import, "");
    }

    /// The provider that a key's region takes, where that is not the one without an alias.
    fn provider(&self, key: &KeyArn) -> Option<(&'static str, String)> {
        let is_main = self.main_region.as_ref() == Some(&key.region);
        (!is_main).then(|| ("provider", format!("aws.{}", alias(&key.region))))
    }

    /// The key has to be given by its ARN, as it is another account's.
    ///
    /// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/kms_grant>
    fn grant(&mut self, grant: &NewGrant) {
        let name = self.names.name(&format!("grant_{}_{}", grant.grantee.arn().name, grant.key.id));
        let operations: Vec<String> =
            grant.operations.iter().map(|operation| hcl::quote(operation)).collect();
        let mut attributes = vec![
            ("name", hcl::quote(&grant.name)),
            ("key_id", hcl::quote(&grant.key.to_string())),
            ("grantee_principal", hcl::quote(&grant.grantee.to_string())),
            ("operations", format!("[{}]", operations.join(", "))),
        ];
        attributes.extend(self.provider(&grant.key));
        self.block(&format!("resource \"aws_kms_grant\" \"{name}\""), &attributes, "");
    }

    fn other(&mut self, operation: &Operation) {
        match operation {
            Operation::PruneOrphans(update)
            | Operation::UpdateKeyPolicy(update)
            | Operation::RestoreKeyPolicy(update)
            | Operation::ReduceKeyPolicy(update) => {
                self.key_policy(&update.key, &update.after);
            }
            Operation::CreatePolicy { policy, description, after } => {
                self.policy(policy, Some(description), after, "");
            }
            Operation::DeletePolicyVersion { version, .. } => {
                let version = hcl::quote(version);
                self.line(&format!("# Terraform deletes the oldest version itself, which is {version}."));
            }
            Operation::CreatePolicyVersion { policy, after, .. }
            | Operation::SetDefaultVersion { policy, after, .. } => self.existing_policy(policy, after),
            Operation::AttachPolicy { policy, entity, .. } => self.attachment(policy, entity),
            // What goes is taken out of a configuration, not put into it.
            Operation::WithdrawPolicyVersion { .. } => {
                self.line("# Terraform keeps former versions, up to four; nothing has to be done here.");
            }
            Operation::DetachPolicy { policy, entity, .. } => {
                let kind = entity.kind;
                let policy = policy.to_string();
                self.line(&format!(
                    "# Take the aws_iam_{kind}_policy_attachment of {} to {} out of the configuration.",
                    Escaped(&policy),
                    Escaped(&entity.name)
                ));
            }
            Operation::DeletePolicy { policy, .. } => {
                let policy = policy.to_string();
                self.line(&format!(
                    "# Take the aws_iam_policy of {} out of the configuration.",
                    Escaped(&policy)
                ));
            }
            Operation::CreateGrant { grant, .. } => self.grant(grant),
            Operation::RevokeGrant { grant, .. } => {
                self.line(&format!(
                    "# Take the aws_kms_grant {} out of the configuration.",
                    Escaped(&grant.id)
                ));
            }
        }
    }

    /// A policy that is there already, whichever way its document comes to be in force.
    fn existing_policy(&mut self, policy: &PolicyArn, document: &str) {
        // A description can't be changed: without this, Terraform would make the policy anew.
        const KEEP: &str = "\n  lifecycle {\n    ignore_changes = [description, tags, tags_all]\n  }\n";
        let name = self.policy(policy, None, document, KEEP);
        let id = hcl::quote(&policy.to_string());
        self.line("");
        self.block("import", &[("to", format!("aws_iam_policy.{name}")), ("id", id)], "");
    }

    fn policy(
        &mut self,
        policy: &PolicyArn,
        description: Option<&str>,
        document: &str,
        rest: &str,
    ) -> String {
        let name = self.names.name(&format!("policy_{}", policy.name));
        let document = self.file(&command::policy_file(policy), document);
        let mut attributes = vec![("name", hcl::quote(&policy.name)), ("path", hcl::quote(&policy.path))];
        attributes.extend(description.map(|text| ("description", hcl::quote(text))));
        attributes.push(("policy", document));
        self.block(&format!("resource \"aws_iam_policy\" \"{name}\""), &attributes, rest);
        self.policies.insert(policy.clone(), name.clone());
        name
    }

    /// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role_policy_attachment>
    fn attachment(&mut self, policy: &PolicyArn, entity: &EntityArn) {
        let kind = entity.kind.as_str();
        let name = self.names.name(&format!("{kind}_{}", entity.name));
        let arn = self.policies.get(policy).map(|name| format!("aws_iam_policy.{name}.arn"));
        let arn = arn.unwrap_or_else(|| hcl::quote(&policy.to_string()));
        let attributes = [(kind, hcl::quote(&entity.name)), ("policy_arn", arn)];
        self.block(&format!("resource \"aws_iam_{kind}_policy_attachment\" \"{name}\""), &attributes, "");
    }

    fn handover(&mut self, handover: &Handover) {
        match handover {
            Handover::KeyPolicy { key, statements, .. } => {
                let name = format!("{}.statements.json", key_policy_stem(key));
                let statements = serde_json::Value::from(statements.clone());
                self.files.push(EmittedFile::new(self.account, &name, format!("{statements:#}\n")));
                let key = key.to_string();
                self.line(&format!(
                    "# The policy of the key {} was not read: add to its statements those in {name},\n\
                     # or let `keymend patch` do it.",
                    Escaped(&key)
                ));
            }
            Handover::Identity { policy, document, entities, permission_set_roles, .. } => {
                self.line("# The account was not read: where a policy of this name exists already, add the statements to it.");
                self.policy(policy, None, document, "");
                for entity in entities {
                    self.line("");
                    self.attachment(policy, entity);
                }
                for role in permission_set_roles {
                    let text =
                        format!("\n# Reference the policy in the permission set of {}.", role.entity_name());
                    self.line(&text);
                }
            }
            Handover::Grant { grant } => {
                self.line("# The key policy has to permit this grant first.");
                self.grant(grant);
            }
        }
    }
}
