//! The format of world files, as types. `docs/worlds.md` describes it for those who write one.

pub(super) mod ec2;
pub(super) mod fault;
mod key;
pub(super) mod organization;
mod part;
mod shape;
pub(super) mod template;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::arn::{
    AccountId, EntityArn, EntityKind, EntityName, KeyArn, OrganizationId, Partition, PolicyArn,
};
use crate::observation::IamQuotas;
use crate::policy::AwsPrincipal;
use fault::FaultEntry;
use organization::{Organization, OrganizationEntry};
use part::Part;
use shape::{limit, members, object, objects};

pub(super) use key::{Grant, Key};
pub(super) use part::AccountPage;
pub(super) use shape::{Object, may_be_newer};

/// The number that `keymend_world` has in files of this format.
const FORMAT: u64 = 1;

/// Everything that a file of a world says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Of which part of the world that is.
    #[serde(skip)]
    part: Part,
    #[serde(rename = "keymend_world")]
    _format: Format,
    #[serde(default)]
    pub(super) story: String,
    pub(super) region: String,
    #[serde(default)]
    pub(super) default_caller: Option<AccountId>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) callers: BTreeMap<AccountId, CallerEntry>,
    #[serde(default, deserialize_with = "object")]
    pub(super) defaults: DefaultsEntry,
    #[serde(default = "yes")]
    pub(super) unknown_accounts_exist: bool,
    /// The documents of AWS's own managed policies, by ARN.
    #[serde(default, deserialize_with = "members")]
    pub(super) aws_policies: BTreeMap<String, Document>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) accounts: BTreeMap<AccountId, Account>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) organizations: BTreeMap<OrganizationId, Organization>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) keys: BTreeMap<KeyArn, Key>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) images: BTreeMap<String, ec2::Image>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) snapshots: BTreeMap<String, ec2::Snapshot>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) volumes: BTreeMap<String, ec2::Volume>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) instances: BTreeMap<String, ec2::Instance>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) launch_templates: BTreeMap<String, template::LaunchTemplate>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) launch_configurations: BTreeMap<String, template::LaunchConfiguration>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) auto_scaling_groups: BTreeMap<String, template::AutoScalingGroup>,
    #[serde(default)]
    pub(super) faults: Vec<Object<FaultEntry>>,
    /// How many calls a second are taken in an account and Region, by the permission of the call or a pattern.
    #[serde(default, deserialize_with = "members")]
    pub(super) quotas: BTreeMap<String, usize>,
    /// How long each call takes.
    #[serde(default)]
    pub(super) latency_ms: u64,
}

/// The identity whose credentials the run has for one account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallerEntry {
    pub(super) arn: String,
    /// Permissions the caller lacks, as patterns such as `iam:Attach*`; everything else it has.
    #[serde(default)]
    pub(super) denied: Vec<String>,
}

/// What a run is about where nothing is asked for, as texts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefaultsEntry {
    #[serde(default)]
    pub(super) keys: Vec<String>,
    #[serde(default)]
    pub(super) targets: Vec<String>,
    #[serde(default)]
    pub(super) grantees: Vec<String>,
}

/// IAM in one account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    #[serde(default, deserialize_with = "object")]
    pub(super) quotas: Quotas,
    #[serde(default, deserialize_with = "objects")]
    pub(super) users: BTreeMap<String, Identity>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) roles: BTreeMap<String, Identity>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) groups: BTreeMap<String, Identity>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) default_ebs_key: Option<KeyArn>,
    pub(super) organization: Option<Object<OrganizationEntry>>,
    #[serde(default)]
    pub(super) ebs_encryption_by_default: bool,
    pub(super) allowed_images: Option<Object<ec2::AllowedImages>>,
}

/// Limits that differ from IAM's defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quotas {
    #[serde(default, deserialize_with = "limit")]
    attached_per_user: Option<usize>,
    #[serde(default, deserialize_with = "limit")]
    attached_per_role: Option<usize>,
    #[serde(default, deserialize_with = "limit")]
    attached_per_group: Option<usize>,
    #[serde(default, deserialize_with = "limit")]
    policy_size: Option<usize>,
    #[serde(default, deserialize_with = "limit")]
    versions_per_policy: Option<usize>,
}

