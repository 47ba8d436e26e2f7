//! Statements that look like the remedy and are none, with the reason in words.

use std::fmt::{self, Write as _};

use crate::arn::KeyArn;
use crate::policy::pattern;

/// Services that launch instances, by the beginning of their names: whoever lets one of them in means a launch.
const LAUNCHING: [&str; 9] =
    ["ec2", "autoscaling", "spot", "spotfleet", "ec2fleet", "ebs", "eks", "eks-nodegroup", "batch"];

/// How many values of a condition are written out.
const MOST_VALUES: usize = 3;

/// Why a statement that looks as if it allowed something does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NearMiss {
    /// It lets in an AWS service, which is not who calls KMS in a launch.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html>
    Service {
        /// As it stands in the statement.
        name: String,
    },
    /// It lets in one session of a role that is to be let in with any.
    OneSession,
    /// A condition of it can't hold.
    Condition(Unmet),
    /// It is a grant under a constraint that can't be met.
    Constraint,
    /// Its `Resource` names the key in a way that no policy does.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/cmks-in-iam-policies.html>
    Resource {
        /// As it stands in the statement.
        text: String,
        /// What is wrong with it.
        mistake: ResourceMistake,
    },
}

/// A condition that can't hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmet {
    /// The condition key, as it stands in the statement.
    pub key: String,
    /// The operator, without set operator and `IfExists`.
    pub operator: String,
    /// The values that it wants, as they stand in the statement.
    pub wanted: Vec<String>,
    /// What a launch has.
    pub has: Has,
    /// What went wrong with `kms:ViaService`, where that shows.
    pub mistake: Option<ViaServiceMistake>,
}

/// What a request has of a condition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Has {
    /// It does not have the key.
    Nothing,
    /// It does not have the key, for only the requests of other actions ever do: these, with their verb.
    OthersAlone(&'static str),
    /// These values.
    Values(Vec<String>),
    /// Some value that is not known.
    Something,
}

/// What goes wrong with a value of `kms:ViaService`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViaServiceMistake {
    /// `ec2.111122223333.amazonaws.com`
    AccountForRegion,
    /// `ec2.amazonaws.com`
    WithoutRegion,
    /// `ec2.us-east-1.amazonaws.com`, for a key of another Region.
    OtherRegion,
    /// `rds.eu-west-1.amazonaws.com`
    OtherService,
}

/// What goes wrong with a key in a `Resource` element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceMistake {
    /// An alias, or its ARN.
    Alias,
    /// The key's id without the rest of its ARN.
    KeyId,
    /// The key's id in another account or Region.
    OtherPlace,
}

impl NearMiss {
    /// A service that is let in, if it is one that launches.
    pub(crate) fn of_service(name: &str) -> Option<Self> {
        let (service, _) = name.split_once(".amazonaws.")?;
        LAUNCHING.contains(&service).then(|| Self::Service { name: name.to_owned() })
    }

    /// A text of a `Resource` element that does not match a key and looks as if it were meant for it.
    pub(crate) fn of_resource(text: &str, key: &KeyArn) -> Option<Self> {
        let miss = |mistake| Self::Resource { text: text.to_owned(), mistake };
        if text.strip_prefix("key/").unwrap_or(text) == key.id {
            return Some(miss(ResourceMistake::KeyId));
        }
        if text.starts_with("alias/") {
            return Some(miss(ResourceMistake::Alias));
        }
        let mut parts = text.splitn(6, ':');
        let (Some("arn"), Some(_), Some("kms"), Some(region), Some(account), Some(resource)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        if resource.strip_prefix("key/") == Some(key.id.as_str()) {
            return Some(miss(ResourceMistake::OtherPlace));
        }
        let is_here_by_alias = resource.starts_with("alias/")
            && pattern::matches(region, &key.region)
            && pattern::matches(account, key.account.as_str());
        is_here_by_alias.then(|| miss(ResourceMistake::Alias))
    }

    /// A sentence without its period: about a statement, given as it is called, and what was asked for, such as
    /// `launch`.
    pub fn told_of(&self, statement: &str, purpose: &str) -> String {
        match self {
            Self::Service { name } => {
                format!(
                    "{statement} lets in the service `{name}`, and KMS is called as whoever wants to {purpose}"
                )
            }
            Self::OneSession => {
                format!("{statement} lets in one session of the role, and any session of it may {purpose}")
            }
            Self::Condition(unmet) => {
                let why = unmet.told(purpose);
                format!("the condition of {statement} can't hold in a {purpose}: {why}")
            }
            Self::Constraint => {
                format!("{statement} is under a constraint that can't be met in a {purpose}")
            }
            Self::Resource { text, mistake } => {
                format!("the Resource `{text}` of {statement} does not match the key: {mistake}")
            }
        }
    }
}

impl Unmet {
    pub(crate) fn new(key: &str, operator: &str, wanted: Vec<String>, has: Has, region: &str) -> Self {
        let is_via_service = key.eq_ignore_ascii_case("kms:ViaService")
            && matches!(has, Has::Values(_))
            && !operator.contains("Not");
        let mut mistakes = wanted.iter().map(|value| ViaServiceMistake::of(value, region));
        // Of several values, each has to go wrong in the same way.
        let first = mistakes.next().flatten().filter(|_| is_via_service);
        let mistake = first.filter(|first| mistakes.all(|other| other == Some(*first)));
        Self { key: key.to_owned(), operator: operator.to_owned(), wanted, has, mistake }
    }

