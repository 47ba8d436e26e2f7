//! Organizations and their units, by their ids, paths and ARNs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{AccountId, ArnError, ArnParts, Partition};

/// The id of an organization: `o-` and 10 to 32 lower-case letters or digits.
///
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(String);

impl OrganizationId {
    /// As it stands in `aws:PrincipalOrgID`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OrganizationId {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        match text.strip_prefix("o-") {
            Some(rest) if is_id(rest, 10) => Ok(Self(text.to_owned())),
            _ => Err(ArnError::Organization(text.to_owned())),
        }
    }
}

/// An organizational unit with all that is below it, by the way that leads to it from its organization.
///
/// Its id is unique in its organization only, which therefore stands before it.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OuPath {
    organization: OrganizationId,
    /// `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`, or `o-a1b2c3d4e5/*/ou-ab12-11111111/` where an ARN alone told the unit
    /// and no path.
    text: String,
}

impl OuPath {
    /// The organization that it is in.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// Its own id.
    pub fn id(&self) -> &str {
        self.text.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// What `aws:PrincipalOrgPaths` is compared with by `StringLike`: this unit's accounts, and those below it.
    pub fn pattern(&self) -> String {
        format!("{}*", self.text)
    }

    /// Whether no path is known: an ARN alone told the unit.
    pub fn is_somewhere(&self) -> bool {
        self.text.strip_prefix(self.organization.as_str()).is_some_and(|rest| rest.starts_with("/*/"))
    }

    /// The unit in what a path leads to: `o-a1b2c3d4e5/r-ab12/`.
    ///
    /// # Errors
    /// The path is none of the unit's organization.
    pub fn below(&self, path: &str) -> Result<Self, ArnError> {
        let found: Self = format!("{path}{}/", self.id()).parse()?;
        if found.organization == self.organization && !found.is_somewhere() {
            return Ok(found);
        }
        Err(ArnError::OuPath(found.text))
    }

    /// A unit of which no path is known: `*` stands for whatever is above it.
    ///
    /// "The values can include multi-character match wildcards (*) … anywhere in the string":
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String>
    fn somewhere(organization: OrganizationId, unit: &str) -> Self {
        Self { text: format!("{organization}/*/{unit}/"), organization }
    }
}

impl fmt::Display for OuPath {
    /// As AWS Organizations writes it, with a slash at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for OuPath {
    type Err = ArnError;

    /// Reads a path from the organization on, with the slash that every path ends with, or with the `/*` of conditions.
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let wrong = || ArnError::OuPath(text.to_owned());
        let path = text.strip_suffix('*').unwrap_or(text).strip_suffix('/').ok_or_else(wrong)?;
        let steps: Vec<&str> = path.split('/').collect();
        let [organization, root, units @ ..] = steps.as_slice() else { return Err(wrong()) };
        let organization: OrganizationId = organization.parse().map_err(|_| wrong())?;
        match units {
            [unit] if *root == "*" && is_unit(unit) => return Ok(Self::somewhere(organization, unit)),
            [] => return Err(wrong()),
            _ => {}
        }
        let is_root = root.strip_prefix("r-").is_some_and(|rest| is_id(rest, 4));
        if !is_root || !units.iter().all(|unit| is_unit(unit)) {
            return Err(wrong());
        }
        Ok(Self { organization, text: format!("{path}/") })
    }
}

/// What is known of where an account stands in AWS Organizations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "Option<MemberOf>", into = "Option<MemberOf>")]
pub enum Affiliation {
    /// It is a member of an organization.
    Member(MemberOf),
    /// It is a member of none.
    Independent,
}

/// Of what an account is a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MemberOf {
    /// The organization.
    pub organization: OrganizationId,
    /// The path that leads to the account, as far as the root or OU that it is in, with a slash at its end; where it is
    /// known.
    #[serde(default)]
    pub path: Option<String>,
}

impl Affiliation {
    /// The organization, if it is a member of one.
    pub fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Member(known) => Some(&known.organization),
            Self::Independent => None,
        }
    }
}

impl From<Option<MemberOf>> for Affiliation {
    fn from(known: Option<MemberOf>) -> Self {
        known.map_or(Self::Independent, Self::Member)
    }
}

impl From<Affiliation> for Option<MemberOf> {
    fn from(known: Affiliation) -> Self {
        match known {
            Affiliation::Member(known) => Some(known),
            Affiliation::Independent => None,
        }
    }
}

/// What stands in a root or an OU: an account, or an OU by its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Child {
    /// An account.
    Account(AccountId),
    /// An OU.
    Unit(String),
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Unit(id) => f.write_str(id),
        }
    }
}

/// Accounts that are members of something in AWS Organizations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Members {
    /// All of an organization.
    Organization(OrganizationId),
    /// Those of an organizational unit, and of the units below it.
    Unit(OuPath),
}

impl Members {
    /// The organization that they are members of.
    pub fn organization(&self) -> &OrganizationId {
        match self {
            Self::Organization(organization) => organization,
            Self::Unit(unit) => unit.organization(),
        }
    }

    /// What every member's `aws:PrincipalOrgPaths` is like.
    pub fn path_pattern(&self) -> String {
        match self {
            Self::Organization(organization) => format!("{organization}/*"),
            Self::Unit(unit) => unit.pattern(),
        }
    }

