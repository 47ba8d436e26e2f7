//! Who may use a key.

use std::io::{self, Write};

use super::names;
use crate::access::users::{
    ConsolePane, DeniedUse, KeyPolicyName, KeyUser, KeyUsers, Permission, Place, Who, every_action,
    infrastructure_role,
};
use crate::arn::KeyArn;
use crate::observation::{KeyGrant, Reading};
use crate::policy::document::label;
use crate::policy::{ActionSet, Condition};
use crate::render::Styles;
use crate::render::prose::Prose;
use crate::render::styles::paint;

/// Writes for each key who may use it, by which statements and grants.
///
/// # Errors
/// What the writer returns.
pub fn users(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    keys: &[(KeyArn, Result<KeyUsers, String>)],
) -> io::Result<()> {
    for (index, (key, users)) in keys.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let title = format!("Who may use {}", names::key(key));
        Prose::new().styled(styles.strong, &title).write(out, width, 0)?;
        match users {
            Ok(users) => of_key(out, styles, width, users)?,
            Err(reason) => {
                let text = format!("unknown: {reason}");
                Prose::new().styled(styles.left_over, &text).write(out, width, 2)?;
            }
        }
    }
    Ok(())
}

fn of_key(out: &mut dyn Write, styles: &Styles, width: usize, users: &KeyUsers) -> io::Result<()> {
    let places = [
        (Place::Inside, "In the key's own account"),
        (Place::Outside, "In other accounts"),
        (Place::Service, "AWS services"),
        (Place::Anywhere, "Anybody"),
        (Place::Nowhere, "Named, but no principal that exists"),
    ];
    for (place, title) in places {
        let using = users.users.iter().filter(|user| user.place == place && user.may_use());
        section(out, styles, title, using, |out, user| write_user(out, styles, width, user))?;
    }
    let administering = users.users.iter().filter(|user| !user.may_use());
    section(out, styles, "Those who only administer it or look at it", administering, |out, user| {
        write_user(out, styles, width, user)
    })?;
    section(out, styles, "Denied, whatever allows it", users.denials.iter(), |out, denial| {
        write_denial(out, styles, width, denial)
    })?;
    if let Some(reason) = &users.ram_unread {
        writeln!(out)?;
        let text = format!("The policy AWS_RAM was not read, and may let others in or deny: {reason}.");
        Prose::new().styled(styles.dim, &text).write(out, width, 0)?;
    }
    grants(out, styles, width, users)?;
    console(out, width, users)
}

/// Writes a title and everything below it, unless there is nothing.
fn section<T>(
    out: &mut dyn Write,
    styles: &Styles,
    title: &str,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut dyn Write, T) -> io::Result<()>,
) -> io::Result<()> {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint(styles.strong, title))?;
    items.try_for_each(|item| write(out, item))
}

fn write_user(out: &mut dyn Write, styles: &Styles, width: usize, user: &KeyUser) -> io::Result<()> {
    let note = match &user.who {
        Who::Account(_) => ": whomever its IAM policies allow it",
        Who::Orphan(_) => ": a user or role that was deleted",
        Who::Anyone => ": whoever signs a request, of any account",
        Who::AnyoneBut(_) => ", of any account",
        _ => "",
    };
    Prose::new().styled(styles.strong, &name(&user.who)).text(note).write(out, width, 2)?;
    user.permissions.iter().try_for_each(|permission| write_permission(out, styles, width, permission))
}

fn write_denial(out: &mut dyn Write, styles: &Styles, width: usize, denial: &DeniedUse) -> io::Result<()> {
    let whom = match denial.whom.as_slice() {
        [] => "nobody".to_owned(),
        whom => whom.iter().map(name).collect::<Vec<_>>().join(", "),
    };
    Prose::new().styled(styles.strong, &whom).write(out, width, 2)?;
    write_permission(out, styles, width, &denial.permission)
}

fn write_permission(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    permission: &Permission,
) -> io::Result<()> {
    let by = format!(", by {}", label(permission.sid.as_deref(), permission.number));
    let by = match permission.policy {
        KeyPolicyName::Default => by,
        KeyPolicyName::AwsRam => format!("{by} of the policy AWS_RAM"),
    };
    let mut text = Prose::new().text(&actions(permission.actions));
    for (index, condition) in permission.conditions.iter().enumerate() {
        let joined = if index == 0 { ", if " } else { " and " };
        text = text.text(joined).text(&in_words(condition));
    }
    if permission.is_undecidable {
        text = text.styled(styles.warning, ", if at all: it has elements that nobody can make sense of");
    }
    text.styled(styles.dim, &by).write(out, width, 6)
}

