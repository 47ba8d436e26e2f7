//! What a text in a statement's `Principal: {"AWS": …}` names.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use crate::arn::{AccountId, ArnParts, EntityArn, Partition, SessionArn};

/// An AWS principal of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwsPrincipal {
    /// `*`: whoever signs a request.
    Anyone,
    /// An account, as its id or as its root's ARN.
    Account {
        /// Known from the ARN form only.
        partition: Option<Partition>,
        /// The account.
        id: AccountId,
    },
    /// A user or role (a group is never valid, and parses all the same).
    Entity(EntityArn),
    /// One session of a role.
    Session(SessionArn),
    /// `AIDA…`, `AROA…`: the unique id that stays behind when a principal is deleted.
    UniqueId(String),
    /// Anything else.
    Other(String),
}

impl AwsPrincipal {
    /// Reads one member of the `AWS` list.
    pub fn parse(text: &str) -> Self {
        if text == "*" {
            return Self::Anyone;
        }
        if let Ok(parts) = ArnParts::parse(text) {
            return Self::of_arn(parts, text).unwrap_or_else(|| Self::Other(text.to_owned()));
        }
        if let Ok(id) = text.parse() {
            return Self::Account { partition: None, id };
        }
        if is_unique_id(text) { Self::UniqueId(text.to_owned()) } else { Self::Other(text.to_owned()) }
    }

    fn of_arn(parts: ArnParts<'_>, text: &str) -> Option<Self> {
        if parts.service == "iam" && parts.resource == "root" {
            let id = parts.account.parse().ok()?;
            return Some(Self::Account { partition: Some(parts.partition), id });
        }
        let entity = EntityArn::of_parts(parts, text).map(Self::Entity);
        entity.or_else(|_| text.parse().map(Self::Session)).ok()
    }

    /// The account that it belongs to, where the text tells.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account { id, .. } => Some(*id),
            Self::Entity(entity) => Some(entity.account),
            Self::Session(session) => Some(session.account),
            Self::Anyone | Self::UniqueId(_) | Self::Other(_) => None,
        }
    }
}

/// Whether a text has the form of an IAM unique id.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
fn is_unique_id(text: &str) -> bool {
    const PREFIXES: [&str; 4] = ["AIDA", "AROA", "AGPA", "AIPA"];
    PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        && (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let id = "444455556666".parse().unwrap();
        assert_eq!(AwsPrincipal::parse("444455556666"), AwsPrincipal::Account { partition: None, id });
        assert_eq!(
            AwsPrincipal::parse("arn:aws-cn:iam::444455556666:root"),
            AwsPrincipal::Account { partition: Some(Partition::AwsCn), id }
        );
        assert!(matches!(AwsPrincipal::parse("arn:aws:iam::444455556666:role/a/b"), AwsPrincipal::Entity(_)));
        assert!(matches!(
            AwsPrincipal::parse("arn:aws:sts::444455556666:assumed-role/app/s"),
            AwsPrincipal::Session(_)
        ));
        assert!(matches!(AwsPrincipal::parse("AROAEXAMPLEEXAMPLE123"), AwsPrincipal::UniqueId(_)));
        assert!(matches!(AwsPrincipal::parse("AROA"), AwsPrincipal::Other(_)));
        assert!(matches!(AwsPrincipal::parse("arn:aws:iam::444455556666:role/*"), AwsPrincipal::Other(_)));
    }
}