/// A user, role or group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    #[serde(default = "root_path")]
    pub(super) path: String,
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) attached: Vec<String>,
    pub(super) boundary: Option<String>,
    /// Seconds since it was made.
    #[serde(default, deserialize_with = "limit")]
    age: Option<usize>,
    #[serde(default, deserialize_with = "members")]
    pub(super) inline: BTreeMap<String, Document>,
    /// The groups that a user is in.
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

/// A customer managed policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    #[serde(default = "root_path")]
    pub(super) path: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, deserialize_with = "members")]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) default_version: String,
    #[serde(deserialize_with = "members")]
    pub(super) versions: BTreeMap<VersionId, Document>,
}

impl Page {
    /// The partition of everything in the world, which its region tells.
    pub(super) fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }

    /// The identity's ARN.
    pub(super) fn entity_arn(
        &self,
        account: AccountId,
        kind: EntityKind,
        (name, identity): (&str, &Identity),
    ) -> EntityArn {
        EntityArn {
            partition: self.partition(),
            account,
            kind,
            path: identity.path.clone(),
            name: name.to_owned(),
        }
    }

    /// The policy's ARN.
    pub(super) fn policy_arn(&self, account: AccountId, (name, policy): (&str, &Policy)) -> PolicyArn {
        PolicyArn { partition: self.partition(), account, path: policy.path.clone(), name: name.to_owned() }
    }

    /// Where an account stands in AWS Organizations, where the world tells it.
    pub(super) fn organization(&self, account: AccountId) -> Option<&OrganizationEntry> {
        self.accounts.get(&account)?.organization.as_ref().map(|Object(entry)| entry)
    }

    /// A customer managed policy; the path counts, as in every ARN.
    pub(super) fn policy(&self, arn: &PolicyArn) -> Option<&Policy> {
        let policy = self.accounts.get(&arn.account)?.policies.get(&arn.name)?;
        (policy.path == arn.path && arn.partition == self.partition()).then_some(policy)
    }

    /// Every user, role and group, with its ARN.
    pub(super) fn identities(&self) -> impl Iterator<Item = (EntityArn, &Identity)> {
        self.accounts.iter().flat_map(move |(id, account)| {
            account
                .identities()
                .map(move |(kind, name, identity)| (self.entity_arn(*id, kind, (name, identity)), identity))
        })
    }

    /// The user or role that a unique id belongs to, while it lives.
    pub(super) fn entity_with_id(&self, id: &str) -> Option<EntityArn> {
        self.identities()
            .filter(|(arn, _)| arn.kind != EntityKind::Group)
            .find(|(arn, identity)| identity.unique_id(arn) == id)
            .map(|(arn, _)| arn)
    }
}

impl Account {
    /// The identities of one kind.
    pub(super) fn of_kind(&self, kind: EntityKind) -> &BTreeMap<String, Identity> {
        match kind {
            EntityKind::User => &self.users,
            EntityKind::Role => &self.roles,
            EntityKind::Group => &self.groups,
        }
    }

    /// Users, roles, groups, in this order and by name.
    pub(super) fn identities(&self) -> impl Iterator<Item = (EntityKind, &str, &Identity)> {
        KINDS.into_iter().flat_map(|kind| {
            self.of_kind(kind).iter().map(move |(name, identity)| (kind, name.as_str(), identity))
        })
    }

    /// Those whose member gives one of the policy's ARN.
    pub(super) fn using<'a>(
        &'a self,
        policy: &str,
        used: impl Fn(&'a Identity, &str) -> bool,
    ) -> Vec<EntityName> {
        self.identities()
            .filter(|(_, _, identity)| used(identity, policy))
            .map(|(kind, name, _)| EntityName { kind, name: name.to_owned() })
            .collect()
    }

