//! A line of a fleet's manifest: what one `keymend fix` would be asked.

use serde::{Deserialize, Serialize};

use super::{CoverageRule, Profile, Purpose};

/// One line: which keys, who needs them, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "a line of a keymend fleet manifest")]
pub struct ManifestLine {
    /// Keys: ARNs of keys or aliases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// AMIs, whose snapshots' keys are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amis: Vec<String>,
    /// EBS snapshots, whose keys are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<String>,
    /// EBS volumes, whose keys are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// EC2 instances, whose volumes' keys are taken, or those of the images that they were launched from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
    /// The region of AMIs, snapshots, volumes and instances; the configured one where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Accounts that launch instances, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// ARNs of users and roles that launch instances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<String>,
    /// ARNs of IAM groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Accounts whose Auto Scaling groups launch instances, `ACCOUNT[:SUFFIX]`; organizations and OUs too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub autoscaling: Vec<String>,
    /// Accounts whose Spot requests launch instances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spot: Vec<String>,
    /// ARNs of other service-linked roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_linked_roles: Vec<String>,
    /// Organizations, by id or ARN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
    /// Organizational units, by path or ARN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<String>,
    /// What the grantees must be able to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// What the grantees must be allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// What counts as being allowed it already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageRule>,
    /// The customer managed policy in requester accounts; `KmsKeyUsagePolicy` where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<String>,
}

impl ManifestLine {
    /// The line's text, without its end.
    ///
    /// # Errors
    /// None of these types fails to serialise; should one, it is told.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}