    /// `it wants kms:ViaService = a, and a launch has b`, with the texts in backticks.
    fn told(&self, purpose: &str) -> String {
        let Self { key, operator, wanted, has, mistake } = self;
        let wanted = if operator == "Null" {
            let is_absent = wanted.iter().any(|value| value.eq_ignore_ascii_case("true"));
            format!("to be {}", if is_absent { "absent" } else { "there" })
        } else {
            format!("{} {}", in_words(operator), listed(wanted, "or"))
        };
        let has = match has {
            Has::Nothing => format!("a {purpose} does not have it"),
            Has::OthersAlone(others) => format!("only {others} it"),
            Has::Values(values) => format!("a {purpose} has {}", listed(values, "and")),
            Has::Something => format!("a {purpose} has another value"),
        };
        let mistake = mistake.map(|mistake| format!(" ({mistake})")).unwrap_or_default();
        format!("it wants `{key}` {wanted}, and {has}{mistake}")
    }
}

/// An operator between a key and its values.
fn in_words(operator: &str) -> &'static str {
    match operator {
        "StringLike" | "ArnLike" | "ArnEquals" => "like",
        "IpAddress" => "in",
        "NotIpAddress" => "outside",
        _ if operator.contains("Not") => "other than",
        _ if operator.ends_with("LessThanEquals") => "of at most",
        _ if operator.ends_with("LessThan") => "below",
        _ if operator.ends_with("GreaterThanEquals") => "of at least",
        _ if operator.ends_with("GreaterThan") => "above",
        _ => "=",
    }
}

/// Some values in backticks.
fn listed(values: &[String], word: &str) -> String {
    let mut text = String::new();
    let shown = values.iter().take(MOST_VALUES).enumerate();
    for (index, value) in shown {
        let is_last = index + 1 == values.len();
        let between = match index {
            0 => String::new(),
            _ if is_last => format!(" {word} "),
            _ => ", ".to_owned(),
        };
        // Writing to a text can't fail.
        _ = write!(text, "{between}`{value}`");
    }
    match values.len().saturating_sub(MOST_VALUES) {
        0 if values.is_empty() => "nothing".to_owned(),
        0 => text,
        others => format!("{text} {word} {others} more"),
    }
}

impl ViaServiceMistake {
    fn of(value: &str, region: &str) -> Option<Self> {
        let rest = value.strip_suffix(".cn").unwrap_or(value).strip_suffix(".amazonaws.com")?;
        Some(match rest.split_once('.') {
            None if rest == "ec2" => Self::WithoutRegion,
            Some(("ec2", place)) if place.len() == 12 && place.bytes().all(|b| b.is_ascii_digit()) => {
                Self::AccountForRegion
            }
            Some(("ec2", place)) if !pattern::matches(place, region) => Self::OtherRegion,
            Some(("ec2", _)) => return None,
            None | Some(_) => Self::OtherService,
        })
    }
}

impl fmt::Display for ViaServiceMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccountForRegion => "an account's id stands where the Region belongs",
            Self::WithoutRegion => "the Region is missing",
            Self::OtherRegion => "that is another Region",
            Self::OtherService => "that is another service",
        })
    }
}

