//! Whom a command names as those who must be able to launch.

use std::path::Path;

use super::accounts::{self, ungrouped};
use super::{is_piped, read_text};
use crate::access::{GranteeRef, MembersRole, NoGrantee, RoleSuffix, ServiceLinkedRole, WellKnownRole};
use crate::arn::{AccountId, ArnParts, EntityArn, EntityKind, Members, OrganizationId, OuPath};
use crate::cli::SubjectArgs;
use crate::error::UsageError;
use crate::policy::AwsPrincipal;

/// All of them, in the order of their options; some may be there twice.
pub(super) fn named(args: &SubjectArgs) -> Result<Vec<GranteeRef>, UsageError> {
    let mut all = Vec::new();
    for text in &args.account {
        all.push(account(text)?);
    }
    for text in &args.principal {
        all.push(principal(text)?);
    }
    for text in &args.group {
        all.push(group(text)?);
    }
    for text in &args.organization {
        all.push(organization(text)?);
    }
    for text in &args.ou {
        all.push(ou(text)?);
    }
    for text in &args.autoscaling {
        all.push(autoscaling(text)?);
    }
    for text in &args.spot {
        all.push(GranteeRef::ServiceLinkedRole(WellKnownRole::Spot { account: account_id(text)? }));
    }
    for text in &args.service_linked_role {
        all.push(service_linked_role(text)?);
    }
    if let Some(file) = &args.grantees {
        all.extend(grantees_file(file)?);
    }
    Ok(all)
}

pub(super) fn account(text: &str) -> Result<GranteeRef, UsageError> {
    match AwsPrincipal::parse(&ungrouped(text)) {
        AwsPrincipal::Account { id, .. } => Ok(GranteeRef::Account(id)),
        AwsPrincipal::Entity(entity) => {
            Err(UsageError::new(format!("`{text}` is a {}, not an account", entity.kind))
                .hint(format!("give --{} {text}", flag(&entity))))
        }
        _ => account_id(text).map(GranteeRef::Account),
    }
}

pub(super) fn organization(text: &str) -> Result<GranteeRef, UsageError> {
    let error = |told: &str, hint: String| UsageError::new(format!("`{text}` {told}")).hint(hint);
    match ungrouped(text).parse() {
        Ok(GranteeRef::Members { members: Members::Unit(_), .. }) => {
            Err(error("is an OU, not an organization", format!("give --ou {text}")))
        }
        Ok(named @ GranteeRef::Members { .. }) => Ok(named),
        Ok(GranteeRef::Account(id)) => {
            Err(error("is an account, not an organization", format!("give --account {id}")))
        }
        Ok(_) | Err(_) => Err(no_organization(text)),
    }
}

fn no_organization(text: &str) -> UsageError {
    UsageError::new(format!("`{text}` is not the id or ARN of an organization (such as o-a1b2c3d4e5)"))
        .hint("`aws organizations describe-organization` shows both, with credentials of any of its accounts")
}

pub(super) fn ou(text: &str) -> Result<GranteeRef, UsageError> {
    let error = |told: &str, hint: String| UsageError::new(format!("`{text}` {told}")).hint(hint);
    match ungrouped(text).parse() {
        Ok(GranteeRef::Members { members: Members::Organization(_), .. }) => {
            Err(error("is an organization, not an OU", format!("give --organization {text}")))
        }
        Ok(named @ GranteeRef::Members { .. }) => Ok(named),
        Ok(GranteeRef::Account(id)) => Err(error("is an account, not an OU", format!("give --account {id}"))),
        Ok(_) | Err(_) => Err(no_path(text, ["ou", "organization"])),
    }
}

/// What looks like an OU's path, and is none; the options are those for OUs and for organizations.
fn no_path(text: &str, [ou, organization]: [&str; 2]) -> UsageError {
    const BOTH: &str = "give its path, o-ORGANIZATION/r-ROOT/ou-UNIT/, or its ARN";
    let error = |told: &str, hint: String| UsageError::new(format!("`{text}` {told}")).hint(hint);
    let with_slash = format!("{text}/");
    if with_slash.parse::<OuPath>().is_ok() {
        return error("lacks the slash that an OU's path ends with", format!("give --{ou} {with_slash}"));
    }
    if text.starts_with("ou-") {
        return error(
            "is an OU without its organization, and ids of OUs are unique in one only",
            format!("{BOTH}; `aws organizations describe-organizational-unit` shows them"),
        );
    }
    let mut steps = text.trim_end_matches(['*', '/']).split('/');
    let all_of = steps.next().and_then(|id| id.parse::<OrganizationId>().ok());
    match all_of {
        Some(id) if steps.all(|step| step.starts_with("r-")) => {
            error("is all of an organization, not an OU", format!("give --{organization} {id}"))
        }
        _ => error("is not the path or ARN of an OU", BOTH.to_owned()),
    }
}

