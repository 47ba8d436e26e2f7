//! Commands that people copy into their shell.

use std::fmt;
use std::io::{self, Write};

use crate::access::{
    CoverageRule, Grantee, MembersRole, NewGrant, PolicyName, Profile, Purpose, Request, ServiceLinkedRole,
    WellKnownRole,
};
use crate::arn::{EntityArn, EntityKind, KeyArn, Members, PolicyArn};
use crate::plan::Handover;
use crate::render::Styles;
use crate::render::styles::paint;
use crate::shell;

/// A command line in pieces that stay on one line: the program, then each option with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pieces: Vec<String>,
}

impl fmt::Display for CommandLine {
    /// In one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pieces.join(" "))
    }
}

impl CommandLine {
    fn new(program: &str) -> Self {
        Self { pieces: vec![program.to_owned()] }
    }

    fn option(mut self, name: &str, value: &str) -> Self {
        self.pieces.push(format!("{name} {}", shell::quote(value)));
        self
    }

    /// Adds options that are quoted already.
    pub(crate) fn with(mut self, pieces: &[String]) -> Self {
        self.pieces.extend_from_slice(pieces);
        self
    }

    fn shell(mut self, piece: &str) -> Self {
        self.pieces.push(piece.to_owned());
        self
    }

    /// Writes the command with a blank line before it, continued over lines where it is too long for one.
    pub(crate) fn write(
        &self,
        out: &mut dyn Write,
        styles: &Styles,
        width: usize,
        indent: usize,
    ) -> io::Result<()> {
        const CONTINUED: usize = 4;
        let mut lines: Vec<String> = Vec::new();
        for piece in &self.pieces {
            let room = width.saturating_sub(indent + CONTINUED + " \\".len());
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + piece.chars().count() <= room => {
                    line.push(' ');
                    line.push_str(piece);
                }
                _ => lines.push(piece.clone()),
            }
        }
        writeln!(out)?;
        let last = lines.len().saturating_sub(1);
        for (index, line) in lines.iter().enumerate() {
            let indent = if index == 0 { indent } else { indent + CONTINUED };
            let end = if index == last { "" } else { " \\" };
            writeln!(out, "{:indent$}{}", "", paint(styles.command, format_args!("{line}{end}")))?;
        }
        Ok(())
    }
}

/// The `keymend fix` command that was asked for.
pub(crate) fn fix_request(request: &Request) -> CommandLine {
    // The default EBS keys are found again by what instances launch from.
    let keys = request.keys.iter().filter(|key| !request.only_for.contains_key(*key));
    let command =
        keys.fold(CommandLine::new("keymend fix"), |command, key| command.option("--key", &key.to_string()));
    let command = request.grantees.iter().fold(command, grantee_option);
    let command = if request.prune_orphans { command.shell("--prune-orphans") } else { command };
    with_shape(command, request)
}

/// The command that takes a run back; without its id the last one.
pub(crate) fn rollback(run: Option<&str>) -> CommandLine {
    let command = CommandLine::new("keymend rollback");
    run.into_iter().fold(command, |command, run| command.shell(&shell::quote(run)))
}

/// The command that carries a saved plan out.
pub(crate) fn apply(plan: &str) -> CommandLine {
    CommandLine::new("keymend apply").shell(&shell::quote(plan))
}

/// The `keymend fix` command that does what is handed over.
pub(crate) fn fix(request: &Request, handover: &Handover) -> CommandLine {
    let command = CommandLine::new("keymend fix");
    let command = match handover {
        Handover::KeyPolicy { key, grantees, .. } => {
            let command = command.option("--key", &key.to_string());
            let command = grantees.iter().fold(command, grantee_option);
            if request.prune_orphans { command.shell("--prune-orphans") } else { command }
        }
        Handover::Identity { keys, entities, permission_set_roles, .. } => {
            let command = keys.iter().fold(command, |command, key| command.option("--key", &key.to_string()));
            entities
                .iter()
                .chain(permission_set_roles)
                .fold(command, |command, entity| command.option(entity_option(entity), &entity.to_string()))
        }
        Handover::Grant { grant } => {
            role_option(command.option("--key", &grant.key.to_string()), &grant.grantee)
        }
    };
    with_shape(command, request)
}

