//! A plan as a script of AWS CLI commands, for each account.

use std::collections::BTreeSet;

use super::EmittedFile;
use super::members::{self, Organization};
use super::parts::{self, Part, Step, Write, file_name, key_policy_stem};
use crate::access::Request;
use crate::arn::{AccountId, EntityArn, EntityName, KeyArn, PolicyArn};
use crate::escape::Escaped;
use crate::plan::{Handover, Operation, Plan, identity_policy};
use crate::render::command::{self, CommandLine};
use crate::shell::quote;

/// The scripts with their policies: `ACCOUNT/apply.sh`.
///
/// A script makes the same writes as `keymend apply`, and stops at the first that fails. Before it replaces
/// something, it sees that this still is what the plan was made on, and that it serves nobody else by now; a policy
/// that KMS gives back in another order of principals counts as changed there, which `keymend apply` knows better.
///
/// For an organization, `ORGANIZATION/apply.sh` makes the policy that each of its accounts needs.
pub fn cli(request: &Request, plan: &Plan) -> Vec<EmittedFile> {
    let parts = parts::by_account(plan).into_iter();
    let own = parts.flat_map(|(account, part)| of_account(request, account, (&part, &part.steps)));
    let organizations = members::organizations(request);
    own.chain(organizations.iter().flat_map(|organization| of_members(request, organization))).collect()
}

/// A part that is written, among all steps of the account.
pub(super) fn of_account(
    request: &Request,
    account: AccountId,
    (part, steps): (&Part<'_>, &[Step<'_>]),
) -> Vec<EmittedFile> {
    let mut script = Script { request, account, text: header(account), files: Vec::new() };
    for Step { comments, write } in &part.steps {
        script.text.push('\n');
        for comment in comments {
            script.line(comment);
        }
        match write {
            Write::KeyPolicy { key, before, after } => script.key_policy(key, before, after),
            Write::Other(operation) => {
                if let Some((policy, base_version, serves)) = replacement(operation, steps) {
                    script.guard(policy, base_version, serves);
                }
                script.other(operation);
            }
        }
    }
    for handover in &part.handovers {
        script.text.push('\n');
        script.handover(handover);
    }
    let program = EmittedFile { is_executable: true, ..EmittedFile::new(account, "apply.sh", script.text) };
    std::iter::once(program).chain(script.files).collect()
}

/// The policy that gets a new version by an operation, or by what an operation makes room for, with what the plan was
/// made on: its version in force and whom it serves.
fn replacement<'p>(
    operation: &Operation,
    steps: &[Step<'p>],
) -> Option<(&'p PolicyArn, &'p str, &'p [EntityName])> {
    let (Operation::CreatePolicyVersion { policy: touched, .. }
    | Operation::DeletePolicyVersion { policy: touched, .. }) = operation
    else {
        return None;
    };
    steps.iter().find_map(|step| match step.write {
        Write::Other(Operation::CreatePolicyVersion { policy, base_version, serves, .. })
            if policy == touched =>
        {
            Some((policy, base_version.as_str(), serves.as_slice()))
        }
        _ => None,
    })
}

fn header(account: AccountId) -> String {
    format!(
        "#!/usr/bin/env bash\n\
         # What keymend planned for account {account}, as AWS CLI commands.\n\
         # Run it with credentials of that account. It stops at the first command that fails.\n\
         set -euo pipefail\n\
         cd \"$(dirname \"$0\")\"\n\
         export AWS_PAGER=\n\
         \n\
         caller=$(aws sts get-caller-identity --query Account --output text)\n\
         if [ \"$caller\" != {account} ]; then\n\
         \x20 echo \"these credentials serve account $caller, not {account}\" >&2\n\
         \x20 exit 1\n\
         fi\n"
    )
}

/// Makes the policy in whichever account it is run for, and attaches it to whom it is told.
fn of_members(request: &Request, organization: &Organization<'_>) -> [EmittedFile; 2] {
    let name = request.policy_name.as_str();
    let create = command::create_members_policy(name);
    let text = format!(
        "#!/usr/bin/env bash\n\
         # The policy {name} for each account of {}:\n\
         # what whoever launches there needs beside the key policy.\n\
         # Run it with credentials of each such account, and with whom the policy is attached to: role/NAME, group/NAME,\n\
         # user/NAME. Where a policy of this name exists already, it stops.\n\
         set -euo pipefail\n\
         cd \"$(dirname \"$0\")\"\n\
         export AWS_PAGER=\n\
         \n\
         policy=$({create})\n\
         for entity in \"$@\"; do\n\
         \x20 aws iam \"attach-${{entity%%/*}}-policy\" \"--${{entity%%/*}}-name\" \"${{entity#*/}}\" --policy-arn \"$policy\"\n\
         done\n",
        Escaped(&organization.accounts())
    );
    let document = identity_policy::for_members(request);
    [
        EmittedFile { is_executable: true, ..EmittedFile::new(organization.id, "apply.sh", text) },
        EmittedFile::new(organization.id, &command::document_file(name), document),
    ]
}

/// A script in the making.
struct Script<'r> {
    request: &'r Request,
    account: AccountId,
    text: String,
    files: Vec<EmittedFile>,
}