/// The option for what is no account and no principal, but an organization or an OU.
fn of_members(text: &str) -> Option<UsageError> {
    let (what, option, value) = match text.parse().ok()? {
        GranteeRef::Members { members: Members::Organization(_), .. } => {
            ("an organization", "organization", text.to_owned())
        }
        GranteeRef::Members { members: Members::Unit(_), .. } => ("an OU", "ou", text.to_owned()),
        GranteeRef::MembersRole { role, .. } => {
            ("the Auto Scaling roles of an organization", "autoscaling", role.option_value(&role.members))
        }
        _ => return None,
    };
    Some(UsageError::new(format!("`{text}` is {what}")).hint(format!("give --{option} {value}")))
}

fn account_id(text: &str) -> Result<AccountId, UsageError> {
    of_members(text).map_or_else(|| accounts::account_id(text), Err)
}

/// `ACCOUNT`, or an organization or OU, each with `:SUFFIX` for roles with a custom suffix.
pub(super) fn autoscaling(text: &str) -> Result<GranteeRef, UsageError> {
    // An ARN has five colons of its own.
    let colons = if text.starts_with("arn:") { 5 } else { 0 };
    let (of, suffix) = match text.match_indices(':').nth(colons) {
        Some((at, _)) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
        None => (text, None),
    };
    let suffix = suffix.map(str::parse::<RoleSuffix>).transpose().map_err(|error| {
        UsageError::new(error.to_string())
            .hint("it is what follows AWSServiceRoleForAutoScaling_ in the role's name")
    })?;
    match of.parse() {
        Ok(GranteeRef::Members { members, partition }) => {
            Ok(GranteeRef::MembersRole { role: MembersRole { members, suffix }, partition })
        }
        _ if of.starts_with("ou-") || (of.starts_with("o-") && of.contains('/')) => {
            Err(no_path(of, ["autoscaling"; 2]))
        }
        _ if of.starts_with("o-") => Err(no_organization(of)),
        // The ARN of the role, say.
        _ if of.starts_with("arn:") => Err(UsageError::new(format!("`{text}` is not an account id"))
            .hint(format!("give --service-linked-role {text}"))),
        _ => {
            let role = WellKnownRole::AutoScaling { account: account_id(of)?, suffix };
            Ok(GranteeRef::ServiceLinkedRole(role))
        }
    }
}

fn service_linked_role(text: &str) -> Result<GranteeRef, UsageError> {
    match text.parse::<EntityArn>() {
        Ok(entity) if ServiceLinkedRole::try_from(entity.clone()).is_ok() => Ok(GranteeRef::Entity(entity)),
        Ok(entity) => Err(UsageError::new(format!("`{text}` is not the ARN of a service-linked role"))
            .hint(format!("give --{} {text}", flag(&entity)))),
        Err(error) => Err(UsageError::new(error.to_string()).hint(
            "for example --service-linked-role \
             arn:aws:iam::444455556666:role/aws-service-role/spotfleet.amazonaws.com/AWSServiceRoleForEC2SpotFleet",
        )),
    }
}

pub(super) fn principal(text: &str) -> Result<GranteeRef, UsageError> {
    check_own_role(text)?;
    match AwsPrincipal::parse(&ungrouped(text)) {
        AwsPrincipal::Entity(entity) if entity.kind == EntityKind::Group => {
            Err(UsageError::new(format!("`{text}` is a group, which no key policy can name"))
                .hint(format!("give --group {text}, or --principal for users and roles")))
        }
        AwsPrincipal::Entity(entity) => Ok(GranteeRef::Entity(entity)),
        AwsPrincipal::Session(session) => Ok(GranteeRef::Session(session)),
        AwsPrincipal::Account { id, .. } => {
            Err(UsageError::new(format!("`{text}` is an account")).hint(format!("give --account {id}")))
        }
        _ => Err(not_a_principal(text)),
    }
}

/// Some of the names that AWS has for its own roles look like those of others.
fn check_own_role(text: &str) -> Result<(), UsageError> {
    match NoGrantee::or_grantee(text) {
        Err(reason @ (NoGrantee::IdentityOnlyRole | NoGrantee::AwsOwnRole)) => {
            Err(UsageError::new(format!("`{text}` {reason}")).hint(reason.way_out(None)))
        }
        _ => Ok(()),
    }
}