/// The options that shaped a plan besides keys and grantees.
fn with_shape(command: CommandLine, request: &Request) -> CommandLine {
    let command = with_purpose(with_profile(command, request.profile), request.purpose);
    let command = match request.coverage {
        CoverageRule::Named => command,
        CoverageRule::Effective => command.option("--coverage", "effective"),
    };
    if request.policy_name == PolicyName::default() {
        command
    } else {
        command.option("--policy-name", request.policy_name.as_str())
    }
}

fn with_profile(command: CommandLine, profile: Profile) -> CommandLine {
    match profile {
        Profile::Documented => command,
        Profile::LeastPrivilege => command.shell("--least-privilege"),
    }
}

/// The `keymend fix` command for one grantee and key.
pub(crate) fn fix_for(grantee: &Grantee, key: &KeyArn, purpose: Purpose) -> CommandLine {
    let command = CommandLine::new("keymend fix").option("--key", &key.to_string());
    with_purpose(grantee_option(command, grantee), purpose)
}

/// A start is asked for in words, as what else is named may not tell it.
fn with_purpose(command: CommandLine, purpose: Purpose) -> CommandLine {
    match purpose {
        Purpose::Launch => command,
        Purpose::Start => command.option("--purpose", "start"),
    }
}

fn grantee_option(command: CommandLine, grantee: &Grantee) -> CommandLine {
    match grantee {
        Grantee::Account { id, .. } => command.option("--account", &id.to_string()),
        Grantee::Entity(entity) => command.option(entity_option(entity), &entity.to_string()),
        Grantee::ServiceLinkedRole(role) => role_option(command, role),
        Grantee::Members(members) => members_option(command, members),
        Grantee::MembersRole(role) => command.option("--autoscaling", &role.option_value(&role.members)),
    }
}

fn members_option(command: CommandLine, members: &Members) -> CommandLine {
    match members {
        Members::Organization(id) => command.option("--organization", id.as_str()),
        Members::Unit(unit) => command.option("--ou", &unit.to_string()),
    }
}

fn role_option(command: CommandLine, role: &ServiceLinkedRole) -> CommandLine {
    match role.well_known() {
        Some(WellKnownRole::AutoScaling { account, suffix: Some(suffix) }) => {
            command.option("--autoscaling", &format!("{account}:{suffix}"))
        }
        Some(WellKnownRole::AutoScaling { account, suffix: None }) => {
            command.option("--autoscaling", &account.to_string())
        }
        Some(WellKnownRole::Spot { account }) => command.option("--spot", &account.to_string()),
        None => command.option("--service-linked-role", &role.to_string()),
    }
}

fn entity_option(entity: &EntityArn) -> &'static str {
    match entity.kind {
        EntityKind::User | EntityKind::Role => "--principal",
        EntityKind::Group => "--group",
    }
}

/// The `keymend patch` command that patches a key policy's file as it is handed over.
pub(crate) fn patch(request: &Request, key: &KeyArn, grantees: &[Grantee], file: &str) -> CommandLine {
    let command = CommandLine::new("keymend patch").option("--key", &key.to_string());
    let mut principals: Vec<Grantee> = Vec::new();
    for principal in grantees.iter().map(Grantee::key_principal) {
        if !principals.contains(&principal) {
            principals.push(principal);
        }
    }
    // What is a service-linked role shows in its ARN.
    let option = |command: CommandLine, grantee: &Grantee| match grantee {
        Grantee::ServiceLinkedRole(role) => command.option("--principal", &role.to_string()),
        other => grantee_option(command, other),
    };
    let command = with_profile(principals.iter().fold(command, option), request.profile);
    command.shell(&shell::quote(file))
}

fn key_policy_command(operation: &str, key: &KeyArn) -> CommandLine {
    CommandLine::new(&format!("aws kms {operation}"))
        .option("--region", &key.region)
        .option("--key-id", &key.to_string())
        .option("--policy-name", "default")
}

