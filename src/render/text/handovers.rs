//! What the administrators of other accounts have to do, ready to be sent to them.

use std::io::{self, Write};

use super::names;
use crate::access::{Grantee, NewGrant, Request};
use crate::arn::{EntityArn, KeyArn, PolicyArn};
use crate::diff;
use crate::escape::EscapedJson;
use crate::plan::listing::all_listed;
use crate::plan::{Handover, identity_policy};
use crate::render::Styles;
use crate::render::command::{self, CommandLine};
use crate::render::prose::Prose;

const INDENT: usize = 2;
const CODE: usize = 4;

/// Writes for each account that no credentials serve what its administrator has to do: the statements or the
/// policy, the AWS CLI's commands, and the `keymend fix` command that does the same.
///
/// # Errors
/// What the writer returns.
pub fn handovers(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    request: &Request,
    handovers: &[Handover],
) -> io::Result<()> {
    for (index, handover) in handovers.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let heading = format!("For an administrator of account {}:", handover.account());
        Prose::new().styled(styles.strong, &heading).write(out, width, 0)?;
        let page = Page { styles, width };
        match handover {
            Handover::KeyPolicy { key, statements, .. } => page.key_policy(out, key, statements)?,
            Handover::Identity { policy, document, entities, .. } => {
                page.identity(out, policy, document, entities)?;
            }
            Handover::Grant { grant } => page.grant(out, grant)?,
        }
        page.say(out, &credentials_for_keymend(handover))?;
        command::fix(request, handover).write(out, styles, width, CODE)?;
    }
    Ok(())
}

/// Writes what the accounts of an organization or OU need that is among the grantees: a policy, the same in each, and of
/// those with Auto Scaling groups each its grant.
///
/// # Errors
/// What the writer returns.
pub fn members(out: &mut dyn Write, styles: &Styles, width: usize, request: &Request) -> io::Result<()> {
    let members = request.grantees.iter().filter_map(Grantee::as_members);
    let members: Vec<String> = members.map(ToString::to_string).collect();
    let page = Page { styles, width };
    if !members.is_empty() {
        of_members(out, &page, request, &members)?;
    }
    let roles = request.grantees.iter().filter_map(Grantee::as_members_role);
    for (index, role) in roles.enumerate() {
        if index > 0 || !members.is_empty() {
            writeln!(out)?;
        }
        let heading = format!(
            "For an administrator of each account of {} that has Auto Scaling groups:",
            all_listed(&[role.members.to_string()])
        );
        Prose::new().styled(styles.strong, &heading).write(out, width, 0)?;
        page.say(
            out,
            &format!(
                "Create the grant for its own {}, with credentials of that account and of the key's:",
                role.name()
            ),
        )?;
        page.commands(out, &[command::grant_of_member(request.keys_for(None), role)])?;
    }
    Ok(())
}

fn of_members(out: &mut dyn Write, page: &Page<'_>, request: &Request, members: &[String]) -> io::Result<()> {
    let heading = format!("For an administrator of each account of {}:", all_listed(members));
    Prose::new().styled(page.styles.strong, &heading).write(out, page.width, 0)?;
    let name = request.policy_name.as_str();
    let file = command::document_file(name);
    page.say(
        out,
        &format!("Create the policy {name} and attach it to whoever launches there. Save as {file}:"),
    )?;
    write_code(out, &identity_policy::for_members(request))?;
    page.say(out, "With the AWS CLI:")?;
    page.commands(out, &[command::create_members_policy(name)])?;
    page.say(out, "In all accounts at once, but for the management account: `keymend fix --dry-run --emit cloudformation` writes a template for a StackSet.")
}

/// Grants are listed with the credentials of the key's account, so keymend needs both.
fn credentials_for_keymend(handover: &Handover) -> String {
    match handover {
        Handover::KeyPolicy { .. } | Handover::Identity { .. } => {
            "Or let keymend do it, with that account's credentials:".to_owned()
        }
        Handover::Grant { grant } => format!(
            "Or let keymend do it, with credentials of that account and of the key's account {}:",
            grant.key.account
        ),
    }
}

/// Where a hand-over is written.
struct Page<'a> {
    styles: &'a Styles,
    width: usize,
}

impl Page<'_> {
    fn key_policy(
        &self,
        out: &mut dyn Write,
        key: &KeyArn,
        statements: &[serde_json::Value],
    ) -> io::Result<()> {
        self.say(out, &format!("Add to the Statement list of the key policy of {key}:"))?;
        let documents: Vec<String> = statements.iter().map(|statement| format!("{statement:#}")).collect();
        write_code(out, &documents.join(",\n"))?;
        self.say(out, "With the AWS CLI: read the policy, add the statements, write it back.")?;
        self.commands(out, &command::edit_key_policy(key))
    }

    fn identity(
        &self,
        out: &mut dyn Write,
        policy: &PolicyArn,
        document: &str,
        entities: &[EntityArn],
    ) -> io::Result<()> {
        let file = command::policy_file(policy);
        let attach = if entities.is_empty() {
            String::new()
        } else {
            format!(" and attach it to {}", names::list(entities.iter().map(EntityArn::entity_name)))
        };
        self.say(out, &format!("Create the policy {}{attach}. Save as {file}:", policy.name))?;
        write_code(out, diff::pretty(document).as_deref().unwrap_or(document))?;
        self.say(out, "With the AWS CLI:")?;
        self.commands(out, &command::create_and_attach(policy, entities))?;
        self.say(
            out,
            "Where a policy of this name exists already, add the statements to it in a new default version instead \
             of creating it.",
        )
    }

    fn grant(&self, out: &mut dyn Write, grant: &NewGrant) -> io::Result<()> {
        let name = &grant.grantee.arn().name;
        self.say(
            out,
            &format!(
                "Create a grant for {name} on {}, once its key policy lets account {} do so. With the AWS CLI:",
                grant.key,
                grant.account()
            ),
        )?;
        self.commands(out, &[command::create_grant(grant)])?;
        self.say(out, "Whoever does it needs this statement in an IAM policy of their own:")?;
        write_code(out, &format!("{:#}", grant.identity_statement()))
    }

    /// Writes a sentence with a blank line before it.
    fn say(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        writeln!(out)?;
        Prose::new().text(text).write(out, self.width, INDENT)
    }

    fn commands(&self, out: &mut dyn Write, commands: &[CommandLine]) -> io::Result<()> {
        commands.iter().try_for_each(|command| command.write(out, self.styles, self.width, CODE))
    }
}

fn write_code(out: &mut dyn Write, json: &str) -> io::Result<()> {
    writeln!(out)?;
    json.lines().try_for_each(|line| writeln!(out, "{:CODE$}{}", "", EscapedJson(line)))
}