impl fmt::Display for ResourceMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alias => "a policy names a key by its ARN, never by an alias",
            Self::KeyId => "a policy names a key by its whole ARN, never by its id alone",
            Self::OtherPlace => "it is of another account, Region or partition than the key's ARN",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_condition_is_told_with_what_it_wants_and_what_a_launch_has() {
        let here = || Has::Values(vec!["ec2.eu-west-1.amazonaws.com".to_owned()]);
        let cases = [
            (
                ("kms:ViaService", "StringEquals", &["ec2.111122223333.amazonaws.com"][..], here()),
                "it wants `kms:ViaService` = `ec2.111122223333.amazonaws.com`, and a launch has \
                 `ec2.eu-west-1.amazonaws.com` (an account's id stands where the Region belongs)",
            ),
            (
                ("KMS:viaservice", "StringLike", &["rds.*.amazonaws.com", "s3.*.amazonaws.com"], here()),
                "it wants `KMS:viaservice` like `rds.*.amazonaws.com` or `s3.*.amazonaws.com`, and a launch has \
                 `ec2.eu-west-1.amazonaws.com` (that is another service)",
            ),
            (
                ("kms:ViaService", "StringEquals", &["ec2.us-east-1.amazonaws.com"], here()),
                "it wants `kms:ViaService` = `ec2.us-east-1.amazonaws.com`, and a launch has \
                 `ec2.eu-west-1.amazonaws.com` (that is another Region)",
            ),
            (
                ("kms:ViaService", "StringEquals", &["ec2.amazonaws.com"], here()),
                "it wants `kms:ViaService` = `ec2.amazonaws.com`, and a launch has \
                 `ec2.eu-west-1.amazonaws.com` (the Region is missing)",
            ),
            (
                ("kms:ViaService", "StringNotEquals", &["ec2.eu-west-1.amazonaws.com"], here()),
                "it wants `kms:ViaService` other than `ec2.eu-west-1.amazonaws.com`, and a launch has \
                 `ec2.eu-west-1.amazonaws.com`",
            ),
            (
                ("kms:RecipientAttestation:PCR0", "Null", &["false"], Has::Nothing),
                "it wants `kms:RecipientAttestation:PCR0` to be there, and a launch does not have it",
            ),
            (
                ("kms:GrantIsForAWSResource", "Bool", &["true"], Has::OthersAlone("kms:CreateGrant has")),
                "it wants `kms:GrantIsForAWSResource` = `true`, and only kms:CreateGrant has it",
            ),
            (
                ("aws:SourceAccount", "StringEquals", &["1", "2", "3", "4", "5"], Has::Nothing),
                "it wants `aws:SourceAccount` = `1`, `2`, `3` or 2 more, and a launch does not have it",
            ),
            (
                (
                    "aws:CurrentTime",
                    "DateLessThan",
                    &["2020-01-01"],
                    Has::Values(vec!["2026-11-27".to_owned()]),
                ),
                "it wants `aws:CurrentTime` below `2020-01-01`, and a launch has `2026-11-27`",
            ),
        ];
        for ((key, operator, wanted, has), expected) in cases {
            let wanted = wanted.iter().map(|value| (*value).to_owned()).collect();
            let unmet = Unmet::new(key, operator, wanted, has, "eu-west-1");
            assert_eq!(unmet.told("launch"), expected);
        }
    }

    #[test]
    fn a_resource_that_looks_like_the_key() {
        let key: KeyArn = KEY.parse().unwrap();
        let mistake = |text: &str| match NearMiss::of_resource(text, &key) {
            Some(NearMiss::Resource { mistake, .. }) => Some(mistake),
            _ => None,
        };
        let id = &key.id;
        assert_eq!(mistake(id), Some(ResourceMistake::KeyId));
        assert_eq!(mistake(&format!("key/{id}")), Some(ResourceMistake::KeyId));
        assert_eq!(mistake("alias/ami"), Some(ResourceMistake::Alias));
        assert_eq!(mistake("arn:aws:kms:eu-west-1:111122223333:alias/ami"), Some(ResourceMistake::Alias));
        assert_eq!(mistake("arn:aws:kms:*:111122223333:alias/*"), Some(ResourceMistake::Alias));
        assert_eq!(mistake("arn:aws:kms:us-east-1:111122223333:alias/ami"), None);
        let elsewhere = KEY.replace("eu-west-1", "us-east-1");
        assert_eq!(mistake(&elsewhere), Some(ResourceMistake::OtherPlace));
        assert_eq!(mistake(&KEY.replace("1234abcd", "0987dcba")), None);
        assert_eq!(mistake("arn:aws:s3:::bucket"), None);
    }

    #[test]
    fn a_service_that_launches() {
        for name in ["ec2.amazonaws.com", "autoscaling.amazonaws.com", "ec2.amazonaws.com.cn"] {
            assert!(NearMiss::of_service(name).is_some(), "{name}");
        }
        assert_eq!(NearMiss::of_service("s3.amazonaws.com"), None);
        assert_eq!(NearMiss::of_service("logs.eu-west-1.amazonaws.com"), None);
    }
}