/// Prints a key policy as it is.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/kms/get-key-policy.html>
pub(crate) fn get_key_policy(key: &KeyArn) -> CommandLine {
    key_policy_command("get-key-policy", key).option("--query", "Policy").option("--output", "text")
}

/// Writes a key policy from a file.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/kms/put-key-policy.html>
pub(crate) fn put_key_policy(key: &KeyArn, file: &str) -> CommandLine {
    key_policy_command("put-key-policy", key).option("--policy", &format!("file://{file}"))
}

/// The file that a key policy is edited in.
fn key_policy_file(key: &KeyArn) -> String {
    format!("key-policy-{}.json", key.short_id())
}

/// Reads a key policy into a file and writes it back from there.
pub(crate) fn edit_key_policy(key: &KeyArn) -> [CommandLine; 2] {
    let file = key_policy_file(key);
    [get_key_policy(key).shell(&format!("> {}", shell::quote(&file))), put_key_policy(key, &file)]
}

/// The file that a policy's document is saved in.
pub(crate) fn policy_file(policy: &PolicyArn) -> String {
    document_file(&policy.name)
}

/// The file that the document of a policy of this name is saved in.
pub(crate) fn document_file(name: &str) -> String {
    format!("{name}.json")
}

/// Creates a managed policy from its file.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/create-policy.html>
pub(crate) fn create_policy(policy: &PolicyArn, description: Option<&str>) -> CommandLine {
    let create = CommandLine::new("aws iam create-policy").option("--policy-name", &policy.name);
    let create = if policy.path == "/" { create } else { create.option("--path", &policy.path) };
    let create = create.option("--policy-document", &format!("file://{}", policy_file(policy)));
    description.into_iter().fold(create, |create, text| create.option("--description", text))
}

/// Attaches a managed policy.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/attach-role-policy.html>
pub(crate) fn attach_policy(policy: &PolicyArn, entity: &EntityArn) -> CommandLine {
    attachment_command("attach", policy, entity)
}

/// Creates a managed policy from its file and attaches it.
pub(crate) fn create_and_attach(policy: &PolicyArn, entities: &[EntityArn]) -> Vec<CommandLine> {
    let attach = entities.iter().map(|entity| attach_policy(policy, entity));
    std::iter::once(create_policy(policy, None)).chain(attach).collect()
}

/// Prints the id of a managed policy's version in force.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/get-policy.html>
pub(crate) fn default_version(policy: &PolicyArn) -> CommandLine {
    CommandLine::new("aws iam get-policy")
        .option("--policy-arn", &policy.to_string())
        .option("--query", "Policy.DefaultVersionId")
        .option("--output", "text")
}

/// Prints whom a managed policy is attached to and whose boundary it is: `role/NAME` and the like, with tabs between.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/list-entities-for-policy.html>
pub(crate) fn users_of_policy(policy: &PolicyArn) -> CommandLine {
    const NAMES: &str = "[PolicyGroups[].join('/', ['group', GroupName]), PolicyRoles[].join('/', ['role', \
                         RoleName]), PolicyUsers[].join('/', ['user', UserName])][]";
    CommandLine::new("aws iam list-entities-for-policy")
        .option("--policy-arn", &policy.to_string())
        .option("--query", NAMES)
        .option("--output", "text")
}

/// Detaches a managed policy.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/detach-role-policy.html>
pub(crate) fn detach_policy(policy: &PolicyArn, entity: &EntityArn) -> CommandLine {
    attachment_command("detach", policy, entity)
}

fn attachment_command(verb: &str, policy: &PolicyArn, entity: &EntityArn) -> CommandLine {
    let kind = entity.kind;
    CommandLine::new(&format!("aws iam {verb}-{kind}-policy"))
        .option(&format!("--{kind}-name"), &entity.name)
        .option("--policy-arn", &policy.to_string())
}

/// Deletes a managed policy that has one version and is attached to nobody.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/delete-policy.html>
pub(crate) fn delete_policy(policy: &PolicyArn) -> CommandLine {
    CommandLine::new("aws iam delete-policy").option("--policy-arn", &policy.to_string())
}

