//! Commands that people copy into their shell.

use std::fmt;
use std::io::{self, Write};

use crate::access::{Grantee, NewGrant, PolicyName, Request};
use crate::arn::{EntityArn, EntityKind, KeyArn, PolicyArn};
use crate::plan::Handover;
use crate::render::Styles;
use crate::render::shell;
use crate::render::styles::paint;

/// A command line in pieces that stay on one line: the program, then each option with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pieces: Vec<String>,
}

impl fmt::Display for Command {
    /// In one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pieces.join(" "))
    }
}

impl Command {
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

/// The `keymend fix` command that does what is handed over.
pub(crate) fn fix(request: &Request, handover: &Handover) -> Command {
    let command = Command::new("keymend fix");
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
        Handover::Grant { grant } => command
            .option("--key", &grant.key.to_string())
            .option("--service-linked-role", &grant.grantee.to_string()),
    };
    if request.policy_name == PolicyName::default() {
        command
    } else {
        command.option("--policy-name", request.policy_name.as_str())
    }
}

/// The `keymend fix` command for one grantee and key.
pub(crate) fn fix_for(grantee: &Grantee, key: &KeyArn) -> Command {
    grantee_option(Command::new("keymend fix").option("--key", &key.to_string()), grantee)
}

fn grantee_option(command: Command, grantee: &Grantee) -> Command {
    match grantee {
        Grantee::Account { id, .. } => command.option("--account", &id.to_string()),
        Grantee::Entity(entity) => command.option(entity_option(entity), &entity.to_string()),
        Grantee::ServiceLinkedRole(role) => command.option("--service-linked-role", &role.to_string()),
    }
}

fn entity_option(entity: &EntityArn) -> &'static str {
    match entity.kind {
        EntityKind::User | EntityKind::Role => "--principal",
        EntityKind::Group => "--group",
    }
}

/// Reads a key policy into a file and writes it back from there.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/kms/put-key-policy.html>
pub(crate) fn edit_key_policy(key: &KeyArn) -> [Command; 2] {
    let command = |program: &str| {
        Command::new(program)
            .option("--region", &key.region)
            .option("--key-id", &key.to_string())
            .option("--policy-name", "default")
    };
    let file = format!("key-policy-{}.json", key.short_id());
    [
        command("aws kms get-key-policy")
            .option("--query", "Policy")
            .option("--output", "text")
            .shell(&format!("> {}", shell::quote(&file))),
        command("aws kms put-key-policy").option("--policy", &format!("file://{file}")),
    ]
}

/// The file that a policy's document is saved in.
pub(crate) fn policy_file(policy: &PolicyArn) -> String {
    format!("{}.json", policy.name)
}

/// Creates a managed policy from its file and attaches it.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/iam/create-policy.html>
pub(crate) fn create_and_attach(policy: &PolicyArn, entities: &[EntityArn]) -> Vec<Command> {
    let create = Command::new("aws iam create-policy").option("--policy-name", &policy.name);
    let create = if policy.path == "/" { create } else { create.option("--path", &policy.path) };
    let create = create.option("--policy-document", &format!("file://{}", policy_file(policy)));
    let attach = |entity: &EntityArn| {
        let kind = entity.kind;
        Command::new(&format!("aws iam attach-{kind}-policy"))
            .option(&format!("--{kind}-name"), &entity.name)
            .option("--policy-arn", &policy.to_string())
    };
    std::iter::once(create).chain(entities.iter().map(attach)).collect()
}

/// Creates a grant.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/kms/create-grant.html>
pub(crate) fn create_grant(grant: &NewGrant) -> Command {
    let command = Command::new("aws kms create-grant")
        .option("--region", &grant.key.region)
        .option("--key-id", &grant.key.to_string())
        .option("--grantee-principal", &grant.grantee.to_string())
        .shell("--operations");
    let operations = grant.operations.iter();
    let command = operations.fold(command, |command, operation| command.shell(&shell::quote(operation)));
    command.option("--name", &grant.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{self, written};

    fn shown(command: &Command, width: usize) -> String {
        written(|out| command.write(out, &Styles::plain(), width, 2))
    }

    #[test]
    fn long_commands_go_on_in_the_next_line() {
        let command =
            Command::new("aws kms put-key-policy").option("--region", "eu-west-1").option("--key-id", "a b");
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
            format!("keymend fix --key {} --service-linked-role {}", testing::KEY, testing::LINKED)
        );
        request.policy_name = "Other".parse().unwrap();
        request.prune_orphans = true;
        let key_policy = fix(&request, &testing::key_policy_handover());
        assert_eq!(
            key_policy.pieces.join(" "),
            format!(
                "keymend fix --key {} --account 444455556666 --principal {} --prune-orphans --policy-name Other",
                testing::KEY,
                testing::ROLE
            )
        );
    }
}
