//! A request and an observation in a few words, and what AWS would make of a plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::access::{CoverageRule, Grantee, Part, PolicyName, Profile, Purpose, Request};
use crate::arn::{AccountId, Affiliation, EntityArn, EntityKind, EntityName, KeyArn, Partition, PolicyArn};
use crate::observation::{
    Caller, Entity, IamObservation, IamQuotas, IdentityPolicies, KeyGrant, KeyManager, KeyMetadata,
    KeyObservation, ManagedPolicy, NamedDocument, Observation, OrganizationPolicies, PolicyVersion,
    RamPolicy, Reading, Tags, UnreadReason,
};
use crate::plan::{Operation, Plan};
use crate::policy::PolicyDocument;

pub(super) const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Both sides in the short form of the fixtures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct World {
    #[serde(default = "default_keys")]
    pub(super) keys: Vec<Key>,
    #[serde(default)]
    pub(super) iam: BTreeMap<AccountId, Account>,
    /// The ARNs of the callers, where they matter.
    #[serde(default)]
    callers: BTreeMap<AccountId, String>,
    /// The tags of keys and policies, by ARN; null where they were not read.
    #[serde(default)]
    tags: BTreeMap<String, Option<Tags>>,
    /// Service control policies that are given, by level.
    scps: Option<Vec<Vec<Value>>>,
    /// The organizations of accounts, where they are known.
    #[serde(default)]
    affiliations: BTreeMap<AccountId, Affiliation>,
    /// Why others are not, by account.
    #[serde(default)]
    unread_affiliations: BTreeMap<String, UnreadReason>,
    /// Resource control policies that are given, by level.
    rcps: Option<Vec<Vec<Value>>>,
}

fn default_keys() -> Vec<Key> {
    serde_json::from_value(serde_json::json!([{}])).unwrap()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    #[serde(default = "default_key")]
    arn: KeyArn,
    /// Absent: only the account's root is let in. Null: not read. A string: the text itself.
    #[serde(default = "default_policy")]
    policy: Value,
    /// Absent: there is none.
    #[serde(default)]
    ram_policy: Value,
    #[serde(default = "enabled")]
    state: String,
    #[serde(default = "symmetric")]
    spec: String,
    #[serde(default)]
    aws_managed: bool,
    #[serde(default)]
    related: Vec<KeyArn>,
    #[serde(default)]
    grants: Vec<Grant>,
    #[serde(default)]
    grants_unread: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    /// Absent: by its place in the list.
    id: Option<String>,
    grantee: String,
    /// Absent: those of the documented grant.
    #[serde(default = "documented_operations")]
    operations: Vec<String>,
    #[serde(default)]
    context_subset: BTreeMap<String, String>,
}

fn documented_operations() -> Vec<String> {
    crate::access::grant::OPERATIONS.map(str::to_owned).to_vec()
}

fn default_key() -> KeyArn {
    KEY.parse().unwrap()
}

fn default_policy() -> Value {
    serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Enable IAM User Permissions", "Effect": "Allow",
         "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}]})
}

fn enabled() -> String {
    "Enabled".to_owned()
}

fn symmetric() -> String {
    "SYMMETRIC_DEFAULT".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    #[serde(default)]
    unread: bool,
    /// Users, roles and groups as `role/app`.
    #[serde(default)]
    entities: BTreeMap<String, Belongings>,
    #[serde(default)]
    policies: BTreeMap<String, Policy>,
    /// The policies of whoever calls. Absent: one that allows everything.
    #[serde(default = "everything")]
    caller: Vec<Value>,
    #[serde(default)]
    caller_unread: bool,
}

fn everything() -> Vec<Value> {
    let statement = serde_json::json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    vec![serde_json::json!({"Version": "2012-10-17", "Statement": statement})]
}

/// What a user, role or group has besides the account's own policies.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Belongings {
    /// So many of AWS's policies, which say nothing of keys.
    Others(usize),
    /// Documents.
    Documents(Documents),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Documents {
    /// Whether its policies could not be read.
    #[serde(default)]
    unread: bool,
    /// By the name that people know each by.
    #[serde(default)]
    policies: BTreeMap<String, Value>,
    #[serde(default)]
    boundary: Option<Value>,
}

impl Belongings {
    fn documents(&self) -> Documents {
        match self {
            Self::Others(_) => Documents::default(),
            Self::Documents(documents) => documents.clone(),
        }
    }