/// Puts a version of a managed policy in force.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/set-default-policy-version.html>
pub(crate) fn set_default_version(policy: &PolicyArn, version: &str) -> CommandLine {
    CommandLine::new("aws iam set-default-policy-version")
        .option("--policy-arn", &policy.to_string())
        .option("--version-id", version)
}

/// Makes a version of a managed policy from its file, and puts it in force.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/create-policy-version.html>
pub(crate) fn create_policy_version(policy: &PolicyArn) -> CommandLine {
    CommandLine::new("aws iam create-policy-version")
        .option("--policy-arn", &policy.to_string())
        .option("--policy-document", &format!("file://{}", policy_file(policy)))
        .shell("--set-as-default")
}

/// Deletes a version of a managed policy.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/delete-policy-version.html>
pub(crate) fn delete_policy_version(policy: &PolicyArn, version: &str) -> CommandLine {
    CommandLine::new("aws iam delete-policy-version")
        .option("--policy-arn", &policy.to_string())
        .option("--version-id", version)
}

/// Creates a managed policy from its file, in whichever account, and prints its ARN.
pub(crate) fn create_members_policy(name: &str) -> CommandLine {
    CommandLine::new("aws iam create-policy")
        .option("--policy-name", name)
        .option("--policy-document", &format!("file://{}", document_file(name)))
        .option("--query", "Policy.Arn")
        .option("--output", "text")
}

/// Creates a grant.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/kms/create-grant.html>
pub(crate) fn create_grant(grant: &NewGrant) -> CommandLine {
    let command = CommandLine::new("aws kms create-grant")
        .option("--region", &grant.key.region)
        .option("--key-id", &grant.key.to_string())
        .option("--grantee-principal", &grant.grantee.to_string())
        .shell("--operations");
    let operations = grant.operations.iter();
    let command = operations.fold(command, |command, operation| command.shell(&shell::quote(operation)));
    command.option("--name", &grant.name)
}

/// Revokes a grant.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/kms/revoke-grant.html>
pub(crate) fn revoke_grant(key: &KeyArn, id: &str) -> CommandLine {
    CommandLine::new("aws kms revoke-grant")
        .option("--region", &key.region)
        .option("--key-id", &key.to_string())
        .option("--grant-id", id)
}

/// Prints the id of an organization's root, with credentials of its management account or a delegated one.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/organizations/list-roots.html>
pub(crate) fn organization_root() -> CommandLine {
    CommandLine::new("aws organizations list-roots")
        .option("--query", "Roots[0].Id")
        .option("--output", "text")
}

/// A command on the stack or stack set of the request's policy, in the region of its first key: IAM is of none.
fn stack_command(operation: &str, name_option: &str, request: &Request) -> CommandLine {
    let command = CommandLine::new(&format!("aws cloudformation {operation}"));
    let command = request
        .keys
        .first()
        .into_iter()
        .fold(command, |command, key| command.option("--region", &key.region));
    command.option(name_option, &stack_name(&request.policy_name))
}

/// Letters, digits and hyphens, a letter first.
fn stack_name(policy: &PolicyName) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = policy.as_str().chars().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("keymend-{name}") }
}

/// Makes a stack of a template that names what it makes in IAM.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/>
pub(crate) fn deploy_stack(request: &Request, template: &str) -> CommandLine {
    stack_command("deploy", "--stack-name", request)
        .option("--template-file", template)
        .option("--capabilities", "CAPABILITY_NAMED_IAM")
}

/// Makes a stack set for the accounts of an organization.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/cloudformation/create-stack-set.html>
pub(crate) fn create_stack_set(request: &Request, template: &str) -> CommandLine {
    stack_command("create-stack-set", "--stack-set-name", request)
        .option("--template-body", &format!("file://{template}"))
        .option("--capabilities", "CAPABILITY_NAMED_IAM")
        .option("--permission-model", "SERVICE_MANAGED")
        .shell("--auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false")
}