/// What AWS itself calls as, a session that leads to nobody, an id: why it can be no grantee.
fn no_grantee(text: &str) -> Option<UsageError> {
    match NoGrantee::or_grantee(text).err()? {
        NoGrantee::Unknown => None,
        reason => Some(UsageError::new(format!("`{text}` {reason}")).hint(reason.way_out(None))),
    }
}

fn not_a_principal(text: &str) -> UsageError {
    if let Some(error) = of_members(text).or_else(|| no_grantee(text)) {
        return error;
    }
    let message = match ArnParts::parse(text) {
        Ok(parts) if parts.service != "iam" => {
            format!("`{text}` is an ARN of {}, not of a user or role", parts.service)
        }
        Ok(_) => format!("`{text}` is not the ARN of a user or role"),
        Err(error) => error.to_string(),
    };
    UsageError::new(message).hint("for example --principal arn:aws:iam::444455556666:role/app")
}

fn group(text: &str) -> Result<GranteeRef, UsageError> {
    match text.parse::<EntityArn>() {
        Ok(entity) if entity.kind == EntityKind::Group => Ok(GranteeRef::Entity(entity)),
        Ok(entity) => Err(UsageError::new(format!("`{text}` is a {}, not a group", entity.kind))
            .hint(format!("give --principal {text}"))),
        Err(error) => Err(UsageError::new(format!("{error}"))
            .hint("for example --group arn:aws:iam::444455556666:group/ops")),
    }
}

fn flag(entity: &EntityArn) -> &'static str {
    if entity.kind == EntityKind::Group { "group" } else { "principal" }
}

fn grantees_file(file: &Path) -> Result<Vec<GranteeRef>, UsageError> {
    let name =
        if is_piped(file) { "standard input".to_owned() } else { format!("the file `{}`", file.display()) };
    let text = read_text(file).map_err(|error| {
        UsageError::new(format!("{name} can't be read for grantees: {error}")).hint(GRANTEES_FORM)
    })?;
    let grantees =
        parse_grantees(&text).map_err(|(line, error)| error.within(&format!("{name}, line {line}")))?;
    if grantees.is_empty() {
        return Err(UsageError::new(format!("{name} names no grantee")).hint(GRANTEES_FORM));
    }
    Ok(grantees)
}

const GRANTEES_FORM: &str = "--grantees takes one account id, ARN of a user, role or group, organization's id or OU's path, a line; # starts a \
     comment";

