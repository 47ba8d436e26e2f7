//! What instances are launched by: launch templates, launch configurations, Auto Scaling groups.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arn::{AccountId, EntityArn};

/// A version of a launch template, or a launch configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateRef {
    /// A launch template by its id, `lt-…`.
    Id {
        /// The id.
        id: String,
        /// A number, `$Default` or `$Latest`.
        version: String,
    },
    /// A launch template by its name.
    Name {
        /// The name.
        name: String,
        /// A number, `$Default` or `$Latest`.
        version: String,
    },
    /// A launch configuration by its name.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-configurations.html>
    Configuration(String),
}

/// The version that EC2 launches by where none is named.
pub const DEFAULT_VERSION: &str = "$Default";

/// The newest version.
pub const LATEST_VERSION: &str = "$Latest";

/// A text that names no launch template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no launch template and no version of one")]
pub struct TemplateRefError(String);

impl FromStr for TemplateRef {
    type Err = TemplateRefError;

    /// `ID|NAME[:VERSION]`, where the version is a number, `default` or `latest`, with or without the dollar sign that
    /// shells take for themselves.
    fn from_str(text: &str) -> Result<Self, TemplateRefError> {
        let wrong = || TemplateRefError(text.to_owned());
        let (which, version) = text.split_once(':').unwrap_or((text, DEFAULT_VERSION));
        let version = match version.trim_start_matches('$').to_ascii_lowercase().as_str() {
            "default" => DEFAULT_VERSION.to_owned(),
            "latest" => LATEST_VERSION.to_owned(),
            number if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                number.to_owned()
            }
            _ => return Err(wrong()),
        };
        let is_hex = |digits: &str| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let digits = which.strip_prefix("lt-");
        if digits.is_some_and(|digits| (8..=17).contains(&digits.len()) && is_hex(digits)) {
            return Ok(Self::Id { id: which.to_owned(), version });
        }
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"().-/_".contains(&byte);
        if (3..=128).contains(&which.len()) && which.bytes().all(is_of_a_name) {
            return Ok(Self::Name { name: which.to_owned(), version });
        }
        Err(wrong())
    }
}

impl fmt::Display for TemplateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { id: which, version } | Self::Name { name: which, version } => {
                write!(f, "{which}:{version}")
            }
            Self::Configuration(name) => f.write_str(name),
        }
    }
}

/// What a launch by a template names.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResponseLaunchTemplateData.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchTemplate {
    /// How it was asked for.
    pub asked: TemplateRef,
    /// Its name.
    pub name: String,
    /// Its version's number; empty for a launch configuration.
    pub version: String,
    /// The account that launches by it.
    pub owner: AccountId,
    /// The image, `ami-…`, or what stands in its place; `None` where whoever launches names it.
    pub image: Option<String>,
    /// What it says of block devices.
    pub devices: Vec<Device>,
}

/// What a launch says of a block device.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Such as `/dev/xvda`.
    pub name: String,
    /// The snapshot that its volume is made from.
    pub snapshot: Option<String>,
    /// The key that its volume is encrypted under: an id, an alias or an ARN.
    pub key: Option<String>,
}

/// An Auto Scaling group, as far as its launches go.
///
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutoScalingGroup {
    /// Its name.
    pub name: String,
    /// Its account.
    pub owner: AccountId,
    /// The service-linked role that launches.
    pub role: EntityArn,
    /// What it launches by, the overrides of a mixed instances policy included.
    pub templates: Vec<TemplateRef>,
    /// Images that overrides name in the place of their template's.
    pub images: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_named_with_or_without_a_dollar_sign() {
        for (text, expected) in [
            ("lt-0123456789abcdef0", "lt-0123456789abcdef0:$Default"),
            ("lt-0123456789abcdef0:7", "lt-0123456789abcdef0:7"),
            ("web:latest", "web:$Latest"),
            ("web:$Latest", "web:$Latest"),
            ("web:Default", "web:$Default"),
            ("team/web(1).x", "team/web(1).x:$Default"),
            ("lt-web", "lt-web:$Default"),
        ] {
            let parsed: TemplateRef = text.parse().unwrap();
            assert_eq!(parsed.to_string(), expected);
            assert_eq!(matches!(parsed, TemplateRef::Id { .. }), text.starts_with("lt-0"), "{text}");
            assert_eq!(expected.parse(), Ok(parsed));
        }
        for wrong in ["", "ab", "web:", "web:two", "web:1:2", "we b", ":1", "wéb", "lt-0123456789abcdef0:-1"]
        {
            assert_eq!(wrong.parse::<TemplateRef>(), Err(TemplateRefError(wrong.to_owned())));
        }
    }
}