/// Deploys a stack set to organizational units, given as they stand in a shell.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/cloudformation/create-stack-instances.html>
pub(crate) fn create_stack_instances(request: &Request, units: &str) -> CommandLine {
    let command = stack_command("create-stack-instances", "--stack-set-name", request)
        .shell(&format!("--deployment-targets OrganizationalUnitIds={units}"));
    request.keys.first().into_iter().fold(command, |command, key| command.option("--regions", &key.region))
}

/// The `keymend fix` command for the Auto Scaling groups of an account that has yet to be named.
pub(crate) fn grant_for_autoscaling(request: &Request) -> CommandLine {
    let keys = request.keys_for(None);
    let command =
        keys.fold(CommandLine::new("keymend fix"), |command, key| command.option("--key", &key.to_string()));
    with_profile(command.shell("--autoscaling ACCOUNT"), request.profile)
}

/// The `keymend fix` command that makes the grant of one account's role, with its credentials; `ACCOUNT` and `PROFILE` have
/// yet to be named.
pub(crate) fn grant_of_member<'k>(
    keys: impl IntoIterator<Item = &'k KeyArn>,
    role: &MembersRole,
) -> CommandLine {
    let command = CommandLine::new("keymend fix");
    let command = keys.into_iter().fold(command, |command, key| command.option("--key", &key.to_string()));
    let command = command.option("--autoscaling", &role.option_value(&"ACCOUNT"));
    command.shell("--account-profile ACCOUNT=PROFILE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{self, written};

    fn shown(command: &CommandLine, width: usize) -> String {
        written(|out| command.write(out, &Styles::plain(), width, 2))
    }

    #[test]
    fn long_commands_go_on_in_the_next_line() {
        let command = CommandLine::new("aws kms put-key-policy")
            .option("--region", "eu-west-1")
            .option("--key-id", "a b");
        assert_eq!(shown(&command, 80), "\n  aws kms put-key-policy --region eu-west-1 --key-id 'a b'\n");
        assert_eq!(
            shown(&command, 50),
            "\n  aws kms put-key-policy --region eu-west-1 \\\n      --key-id 'a b'\n"
        );
    }

    #[test]
    fn fix_names_everything_that_was_asked_for() {
        let mut request = testing::request(&[]);
        let identity = fix(&request, &testing::identity_handover());
        assert_eq!(
            identity.pieces.join(" "),
            format!(
                "keymend fix --key {} --principal {} --group {} --principal arn:aws:iam::444455556666:user/jo",
                testing::KEY,
                testing::ROLE,
                testing::GROUP
            )
        );
        assert_eq!(
            fix(&request, &testing::grant_handover()).pieces.join(" "),
            format!("keymend fix --key {} --autoscaling 444455556666", testing::KEY)
        );
        for (role, option) in [
            (
                "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_blue",
                "--autoscaling 444455556666:blue",
            ),
            ("spot.amazonaws.com/AWSServiceRoleForEC2Spot", "--spot 444455556666"),
            (
                "spotfleet.amazonaws.com/AWSServiceRoleForEC2SpotFleet",
                "--service-linked-role \
                 arn:aws:iam::444455556666:role/aws-service-role/spotfleet.amazonaws.com/AWSServiceRoleForEC2SpotFleet",
            ),
        ] {
            let role = format!("arn:aws:iam::444455556666:role/aws-service-role/{role}");
            let command = fix_for(&role.parse().unwrap(), &testing::KEY.parse().unwrap(), Purpose::Launch);
            assert_eq!(command.to_string(), format!("keymend fix --key {} {option}", testing::KEY));
        }
        request.policy_name = "Other".parse().unwrap();
        request.prune_orphans = true;
        request.profile = Profile::LeastPrivilege;
        request.coverage = CoverageRule::Effective;
        let key_policy = fix(&request, &testing::key_policy_handover());
        assert_eq!(
            key_policy.pieces.join(" "),
            format!(
                "keymend fix --key {} --account 444455556666 --principal {} --prune-orphans --least-privilege --coverage effective \
                 --policy-name Other",
                testing::KEY,
                testing::ROLE
            )
        );
    }
}