    fn attached(&self, partition: Partition) -> Vec<String> {
        match self {
            Self::Others(count) => {
                (0..*count).map(|n| format!("arn:{partition}:iam::aws:policy/Other{n}")).collect()
            }
            Self::Documents(documents) => {
                documents.policies.keys().filter(|name| name.starts_with("arn:")).cloned().collect()
            }
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    document: Value,
    #[serde(default = "one")]
    versions: usize,
    #[serde(default)]
    attached_to: Vec<String>,
    #[serde(default)]
    boundary_of: Vec<String>,
}

fn one() -> usize {
    1
}

fn text(document: &Value) -> String {
    document.as_str().map_or_else(|| format!("{document:#}"), str::to_owned)
}

fn entity_name(text: &str) -> EntityName {
    let (kind, name) = text.split_once('/').unwrap();
    let kind = match kind {
        "user" => EntityKind::User,
        "role" => EntityKind::Role,
        "group" => EntityKind::Group,
        other => panic!("no kind of entity: {other}"),
    };
    EntityName { kind, name: name.rsplit('/').next().unwrap().to_owned() }
}

fn given(levels: Option<&Vec<Vec<Value>>>) -> Option<Vec<Vec<NamedDocument>>> {
    let document =
        |policy: &Value| NamedDocument { name: "limits.json".to_owned(), text: policy.to_string() };
    levels.map(|levels| levels.iter().map(|level| level.iter().map(document).collect()).collect())
}

impl World {
    /// What a request on this world observes.
    pub(super) fn observe(&self, request: &Request) -> Observation {
        Observation {
            missing: [].into(),
            callers: self
                .callers
                .iter()
                .map(|(account, arn)| (*account, Caller { account: *account, arn: arn.clone() }))
                .collect(),
            keys: self.keys.iter().map(|key| (key.arn.clone(), key.observe())).collect(),
            accounts: self
                .iam
                .iter()
                .map(|(account, iam)| (*account, iam.observe(*account, request)))
                .collect(),
            tags: self
                .tags
                .iter()
                .map(|(arn, tags)| (arn.clone(), tags.clone().map_or_else(Reading::default, Reading::Read)))
                .collect(),
            affiliations: self.affiliations.clone(),
            left_out: BTreeMap::new(),
            unread_affiliations: self.unread_affiliations.clone(),
            organization: OrganizationPolicies {
                scps: given(self.scps.as_ref()),
                rcps: given(self.rcps.as_ref()),
            },
        }
    }

    pub(super) fn key_arns(&self) -> Vec<KeyArn> {
        self.keys.iter().map(|key| key.arn.clone()).collect()
    }
}

impl Key {
    fn observe(&self) -> KeyObservation {
        KeyObservation {
            grants: if self.grants_unread {
                Reading::Unread("the caller lacks kms:ListGrants".to_owned().into())
            } else {
                Reading::Read(self.grants.iter().enumerate().map(Grant::observe).collect())
            },
            metadata: Reading::Read(KeyMetadata {
                arn: self.arn.clone(),
                manager: if self.aws_managed { KeyManager::Aws } else { KeyManager::Customer },
                state: self.state.clone(),
                spec: self.spec.clone(),
                usage: "ENCRYPT_DECRYPT".to_owned(),
                origin: "AWS_KMS".to_owned(),
                related_keys: self.related.clone(),
            }),
            ram_policy: match &self.ram_policy {
                Value::Null => RamPolicy::Absent,
                Value::Bool(false) => RamPolicy::Unread("AccessDeniedException".to_owned().into()),
                policy => RamPolicy::Read(text(policy)),
            },
            policy: match &self.policy {
                Value::Null => Reading::Unread("no credentials for account 111122223333".to_owned().into()),
                policy => Reading::Read(text(policy)),
            },
        }
    }
}

impl Grant {
    fn observe((index, grant): (usize, &Self)) -> KeyGrant {
        KeyGrant {
            id: grant.id.clone().unwrap_or_else(|| format!("g{index}")),
            name: None,
            grantee: grant.grantee.clone(),
            operations: grant.operations.clone(),
            context_equals: BTreeMap::new(),
            context_subset: grant.context_subset.clone(),
            source_arn: None,
            unknown_constraints: Vec::new(),
        }
    }
}

impl Account {
    fn observe(&self, account: AccountId, request: &Request) -> Reading<IamObservation> {
        if self.unread {
            return Reading::Unread(format!("no credentials for account {account}").into());
        }
        let partition = request.keys[0].partition;
        let entity = |arn: &EntityArn| {
            let (full, belongings) =
                self.entities.iter().find(|(name, _)| entity_name(name) == arn.entity_name())?;
            let has = |entities: &[String]| entities.iter().any(|to| entity_name(to) == arn.entity_name());
            let named = |(name, policy): (&String, &Policy)| NamedDocument {
                name: format!("arn:{partition}:iam::{account}:policy/{name}"),
                text: text(&policy.document),
            };
            let own = self.policies.iter().filter(|(_, policy)| has(&policy.attached_to)).map(named);
            let own: Vec<NamedDocument> = own.collect();
            let as_boundary = self.policies.iter().find(|(_, policy)| has(&policy.boundary_of)).map(named);
            let mut attached: Vec<String> = own.iter().map(|document| document.name.clone()).collect();
            attached.extend(belongings.attached(partition));
            let Documents { unread, policies, boundary } = belongings.documents();
            let others = policies
                .iter()
                .map(|(name, document)| NamedDocument { name: name.clone(), text: text(document) });
            let boundary = boundary.map(|document| NamedDocument {
                name: format!("arn:{partition}:iam::{account}:policy/Boundary"),
                text: text(&document),
            });
            let identity = IdentityPolicies {
                documents: own.into_iter().chain(others).collect(),
                boundary: boundary.or(as_boundary),
            };
            let identity = if unread {
                Reading::Unread("iam:GetRolePolicy is not allowed".to_owned().into())
            } else {
                Reading::Read(identity)
            };
            let arn = format!("arn:{partition}:iam::{account}:{full}").parse().unwrap();
            Some(Entity { arn, attached, identity })
        };
        let policies = self.policies.iter().map(|(name, policy)| {
            let arn: PolicyArn = format!("arn:{partition}:iam::{account}:policy/{name}").parse().unwrap();
            (arn.clone(), policy.observe(arn))
        });
        Reading::Read(IamObservation {
            quotas: IamQuotas::default(),
            policies: policies.collect(),
            entities: request
                .grantees
                .iter()
                .filter_map(Grantee::as_entity)
                .filter(|arn| arn.account == account)
                .map(|arn| (arn.clone(), entity(arn)))
                .collect(),
            caller: if self.caller_unread {
                Reading::Unread("the caller lacks iam:GetRole".to_owned().into())
            } else {
                let name = "own".to_owned();
                let documents = self.caller.iter().map(text);
                let documents = documents.map(|text| NamedDocument { name: name.clone(), text });
                Reading::Read(IdentityPolicies { documents: documents.collect(), boundary: None })
            },
        })
    }
}

impl Policy {
    fn observe(&self, arn: PolicyArn) -> ManagedPolicy {
        let version = |number: usize| PolicyVersion {
            id: format!("v{number}"),
            is_default: number == self.versions,
            document: Some(format!("{{\"Statement\": [], \"Id\": \"v{number}\"}}")),
        };
        ManagedPolicy {
            arn,
            document: text(&self.document),
            versions: (1..=self.versions).map(version).collect(),
            attached_to: self.attached_to.iter().map(|name| entity_name(name)).collect(),
            boundary_of: self.boundary_of.iter().map(|name| entity_name(name)).collect(),
        }
    }
}

/// A request in short form: everything but the keys may be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShortRequest {
    grantees: Vec<String>,
    #[serde(default)]
    policy_name: PolicyName,
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    coverage: CoverageRule,
    #[serde(default)]
    prune_orphans: bool,
    #[serde(default)]
    purpose: Purpose,
    #[serde(default)]
    only_for: BTreeMap<KeyArn, BTreeSet<AccountId>>,
    #[serde(default)]
    part: Option<Part>,
}

impl ShortRequest {
    pub(super) fn on(&self, world: &World) -> Request {
        let keys = world.key_arns();
        let grantee = |text: &String| match text.parse() {
            Ok(id) => Grantee::Account { partition: keys[0].partition, id },
            Err(_) => text.parse().unwrap(),
        };
        Request {
            grantees: self.grantees.iter().map(grantee).collect(),
            policy_name: self.policy_name.clone(),
            profile: self.profile,
            coverage: self.coverage,
            prune_orphans: self.prune_orphans,
            keys,
            purpose: self.purpose,
            only_for: self.only_for.clone(),
            part: self.part.clone(),
        }
    }
}

/// The observation after every change of the plan was carried out.
pub(super) fn carried_out(mut observation: Observation, plan: &Plan) -> Observation {
    for change in &plan.changes {
        carry_out(&mut observation, &change.operation);
    }
    observation
}

fn carry_out(observation: &mut Observation, operation: &Operation) {
    match operation {
        Operation::PruneOrphans(update)
        | Operation::UpdateKeyPolicy(update)
        | Operation::RestoreKeyPolicy(update)
        | Operation::ReduceKeyPolicy(update) => {
            let key = observation.keys.get_mut(&update.key).unwrap();
            assert_eq!(key.policy, Reading::Read(update.before.clone()), "changes build on each other");
            key.policy = Reading::Read(update.after.clone());
        }
        Operation::CreatePolicy { policy, after, .. } => {
            let created = ManagedPolicy {
                arn: policy.clone(),
                document: after.clone(),
                versions: vec![PolicyVersion { id: "v1".to_owned(), is_default: true, document: None }],
                attached_to: Vec::new(),
                boundary_of: Vec::new(),
            };
            assert!(iam(observation, policy).policies.insert(policy.clone(), created).is_none());
        }
        Operation::DeletePolicyVersion { policy, version, before, .. }
        | Operation::WithdrawPolicyVersion { policy, version, before } => {
            let policy = iam(observation, policy).policies.get_mut(policy).unwrap();
            let gone = policy.versions.iter().position(|own| own.id == *version && !own.is_default).unwrap();
            let kept = policy.versions.remove(gone).document;
            assert!(kept.is_none_or(|kept| kept == *before));
        }
        Operation::CreatePolicyVersion { policy, before, after, .. } => {
            let policy = iam(observation, policy).policies.get_mut(policy).unwrap();
            assert_eq!(policy.document, *before);
            assert!(policy.versions.len() < 5);
            policy.versions.iter_mut().for_each(|version| version.is_default = false);
            policy.versions.push(PolicyVersion { id: "v9".to_owned(), is_default: true, document: None });
            policy.document.clone_from(after);
            let arn = policy.arn.to_string();
            let entities = iam(observation, &arn.parse().unwrap()).entities.values_mut().flatten();
            for identity in entities.filter_map(|entity| match &mut entity.identity {
                Reading::Read(identity) => Some(identity),
                Reading::Unread(_) => None,
            }) {
                let own = identity.documents.iter_mut().chain(&mut identity.boundary);
                own.filter(|document| document.name == arn)
                    .for_each(|document| document.text.clone_from(after));
            }
        }
        Operation::AttachPolicy { policy, entity, document } => {
            let iam = iam(observation, policy);
            let attached = PolicyDocument::parse(iam.policies[policy].document.as_str()).unwrap();
            assert_eq!(attached.fingerprint(policy.partition), *document);
            iam.policies.get_mut(policy).unwrap().attached_to.push(entity.entity_name());
            let text = iam.policies[policy].document.clone();
            let entity = iam.entities.get_mut(entity).unwrap().as_mut().unwrap();
            entity.attached.push(policy.to_string());
            if let Reading::Read(identity) = &mut entity.identity {
                identity.documents.push(NamedDocument { name: policy.to_string(), text });
            }
        }
        Operation::CreateGrant { grant, .. } => {
            let key = observation.keys.get_mut(&grant.key).unwrap();
            let Reading::Read(grants) = &mut key.grants else { panic!("granted without reading") };
            grants.push(KeyGrant {
                id: format!("new {}", grants.len()),
                name: Some(grant.name.clone()),
                grantee: grant.grantee.to_string(),
                operations: grant.operations.clone(),
                context_equals: BTreeMap::new(),
                context_subset: BTreeMap::new(),
                source_arn: None,
                unknown_constraints: Vec::new(),
            });
        }
        Operation::RevokeGrant { key, grant } => {
            let key = observation.keys.get_mut(key).unwrap();
            let Reading::Read(grants) = &mut key.grants else { panic!("revoked without reading") };
            assert!(grants.contains(grant));
            grants.retain(|own| own.id != grant.id);
        }
        Operation::DetachPolicy { policy, entity, .. } => {
            let iam = iam(observation, policy);
            iam.policies.get_mut(policy).unwrap().attached_to.retain(|own| *own != entity.entity_name());
            let entity = iam.entities.get_mut(entity).unwrap().as_mut().unwrap();
            entity.attached.retain(|own| *own != policy.to_string());
        }
        Operation::DeletePolicy { policy, before } => {
            let gone = iam(observation, policy).policies.remove(policy).unwrap();
            assert_eq!((&gone.document, gone.versions.len()), (before, 1));
            assert_eq!((gone.attached_to, gone.boundary_of), (Vec::new(), Vec::new()));
        }
        Operation::SetDefaultVersion { policy, version, before, after } => {
            let policy = iam(observation, policy).policies.get_mut(policy).unwrap();
            assert_eq!(policy.document, *before);
            policy.versions.iter_mut().for_each(|own| own.is_default = own.id == *version);
            assert!(policy.versions.iter().any(|own| own.is_default));
            policy.document.clone_from(after);
        }
    }
}

fn iam<'o>(observation: &'o mut Observation, policy: &PolicyArn) -> &'o mut IamObservation {
    match observation.accounts.get_mut(&policy.account).unwrap() {
        Reading::Read(iam) => iam,
        Reading::Unread(reason) => panic!("written without reading: {reason}"),
    }
}