    /// The limits in force.
    pub(super) fn quotas(&self) -> IamQuotas {
        let (own, default) = (&self.quotas, IamQuotas::default());
        IamQuotas {
            attached_per_user: own.attached_per_user.unwrap_or(default.attached_per_user),
            attached_per_role: own.attached_per_role.unwrap_or(default.attached_per_role),
            attached_per_group: own.attached_per_group.unwrap_or(default.attached_per_group),
            policy_size: own.policy_size.unwrap_or(default.policy_size),
            versions_per_policy: own.versions_per_policy.unwrap_or(default.versions_per_policy),
        }
    }
}

impl Identity {
    /// How long ago it was made: a year, unless the world says how long.
    pub(super) fn age(&self) -> Duration {
        const YEAR: u64 = 365 * 24 * 60 * 60;
        Duration::from_secs(self.age.and_then(|seconds| seconds.try_into().ok()).unwrap_or(YEAR))
    }

    /// The unique id: what the world says, else one that follows from the ARN.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
    pub(super) fn unique_id(&self, arn: &EntityArn) -> String {
        const ALPHABET: [char; 32] = [
            'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S',
            'T', 'U', 'V', 'W', 'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7',
        ];
        self.id.clone().unwrap_or_else(|| {
            let digest = Sha256::digest(arn.to_string());
            let letters = digest.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).take(17);
            id_prefix(arn.kind).chars().chain(letters.copied()).collect()
        })
    }
}

/// Every kind of identity.
pub(super) const KINDS: [EntityKind; 3] = [EntityKind::User, EntityKind::Role, EntityKind::Group];

/// How unique ids of a kind begin.
pub(super) fn id_prefix(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::User => "AIDA",
        EntityKind::Role => "AROA",
        EntityKind::Group => "AGPA",
    }
}

impl Policy {
    /// The document in force.
    pub(super) fn default_document(&self) -> Option<&str> {
        self.versions.iter().find(|(id, _)| id.to_string() == self.default_version).map(|(_, doc)| doc.text())
    }
}

/// The id of a policy's version: `v` and a number, which orders versions by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VersionId(pub(super) u32);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.strip_prefix('v').filter(|digits| !digits.starts_with(['0', '+']));
        number
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not a version id such as `v1`")))
    }
}

/// A policy's text, byte for byte.
#[derive(Debug)]
pub(super) struct Document(String);

impl Document {
    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// How the text stands in a world file: inline where it is an object and nothing around it would get
    /// lost, else as a string.
    pub(super) fn in_file(text: &str) -> String {
        let inline = text.starts_with('{') && text.ends_with('}') && is_json(text);
        if inline { text.to_owned() } else { serde_json::Value::from(text).to_string() }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match raw.get().as_bytes().first() {
            Some(b'{') => Ok(Self(raw.get().to_owned())),
            Some(b'"') => serde_json::from_str(raw.get()).map(Self).map_err(D::Error::custom),
            _ => Err(D::Error::custom("expected a policy as an object, or as a string that holds its text")),
        }
    }
}

/// The format's number, once it is known to be ours.
#[derive(Debug)]
struct Format;

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        if number.as_u64() == Some(FORMAT) {
            return Ok(Self);
        }
        Err(D::Error::custom(format!("worlds of format {number} are not known here, expected {FORMAT}")))
    }
}

/// Who a caller is, as a principal of a key policy: a user, a session or an account's root.
pub(super) fn caller_principal(arn: &str) -> Option<(AwsPrincipal, Partition, AccountId)> {
    let principal = AwsPrincipal::parse(arn);
    let (partition, account) = match &principal {
        AwsPrincipal::Account { partition: Some(partition), id } => (*partition, *id),
        AwsPrincipal::Entity(user) if user.kind == EntityKind::User => (user.partition, user.account),
        AwsPrincipal::Session(session) => (session.partition, session.account),
        _ => return None,
    };
    Some((principal, partition, account))
}

fn yes() -> bool {
    true
}

fn root_path() -> String {
    "/".to_owned()
}