    /// Reads an ARN of AWS Organizations, with the partition that it tells.
    ///
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html#awsorganizations-resources-for-iam-policies>
    ///
    /// # Errors
    /// The text is the ARN of neither an organization nor an organizational unit.
    pub fn of_arn(text: &str) -> Result<(Self, Partition), ArnError> {
        let wrong = || ArnError::Kind { arn: text.to_owned(), wanted: "an organization or an OU" };
        let parts = ArnParts::parse(text)?;
        let steps: Vec<&str> = parts.resource.split('/').collect();
        let members = match steps.as_slice() {
            _ if parts.service != "organizations" => None,
            ["organization", id] => id.parse().ok().map(Self::Organization),
            ["ou", id, unit] if is_unit(unit) => {
                id.parse().ok().map(|organization| Self::Unit(OuPath::somewhere(organization, unit)))
            }
            _ => None,
        };
        parts.account.parse::<AccountId>()?;
        Ok((members.ok_or_else(wrong)?, parts.partition))
    }
}

impl fmt::Display for Members {
    /// The organization's id, or the unit's path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(organization) => organization.fmt(f),
            Self::Unit(unit) => unit.fmt(f),
        }
    }
}

impl FromStr for Members {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        match text.parse() {
            Ok(organization) => Ok(Self::Organization(organization)),
            Err(_) if text.contains('/') => text.parse().map(Self::Unit),
            Err(error) => Err(error),
        }
    }
}

/// `ou-`, 4 to 32 letters or digits of the root, a dash, 8 to 32 of its own.
fn is_unit(text: &str) -> bool {
    let rest = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
    rest.is_some_and(|(root, own)| is_id(root, 4) && is_id(own, 8))
}

fn is_id(text: &str, shortest: usize) -> bool {
    (shortest..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_paths_and_arns() {
        for (text, pattern) in [
            ("o-a1b2c3d4e5", "o-a1b2c3d4e5/*"),
            ("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"),
            (
                "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/",
                "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/*",
            ),
            ("o-a1b2c3d4e5/*/ou-ab12-11111111/", "o-a1b2c3d4e5/*/ou-ab12-11111111/*"),
        ] {
            let members: Members = text.parse().unwrap();
            assert_eq!(members.to_string(), text);
            assert_eq!(members.path_pattern(), pattern);
            assert_eq!(members.organization().as_str(), "o-a1b2c3d4e5");
        }
        let path: OuPath = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*".parse().unwrap();
        assert_eq!(path.to_string(), "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/");
        let somewhere: OuPath = "o-a1b2c3d4e5/*/ou-ab12-11111111/".parse().unwrap();
        assert!(somewhere.is_somewhere() && !path.is_somewhere());
        assert_eq!(somewhere.below("o-a1b2c3d4e5/r-ab12/").unwrap(), path);
        for other in ["o-zzzzzzzzzz/r-ab12/", "o-a1b2c3d4e5/*/", "o-a1b2c3d4e5/r-ab12", "o-a1b2c3d4e5/", ""] {
            assert!(somewhere.below(other).is_err(), "{other}");
        }
        let of_arn =
            |text| Members::of_arn(text).map(|(members, partition)| (members.to_string(), partition));
        assert_eq!(
            of_arn("arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5").unwrap(),
            ("o-a1b2c3d4e5".to_owned(), Partition::Aws)
        );
        assert_eq!(
            of_arn("arn:aws-cn:organizations::111122223333:ou/o-a1b2c3d4e5/ou-ab12-11111111").unwrap(),
            ("o-a1b2c3d4e5/*/ou-ab12-11111111/".to_owned(), Partition::AwsCn)
        );
    }

    /// Earlier observations know members alone.
    #[test]
    fn where_an_account_stands_is_read_back() {
        let affiliation = |text: &str| serde_json::from_str::<Affiliation>(text).unwrap();
        for (text, organization) in [
            (r#"{"organization":"o-a1b2c3d4e5","path":null}"#, Some("o-a1b2c3d4e5")),
            (r#"{"organization":"o-a1b2c3d4e5","path":"o-a1b2c3d4e5/r-ab12/"}"#, Some("o-a1b2c3d4e5")),
            ("null", None),
        ] {
            let read = affiliation(text);
            assert_eq!(read.organization().map(OrganizationId::as_str), organization);
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        assert_eq!(
            affiliation(r#"{"organization":"o-a1b2c3d4e5"}"#).organization().unwrap().as_str(),
            "o-a1b2c3d4e5"
        );
    }

    #[test]
    fn nothing_that_a_condition_would_read_otherwise_is_one() {
        for text in [
            "",
            "o-",
            "o-A1B2C3D4E5",
            "o-a1b2c3d4e",
            "o-a1b2c3d4e5*",
            "o-????????????",
            "o-${aws:PrincipalOrgID}",
            "o-a1b2c3d4e5/",
            "o-a1b2c3d4e5/*",
            "o-a1b2c3d4e5/r-ab12/",
            "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111",
            "o-a1b2c3d4e5/r-ab12/ou-ab12-1111111?/",
            "o-a1b2c3d4e5/ou-ab12-11111111/",
            "o-a1b2c3d4e5/*/*/ou-ab12-11111111/",
            "o-a1b2c3d4e5/*/ou-ab12-11111111/ou-ab12-22222222/",
            "o-*/r-ab12/ou-ab12-11111111/",
            "o-a1b2c3d4e5//ou-ab12-11111111/",
            "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111//",
            "ou-ab12-11111111",
            "o-a1b2c3d4e5\u{202e}",
        ] {
            assert!(text.parse::<Members>().is_err(), "{text}");
        }
        for arn in [
            "arn:aws:organizations::111122223333:account/o-a1b2c3d4e5/444455556666",
            "arn:aws:organizations::111122223333:root/o-a1b2c3d4e5/r-ab12",
            "arn:aws:organizations::111122223333:ou/ou-ab12-11111111",
            "arn:aws:organizations::111122223333:organization/o-*",
            "arn:aws:iam::111122223333:organization/o-a1b2c3d4e5",
        ] {
            assert!(Members::of_arn(arn).is_err(), "{arn}");
        }
    }
}