fn parse_grantees(text: &str) -> Result<Vec<GranteeRef>, (usize, UsageError)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split('#').next().unwrap_or_default().trim()))
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| {
            check_own_role(line).map_err(|error| (number, error))?;
            let grantee = match AwsPrincipal::parse(&ungrouped(line)) {
                AwsPrincipal::Account { id, .. } => Ok(GranteeRef::Account(id)),
                AwsPrincipal::Entity(entity) => Ok(GranteeRef::Entity(entity)),
                AwsPrincipal::Session(session) => Ok(GranteeRef::Session(session)),
                _ => match line.parse() {
                    Ok(named @ (GranteeRef::Members { .. } | GranteeRef::MembersRole { .. })) => Ok(named),
                    _ if line.starts_with("o-") || line.starts_with("ou-") => {
                        Err(no_path(line, ["ou", "organization"]))
                    }
                    _ => Err(no_grantee(line).unwrap_or_else(|| {
                        let what = "no account id and no ARN of a user, role or group";
                        UsageError::new(format!("`{line}` is {what}")).hint(GRANTEES_FORM)
                    })),
                },
            };
            grantee.map_err(|error| (number, error))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organizations_and_units_have_their_options() {
        const PATH: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";
        let named = |read: fn(&str) -> Result<GranteeRef, UsageError>, text: &str| {
            read(text).map(|grantee| grantee.to_string()).map_err(|error| error.to_string())
        };
        for text in ["o-a1b2c3d4e5", "arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5"] {
            assert_eq!(named(organization, text).unwrap(), "o-a1b2c3d4e5");
        }
        assert_eq!(named(ou, PATH).unwrap(), PATH);
        assert_eq!(
            named(ou, "arn:aws:organizations::111122223333:ou/o-a1b2c3d4e5/ou-ab12-11111111").unwrap(),
            "o-a1b2c3d4e5/*/ou-ab12-11111111/"
        );
        assert_eq!(parse_grantees(&format!("o-a1b2c3d4e5\n{PATH} # an OU\n")).unwrap().len(), 2);
        for (read, text, hint) in [
            (
                account as fn(&str) -> Result<GranteeRef, UsageError>,
                "o-a1b2c3d4e5",
                "give --organization o-a1b2c3d4e5",
            ),
            (account, PATH, &format!("give --ou {PATH}")),
            (principal, "o-a1b2c3d4e5", "give --organization o-a1b2c3d4e5"),
            (principal, "autoscaling:o-a1b2c3d4e5:blue", "give --autoscaling o-a1b2c3d4e5:blue"),
            (account, "autoscaling:o-a1b2c3d4e5", "give --autoscaling o-a1b2c3d4e5"),
            (organization, PATH, &format!("give --ou {PATH}")),
            (organization, "444455556666", "give --account 444455556666"),
            (ou, "444455556666", "give --account 444455556666"),
            (ou, "o-a1b2c3d4e5", "give --organization o-a1b2c3d4e5"),
            (ou, "o-a1b2c3d4e5/r-ab12/", "give --organization o-a1b2c3d4e5"),
            (ou, "o-a1b2c3d4e5/*", "give --organization o-a1b2c3d4e5"),
            (ou, "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111", &format!("give --ou {PATH}")),
            (ou, "ou-ab12-11111111", "give its path, o-ORGANIZATION/r-ROOT/ou-UNIT/, or its ARN"),
            (ou, "o-a1b2c3d4e5/ou-ab12-11111111/", "give its path"),
            (organization, "o-*", "`aws organizations describe-organization`"),
        ] {
            let told = crate::error::Error::from(read(text).unwrap_err()).hint().unwrap();
            assert!(told.starts_with(hint), "{text}: {told}");
        }
    }

    #[test]
    fn auto_scaling_roles_are_of_an_account_or_of_each_account_of_an_organization() {
        const ARN: &str = "arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5";
        for (text, named) in [
            ("444455556666", "AWSServiceRoleForAutoScaling of account 444455556666"),
            ("444455556666:blue", "AWSServiceRoleForAutoScaling_blue of account 444455556666"),
            ("o-a1b2c3d4e5", "autoscaling:o-a1b2c3d4e5"),
            ("o-a1b2c3d4e5:blue", "autoscaling:o-a1b2c3d4e5:blue"),
            ("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "autoscaling:o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"),
            (ARN, "autoscaling:o-a1b2c3d4e5"),
            (&format!("{ARN}:blue"), "autoscaling:o-a1b2c3d4e5:blue"),
            (
                "arn:aws:organizations::111122223333:ou/o-a1b2c3d4e5/ou-ab12-11111111:blue",
                "autoscaling:o-a1b2c3d4e5/*/ou-ab12-11111111/:blue",
            ),
        ] {
            assert_eq!(autoscaling(text).unwrap().to_string(), named);
        }
        assert_eq!(parse_grantees("autoscaling:o-a1b2c3d4e5:blue # all\n").unwrap().len(), 1);
        for (text, message, hint) in [
            ("o-A1", "`o-A1` is not the id or ARN of an organization", "`aws organizations describe"),
            (
                "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111",
                "lacks the slash",
                "give --autoscaling o-a1b2c3d4e5/r-ab12",
            ),
            ("o-a1b2c3d4e5/r-ab12/", "is all of an organization", "give --autoscaling o-a1b2c3d4e5"),
            ("ou-ab12-11111111", "is an OU without its organization", "give its path"),
            ("o-a1b2c3d4e5:a b", "is not a role's custom suffix", "it is what follows"),
            ("arn:aws:iam::444455556666:role/app", "is not an account id", "give --service-linked-role"),
            ("nobody", "is not an account id of 12 digits", "`aws sts"),
        ] {
            let error = autoscaling(text).unwrap_err();
            let told = error.to_string();
            let advice = crate::error::Error::from(error).hint().unwrap();
            assert!(told.contains(message) && advice.starts_with(hint), "{text}: {told} ({advice})");
        }
    }

    #[test]
    fn a_grantees_file_tells_the_line_of_a_mistake() {
        let good = "# ours\n444455556666  # the account\n\narn:aws:iam::444455556666:role/app\n";
        assert_eq!(parse_grantees(good).unwrap().len(), 2);
        let (line, error) = parse_grantees("444455556666\nnobody\n").unwrap_err();
        assert_eq!(
            (line, error.to_string().as_str()),
            (2, "`nobody` is no account id and no ARN of a user, role or group")
        );
    }
}