/// `Decrypt, DescribeKey, ReEncrypt*`; or how many there are, where a list would tell less.
fn actions(actions: ActionSet) -> String {
    const FAMILIES: [&str; 2] = ["GenerateDataKey*", "ReEncrypt*"];
    const MOST_LISTED: usize = 12;
    let but: Vec<&str> = every_action().minus(actions).names().collect();
    match but.len() {
        0 => return "everything".to_owned(),
        1..=5 => return format!("everything but {}", but.join(", ")),
        _ => {}
    }
    let mut rest = actions;
    let mut names: Vec<&str> = Vec::new();
    for family in FAMILIES {
        let members = ActionSet::of_pattern(&format!("kms:{family}"));
        if actions.contains(members) {
            rest = rest.minus(members);
            names.push(family);
        }
    }
    names.extend(rest.names());
    names.sort_unstable();
    if names.len() <= MOST_LISTED {
        return names.join(", ");
    }
    let rewrites = if names.contains(&"PutKeyPolicy") { ", PutKeyPolicy among them" } else { "" };
    format!("{} actions{rewrites}", names.len())
}

/// `kms:ViaService StringEquals ec2.eu-west-1.amazonaws.com`
fn in_words(Condition { operator, key, values }: &Condition) -> String {
    format!("{key} {operator} {}", values.join(" or "))
}

fn name(who: &Who) -> String {
    match who {
        Who::Account(id) => format!("account {id}"),
        Who::Entity(entity) => names::entity(entity),
        Who::Anyone => "anyone".to_owned(),
        other => other.text(),
    }
}

fn grants(out: &mut dyn Write, styles: &Styles, width: usize, users: &KeyUsers) -> io::Result<()> {
    match &users.grants {
        Reading::Read(grants) => section(
            out,
            styles,
            "By grants, which stand beside the key policy",
            grants.iter(),
            |out, grant| write_grant(out, styles, width, grant),
        ),
        Reading::Unread(reason) => {
            writeln!(out)?;
            let text = format!("Grants were not read, and may let others in: {reason}.");
            Prose::new().styled(styles.dim, &text).write(out, width, 0)
        }
    }
}

fn write_grant(out: &mut dyn Write, styles: &Styles, width: usize, grant: &KeyGrant) -> io::Result<()> {
    let grantee = match (infrastructure_role(&grant.grantee), grant.grantee.as_str()) {
        (Some((account, instance)), _) => {
            format!("EC2's own role in account {account}, for instance {instance}")
        }
        (None, "") => "nobody that is told".to_owned(),
        (None, grantee) => grantee.to_owned(),
    };
    Prose::new().styled(styles.strong, &grantee).write(out, width, 2)?;
    let mut text = match grant.operations.as_slice() {
        [] => "nothing".to_owned(),
        operations => operations.join(", "),
    };
    for (constraint, pairs) in [("is", &grant.context_equals), ("has", &grant.context_subset)]
        .iter()
        .filter(|(_, pairs)| !pairs.is_empty())
    {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        text = format!("{text}, if the encryption context {constraint} {}", pairs.join(" and "));
    }
    if let Some(source) = &grant.source_arn {
        text = format!("{text}, if the request is made on behalf of {source}");
    }
    if !grant.unknown_constraints.is_empty() {
        let names = grant.unknown_constraints.join(" and ");
        text = format!("{text}, under a constraint that keymend does not know ({names})");
    }
    let by = format!(", by grant {}", grant.id);
    Prose::new().text(&text).styled(styles.dim, &by).write(out, width, 6)
}

/// What the console's page of the key shows of all this, and what it does not.
fn console(out: &mut dyn Write, width: usize, users: &KeyUsers) -> io::Result<()> {
    let using = || users.users.iter().filter(|user| user.may_use());
    let in_pane = |pane| -> Vec<String> {
        using().filter(|user| user.in_console == Some(pane)).map(|user| name(&user.who)).collect()
    };
    let hidden: Vec<String> = using()
        .filter(|user| user.in_console.is_none() && user.who != Who::Account(users.key.account))
        .map(|user| name(&user.who))
        .collect();
    let granted = users.grants.read().map_or(0, Vec::len);
    let listed = |names: &[String]| if names.is_empty() { "nobody".to_owned() } else { names::list(names) };
    let mut text = format!(
        "The console's \"Key users\" pane shows {}, and \"Other AWS accounts\" {}.",
        listed(&in_pane(ConsolePane::KeyUsers)),
        listed(&in_pane(ConsolePane::OtherAccounts))
    );
    if !hidden.is_empty() {
        text = format!("{text} Neither shows {}.", names::list(&hidden));
    }
    if granted > 0 {
        text = format!("{text} Nor the {}.", names::counted(granted, "grant"));
    }
    writeln!(out)?;
    Prose::new().text(&text).write(out, width, 0)
}
