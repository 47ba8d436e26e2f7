//! Why something was not read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::arn::AccountId;

/// Why something was not read. It is shown, saved and given to programs in words, which are made here alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum UnreadReason {
    /// Nobody needed it.
    NotAsked,
    /// Nobody looked.
    NotLookedAt,
    /// No credentials serve its account.
    NoCredentials(AccountId),
    /// The caller lacks the permission to read it.
    NotPermitted {
        /// The permission: `kms:ListGrants`.
        permission: String,
        /// On what.
        resource: String,
    },
    /// AWS refused it.
    Refused(RefusedRead),
    /// Another reason, as a fragment for people: what a call failed with, say.
    Other(String),
}

/// A read that AWS refused: what was asked as whom, and what AWS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRead {
    /// The call: `kms:GetKeyPolicy`.
    pub operation: String,
    /// On what.
    pub resource: String,
    /// The caller's ARN.
    pub caller: String,
    /// AWS's error code.
    pub code: String,
    /// AWS's request id.
    pub request_id: Option<String>,
    /// AWS's message.
    pub message: String,
}

impl RefusedRead {
    /// Reads the words back.
    fn parse(words: &str) -> Option<Self> {
        let (operation, rest) = words.split_once(" on `")?;
        let (resource, rest) = rest.split_once("` as `")?;
        let (caller, rest) = rest.split_once("` failed: ")?;
        let (code, rest) = rest.split_once(": ")?;
        let with_id = || rest.strip_suffix(')')?.rsplit_once(" (request id ");
        let (message, request_id) = with_id().map_or((rest, None), |(message, id)| (message, Some(id)));
        Some(Self {
            operation: operation.to_owned(),
            resource: resource.to_owned(),
            caller: caller.to_owned(),
            code: code.to_owned(),
            request_id: request_id.map(str::to_owned),
            message: message.to_owned(),
        })
    }
}

impl fmt::Display for RefusedRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, resource, caller, code, request_id, message } = self;
        write!(f, "{operation} on `{resource}` as `{caller}` failed: {code}: {message}")?;
        request_id.as_ref().map_or(Ok(()), |id| write!(f, " (request id {id})"))
    }
}

const NOT_ASKED: &str = "not asked for";
const NOT_LOOKED_AT: &str = "not looked at";
const NO_CREDENTIALS: &str = "no credentials for account ";
const LACKS: &str = "the caller lacks ";

impl fmt::Display for UnreadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str(NOT_ASKED),
            Self::NotLookedAt => f.write_str(NOT_LOOKED_AT),
            Self::NoCredentials(account) => write!(f, "{NO_CREDENTIALS}{account}"),
            Self::NotPermitted { permission, resource } => write!(f, "{LACKS}{permission} on `{resource}`"),
            Self::Refused(refused) => refused.fmt(f),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl From<UnreadReason> for String {
    fn from(reason: UnreadReason) -> Self {
        reason.to_string()
    }
}

impl From<String> for UnreadReason {
    /// Reads the words back, as files have them.
    fn from(words: String) -> Self {
        let account = || words.strip_prefix(NO_CREDENTIALS)?.parse().ok();
        let lacking = || {
            let (permission, resource) = words.strip_prefix(LACKS)?.strip_suffix('`')?.split_once(" on `")?;
            let (permission, resource) = (permission.to_owned(), resource.to_owned());
            Some(Self::NotPermitted { permission, resource })
        };
        match words.as_str() {
            NOT_ASKED => Self::NotAsked,
            NOT_LOOKED_AT => Self::NotLookedAt,
            _ => {
                let refused = || RefusedRead::parse(&words).map(Self::Refused);
                account()
                    .map(Self::NoCredentials)
                    .or_else(lacking)
                    .or_else(refused)
                    .unwrap_or(Self::Other(words))
            }
        }
    }
}

impl schemars::JsonSchema for UnreadReason {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UnreadReason".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that stand in plan files and journals of earlier versions, and what they say.
    #[test]
    fn the_words_of_files_are_read_back_and_stay() {
        let account = "444455556666".parse().unwrap();
        let lacks = |permission: &str, resource: &str| UnreadReason::NotPermitted {
            permission: permission.to_owned(),
            resource: resource.to_owned(),
        };
        let other = |words: &str| UnreadReason::Other(words.to_owned());
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let refused = |request_id: Option<&str>, message: &str| {
            UnreadReason::Refused(RefusedRead {
                operation: "kms:GetKeyPolicy".to_owned(),
                resource: key.to_owned(),
                caller: "arn:x".to_owned(),
                code: "AccessDenied".to_owned(),
                request_id: request_id.map(str::to_owned),
                message: message.to_owned(),
            })
        };
        for (words, reason) in [
            ("not asked for", UnreadReason::NotAsked),
            ("not looked at", UnreadReason::NotLookedAt),
            ("no credentials for account 444455556666", UnreadReason::NoCredentials(account)),
            (&format!("the caller lacks kms:ListGrants on `{key}`"), lacks("kms:ListGrants", key)),
            ("the caller lacks iam:GetRolePolicy on `a` on `b`", lacks("iam:GetRolePolicy", "a` on `b")),
            (
                &format!(
                    "kms:GetKeyPolicy on `{key}` as `arn:x` failed: AccessDenied: so: (it is) (request id 1-2)"
                ),
                refused(Some("1-2"), "so: (it is)"),
            ),
            (&format!("kms:GetKeyPolicy on `{key}` as `arn:x` failed: AccessDenied: "), refused(None, "")),
            (
                "kms:GetKeyPolicy on `x`, region eu-west-1 failed: AccessDenied: no",
                other("kms:GetKeyPolicy on `x`, region eu-west-1 failed: AccessDenied: no"),
            ),
            ("there is no role app", other("there is no role app")),
            ("no credentials for account 4444", other("no credentials for account 4444")),
            (
                "no credentials for account 444455556666 any more",
                other("no credentials for account 444455556666 any more"),
            ),
            ("the caller lacks iam:GetRole", other("the caller lacks iam:GetRole")),
            ("", other("")),
        ] {
            let json = serde_json::to_string(words).unwrap();
            let read: UnreadReason = serde_json::from_str(&json).unwrap();
            assert_eq!((&read, serde_json::to_string(&read).unwrap()), (&reason, json), "{words}");
            assert_eq!(reason.to_string(), words);
        }
    }
}