impl Script<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn run(&mut self, command: &CommandLine) {
        self.line(&command.to_string());
    }

    fn file(&mut self, name: &str, text: &str) {
        self.files.push(EmittedFile::new(self.account, name, text));
    }

    /// Ends the run, since somebody else changed what the plan was made on.
    fn stop(&mut self, what: &str) {
        let message = format!("{what} is not what the plan was made on; nothing more is written");
        self.line(&format!("  printf '%s\\n' {} >&2\n  exit 6\nfi", quote(&message)));
    }

    /// Sees that a policy says what it said, for whom it did: a new version gives access to whoever it serves.
    fn guard(&mut self, policy: &PolicyArn, base_version: &str, serves: &[EntityName]) {
        let names: BTreeSet<String> =
            serves.iter().map(|entity| format!("{}/{}", entity.kind, entity.name)).collect();
        let names: Vec<String> = names.into_iter().collect();
        self.line(&format!("in_force=$({})", command::default_version(policy)));
        // In one order, whatever the locale; those whose boundary it is are listed with those it is attached to.
        self.line(&format!(
            "served=$({} | tr '\\t' '\\n' | LC_ALL=C sort -u)",
            command::users_of_policy(policy)
        ));
        self.line(&format!(
            "if [ \"$in_force\" != {} ] || [ \"$served\" != {} ]; then",
            quote(base_version),
            quote(&names.join("\n"))
        ));
        self.stop(&format!("the policy {policy}"));
    }

    fn key_policy(&mut self, key: &KeyArn, before: &str, after: &str) {
        let stem = key_policy_stem(key);
        let (former, file) = (format!("{stem}.before.json"), format!("{stem}.json"));
        self.file(&former, before);
        self.file(&file, after);
        self.line(&format!("live=$({})", command::get_key_policy(key)));
        // The shell leaves line ends at the end out on both sides.
        self.line(&format!("if [ \"$live\" = \"$(cat {})\" ]; then", quote(&former)));
        self.line(&format!("  {}", command::put_key_policy(key, &file)));
        self.line(&format!("elif [ \"$live\" != \"$(cat {})\" ]; then", quote(&file)));
        self.stop(&format!("the key policy of {key}"));
    }

    fn other(&mut self, operation: &Operation) {
        match operation {
            Operation::PruneOrphans(update)
            | Operation::UpdateKeyPolicy(update)
            | Operation::RestoreKeyPolicy(update)
            | Operation::ReduceKeyPolicy(update) => {
                self.key_policy(&update.key, &update.before, &update.after);
            }
            Operation::CreatePolicy { policy, description, after } => {
                self.create(policy, Some(description), after);
            }
            Operation::DeletePolicyVersion { policy, version, before, .. }
            | Operation::WithdrawPolicyVersion { policy, version, before } => {
                let version_name = file_name(version);
                self.file(&format!("{}.{version_name}.deleted.json", policy.name), before);
                self.run(&command::delete_policy_version(policy, version));
            }
            Operation::CreatePolicyVersion { policy, after, .. } => {
                self.file(&command::policy_file(policy), after);
                self.run(&command::create_policy_version(policy));
            }
            Operation::AttachPolicy { policy, entity, .. } => self.attach(policy, entity),
            Operation::DetachPolicy { policy, entity, .. } => {
                self.run(&command::detach_policy(policy, entity));
            }
            Operation::DeletePolicy { policy, before } => {
                self.file(&format!("{}.deleted.json", policy.name), before);
                self.run(&command::delete_policy(policy));
            }
            Operation::SetDefaultVersion { policy, version, .. } => {
                self.run(&command::set_default_version(policy, version));
            }
            Operation::CreateGrant { grant, .. } => self.run(&command::create_grant(grant)),
            Operation::RevokeGrant { key, grant } => self.run(&command::revoke_grant(key, &grant.id)),
        }
    }

    fn create(&mut self, policy: &PolicyArn, description: Option<&str>, document: &str) {
        self.file(&command::policy_file(policy), document);
        self.run(&command::create_policy(policy, description));
    }

    fn attach(&mut self, policy: &PolicyArn, entity: &EntityArn) {
        self.run(&command::attach_policy(policy, entity));
    }

    /// What could not be read is patched as it is found.
    fn handover(&mut self, handover: &Handover) {
        match handover {
            Handover::KeyPolicy { key, grantees, .. } => {
                let stem = key_policy_stem(key);
                let (former, file) = (format!("{stem}.before.json"), format!("{stem}.json"));
                self.line("# The key policy was not read; keymend patches what is there, without AWS.");
                let read = command::get_key_policy(key);
                self.line(&format!("{read} > {}", quote(&former)));
                let patch = command::patch(self.request, key, grantees, &former);
                self.line(&format!("{patch} > {}", quote(&file)));
                self.run(&command::put_key_policy(key, &file));
            }
            Handover::Identity { policy, document, entities, permission_set_roles, .. } => {
                self.line(
                    "# The account was not read: where a policy of this name exists already, this stops.",
                );
                self.create(policy, None, document);
                for entity in entities {
                    self.attach(policy, entity);
                }
                for role in permission_set_roles {
                    let text =
                        format!("# Reference the policy in the permission set of {}.", role.entity_name());
                    self.line(&text);
                }
            }
            Handover::Grant { grant } => {
                self.line("# The key policy has to permit this grant first.");
                self.run(&command::create_grant(grant));
            }
        }
    }
}
