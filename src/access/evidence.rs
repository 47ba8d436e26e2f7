//! Everything that has a say in a launch, taken apart once and asked for each grantee and key.

mod basis;
mod instance;
mod panel;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::assessment::{Assessment, DocumentName};
use super::{Grantee, NewGrant};
use crate::arn::{AccountId, Affiliation, EntityArn, KeyArn, PolicyArn};
use crate::authz::{self, Constraint, Context, DocumentRef, Grant, Prepared, Principal};
use crate::observation::{
    IdentityPolicies, KeyGrant, KeyMetadata, KeyObservation, NamedDocument, Observation, RamPolicy, Reading,
    UnreadReason,
};
use crate::policy::{Documents, KmsAction, PolicyDocument};
use panel::Panel;

/// What is given besides what was read.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The policies that the session is made with; none where it is made without.
    pub session: Option<Vec<GivenDocument>>,
    /// Condition keys with their values, which go before what follows from the launch.
    pub context: Vec<(String, Vec<String>)>,
}

/// A document that was given rather than read.
#[derive(Debug, Clone)]
pub struct GivenDocument {
    /// What people know it by: its file.
    pub name: String,
    /// The document.
    pub document: PolicyDocument,
}

/// A document in the form that is evaluated, with its name.
#[derive(Debug, Clone)]
struct Named {
    name: DocumentName,
    document: Rc<Prepared>,
}

/// All documents of an observation, each distinct text taken apart but once.
#[derive(Debug, Clone)]
pub struct Evidence {
    keys: BTreeMap<KeyArn, KeyEvidence>,
    identities: BTreeMap<EntityArn, Reading<Identity>>,
    scps: Levels,
    rcps: Levels,
    session: Option<Vec<Named>>,
    context: Vec<(String, Vec<String>)>,
    affiliations: BTreeMap<AccountId, Affiliation>,
    /// What is read of texts that come later, too.
    documents: Documents,
}

#[derive(Debug, Clone)]
struct KeyEvidence {
    policy: Reading<Rc<Prepared>>,
    ram_policy: RamEvidence,
    grants: Reading<Grants>,
    /// What is known of every request that is made for whoever launches.
    context: Context,
    /// What is known of the instance's own requests.
    instance: Context,
}

/// The policy `AWS_RAM` of a key.
#[derive(Debug, Clone)]
enum RamEvidence {
    NotLookedAt,
    Absent,
    Read(Rc<Prepared>),
    Unread(UnreadReason),
}

impl RamEvidence {
    fn policy(&self) -> authz::RamDocument<'_> {
        match self {
            Self::Read(document) => authz::RamDocument::Document(document),
            Self::Unread(_) => authz::RamDocument::Unread,
            // What nobody looked at is told of as such.
            Self::NotLookedAt | Self::Absent => authz::RamDocument::None,
        }
    }
}

#[derive(Debug, Clone)]
struct Grants {
    ids: Vec<String>,
    evaluated: Vec<Grant>,
    /// Constraints that nobody knows, by the place of their grant.
    unknown: BTreeMap<usize, Vec<String>>,
}

#[derive(Debug, Clone)]
struct Identity {
    policies: Vec<Named>,
    boundary: Option<Named>,
}

/// Policies of the organization by level; what is not considered, in words, where there are none.
type Levels = Result<Vec<Vec<Named>>, String>;

/// Documents that were taken apart already, by their text.
struct Cache<'c, 'o> {
    documents: &'c Documents,
    prepared: HashMap<&'o str, Result<Rc<Prepared>, String>>,
}

impl Evidence {
    /// Takes everything apart that was read and given.
    pub fn new(observation: &Observation, extras: &Extras) -> Self {
        Self::sharing(&Documents::default(), observation, extras)
    }

    /// The same, of texts that others read too.
    pub fn sharing(documents: &Documents, observation: &Observation, extras: &Extras) -> Self {
        let mut cache = Cache { documents, prepared: HashMap::new() };
        let keys = observation
            .keys
            .iter()
            .map(|(key, observed)| (key.clone(), KeyEvidence::new(key, observed, &mut cache)))
            .collect();
        Self {
            keys,
            identities: identities(observation, &mut cache),
            scps: levels(
                observation.organization.scps.as_ref(),
                "service control policies",
                |level, name| DocumentName::ServiceControlPolicy { level, name },
                &mut cache,
            ),
            rcps: levels(
                observation.organization.rcps.as_ref(),
                "resource control policies",
                |level, name| DocumentName::ResourceControlPolicy { level, name },
                &mut cache,
            ),
            session: extras
                .session
                .as_ref()
                .map(|given| given_documents(given, |name| DocumentName::SessionPolicy { name })),
            context: extras.context.clone(),
            affiliations: observation.affiliations.clone(),
            documents: documents.clone(),
        }
    }

    /// What tells of these keys and of these grantees alone.
    #[must_use]
    pub fn of_some(&self, keys: &[KeyArn], grantees: &[Grantee]) -> Self {
        let keys = keys.iter().filter_map(|key| self.keys.get_key_value(key));
        let entities = grantees.iter().filter_map(Grantee::as_entity);
        let identities = entities.filter_map(|entity| self.identities.get_key_value(entity));
        Self {
            keys: keys.map(|(key, own)| (key.clone(), own.clone())).collect(),
            identities: identities.map(|(entity, own)| (entity.clone(), own.clone())).collect(),
            scps: self.scps.clone(),
            rcps: self.rcps.clone(),
            session: self.session.clone(),
            context: self.context.clone(),
            affiliations: self.affiliations.clone(),
            documents: self.documents.clone(),
        }
    }

    /// What becomes of each action when a grantee launches with a key.
    ///
    /// An account is asked about as its root user, a role as any session of it, and a group as a user with the
    /// group's policies alone.
    pub fn assess(&self, key: &KeyArn, grantee: &Grantee, actions: &[KmsAction]) -> Assessment {
        Panel::new(self, key).assess(grantee, actions)
    }

    /// The same of each of several grantees.
    pub fn assess_each<'a>(
        &'a self,
        key: &'a KeyArn,
        grantees: impl IntoIterator<Item = &'a Grantee, IntoIter: 'a>,
        actions: &'a [KmsAction],
    ) -> impl Iterator<Item = Assessment> + 'a {
        let mut panel = Panel::new(self, key);
        grantees.into_iter().map(move |grantee| panel.assess(grantee, actions))
    }

    /// Sets what somebody tells of the keys of a context, as far as it is about such requests.
    fn tell(&self, context: &mut Context) {
        for (name, values) in &self.context {
            if context.heeds(name) {
                context.set(name, values.iter().cloned());
            }
        }
    }

    /// Takes a key policy for what it will be; a text that is no policy is as good as unread.
    pub fn rewrite_key_policy(&mut self, key: &KeyArn, text: &str) {
        if let Some(own) = self.keys.get_mut(key) {
            own.policy = taken_apart(&self.documents, text).map_or_else(unread, Reading::Read);
        }
    }

    /// Takes a grant as created.
    pub fn grant(&mut self, grant: &NewGrant) {
        if let Some(Reading::Read(grants)) = self.keys.get_mut(&grant.key).map(|own| &mut own.grants) {
            let operations = grant.operations.iter().map(String::as_str);
            grants.ids.push(grant.name.clone());
            grants.evaluated.push(Grant::new(&grant.grantee.to_string(), operations));
        }
    }

    /// Takes a managed policy for what it will be, for everybody who has it.
    pub fn rewrite_policy(&mut self, policy: &PolicyArn, text: &str) {
        let arn = policy.to_string();
        let document = taken_apart(&self.documents, text);
        for identity in self.identities.values_mut() {
            let Reading::Read(Identity { policies, boundary }) = identity else { continue };
            let mut own =
                policies.iter_mut().chain(boundary).filter(|named| named.name.is_of(&arn)).peekable();
            match &document {
                Ok(document) => own.for_each(|named| named.document = Rc::clone(document)),
                Err(error) if own.peek().is_some() => *identity = unread(format!("{arn}: {error}")),
                Err(_) => {}
            }
        }
    }

    /// Takes a managed policy as attached to each of several principals.
    pub fn attach(&mut self, policy: &PolicyArn, text: &str, entities: &[&EntityArn]) {
        let document = taken_apart(&self.documents, text);
        for entity in entities {
            let Some(identity) = self.identities.get_mut(*entity) else { continue };
            match (&mut *identity, &document) {
                (Reading::Read(own), Ok(document)) => own.policies.push(Named {
                    name: DocumentName::IdentityPolicy { name: policy.to_string() },
                    document: Rc::clone(document),
                }),
                (Reading::Read(_), Err(error)) => *identity = unread(format!("{policy}: {error}")),
                (Reading::Unread(_), _) => {}
            }
        }
    }

    /// The name of a document that limits everybody: the key's policy, or one of the organization.
    fn common_document(&self, key: &KeyArn, document: DocumentRef) -> Option<DocumentName> {
        let in_level = |levels: &Levels, level: usize, index: usize| {
            levels.as_ref().ok()?.get(level)?.get(index).map(|named| named.name.clone())
        };
        match document {
            DocumentRef::KeyPolicy => Some(DocumentName::KeyPolicy { key: key.clone() }),
            DocumentRef::RamPolicy => Some(DocumentName::RamPolicy { key: key.clone() }),
            DocumentRef::Scp { level, index } => in_level(&self.scps, level, index),
            DocumentRef::Rcp { level, index } => in_level(&self.rcps, level, index),
            DocumentRef::Identity(_)
            | DocumentRef::Boundary
            | DocumentRef::Session(_)
            | DocumentRef::Grant(_) => None,
        }
    }
}

fn identities<'o>(
    observation: &'o Observation,
    cache: &mut Cache<'_, 'o>,
) -> BTreeMap<EntityArn, Reading<Identity>> {
    let mut identities = BTreeMap::new();
    for iam in observation.accounts.values().filter_map(Reading::read) {
        for (arn, entity) in &iam.entities {
            let identity = match entity.as_ref().map(|entity| &entity.identity) {
                Some(Reading::Read(policies)) => Identity::new(policies, cache),
                Some(Reading::Unread(reason)) => Reading::Unread(reason.clone()),
                None => unread("there is no such principal".to_owned()),
            };
            identities.insert(arn.clone(), identity);
        }
    }
    identities
}

impl KeyEvidence {
    fn new<'o>(key: &KeyArn, observed: &'o KeyObservation, cache: &mut Cache<'_, 'o>) -> Self {
        let policy = match &observed.policy {
            Reading::Read(text) => prepared(text, cache).map_or_else(unread, Reading::Read),
            Reading::Unread(reason) => Reading::Unread(reason.clone()),
        };
        let ram_policy = match &observed.ram_policy {
            RamPolicy::NotLookedAt => RamEvidence::NotLookedAt,
            RamPolicy::Absent => RamEvidence::Absent,
            RamPolicy::Unread(reason) => RamEvidence::Unread(reason.clone()),
            RamPolicy::Read(text) => prepared(text, cache)
                .map_or_else(|error| RamEvidence::Unread(UnreadReason::Other(error)), RamEvidence::Read),
        };
        let grants = match &observed.grants {
            Reading::Read(grants) => Reading::Read(Grants::new(grants)),
            Reading::Unread(reason) => Reading::Unread(reason.clone()),
        };
        let of_key = |context: Context| about_key(context, key, observed.metadata.read());
        let (context, instance) = (of_key(Context::for_launch(&key.region)), of_key(Context::for_instance()));
        Self { policy, ram_policy, grants, context, instance }
    }
}

/// A context with what is known of the key.
fn about_key(mut context: Context, key: &KeyArn, metadata: Option<&KeyMetadata>) -> Context {
    if let Some(KeyMetadata { spec, usage, origin, .. }) = metadata {
        context.set("kms:KeySpec", [spec]);
        context.set("kms:KeyUsage", [usage]);
        context.set("kms:KeyOrigin", [origin]);
    }
    if key.is_unknown() {
        // The region is made up, and so is the service's name with it.
        context.forget("kms:ViaService");
        return context;
    }
    // "Multi-Region keys have a distinctive key ID that begins with mrk-."
    // https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
    let is_multi_region = key.id.starts_with("mrk-");
    context.with("kms:MultiRegion", [is_multi_region.to_string()])
}

impl Grants {
    fn new(observed: &[KeyGrant]) -> Self {
        Self {
            ids: observed.iter().map(|grant| grant.id.clone()).collect(),
            evaluated: observed.iter().map(evaluated).collect(),
            unknown: observed
                .iter()
                .map(|grant| grant.unknown_constraints.clone())
                .enumerate()
                .filter(|(_, names)| !names.is_empty())
                .collect(),
        }
    }

    /// Constraints that nobody knows of grants to a principal, in words.
    fn gaps(&self, principal: &Principal) -> impl Iterator<Item = String> {
        let unknown = self.unknown.iter().filter_map(|(index, names)| {
            let (id, grant) = (self.ids.get(*index)?, self.evaluated.get(*index)?);
            grant.is_for(principal).then_some((id, names))
        });
        unknown.map(|(id, names)| {
            let names = names.join(" and ");
            format!("what the grant `{id}` asks of a request besides ({names}, which keymend does not know)")
        })
    }
}

/// What a grant comes to. A grant that its holder makes in turn can have no operation that it lacks, and the one that
/// EC2 makes for an instance has Decrypt: without that it is of no use that grants may be made.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html#grant-creategrant>,
/// <https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html>
fn evaluated(observed: &KeyGrant) -> Grant {
    let KeyGrant {
        grantee, operations, context_equals, context_subset, source_arn, unknown_constraints, ..
    } = observed;
    let passes_decryption_on = operations.iter().any(|operation| operation == "Decrypt");
    let operations = operations.iter().map(String::as_str);
    let operations = operations.filter(|operation| passes_decryption_on || *operation != "CreateGrant");
    let grant = Grant::new(grantee, operations);
    let equals = (!context_equals.is_empty()).then(|| Constraint::Equals(context_equals.clone()));
    let subset = (!context_subset.is_empty()).then(|| Constraint::Subset(context_subset.clone()));
    let source = source_arn.clone().map(Constraint::SourceArn);
    let unknown = (!unknown_constraints.is_empty()).then_some(Constraint::Unknown);
    equals.into_iter().chain(subset).chain(source).chain(unknown).fold(grant, Grant::with_constraint)
}

impl Identity {
    fn new<'o>(observed: &'o IdentityPolicies, cache: &mut Cache<'_, 'o>) -> Reading<Self> {
        let mut named = |document: &'o NamedDocument, name: fn(String) -> DocumentName| {
            let prepared =
                prepared(&document.text, cache).map_err(|error| format!("{}: {error}", document.name))?;
            Ok::<Named, String>(Named { name: name(document.name.clone()), document: prepared })
        };
        let policies = observed.documents.iter();
        let policies: Result<Vec<Named>, String> =
            policies.map(|document| named(document, |name| DocumentName::IdentityPolicy { name })).collect();
        let boundary = observed.boundary.as_ref();
        let boundary = boundary
            .map(|document| named(document, |name| DocumentName::PermissionsBoundary { name }))
            .transpose();
        match (policies, boundary) {
            (Ok(policies), Ok(boundary)) => Reading::Read(Self { policies, boundary }),
            (Err(error), _) | (_, Err(error)) => unread(error),
        }
    }
}

/// A text that makes no sense is as good as unread.
fn unread<T>(reason: String) -> Reading<T> {
    Reading::Unread(UnreadReason::Other(reason))
}

fn prepared<'o>(text: &'o str, cache: &mut Cache<'_, 'o>) -> Result<Rc<Prepared>, String> {
    let Cache { documents, prepared } = cache;
    prepared.entry(text).or_insert_with(|| taken_apart(documents, text)).clone()
}

fn taken_apart(documents: &Documents, text: &str) -> Result<Rc<Prepared>, String> {
    match documents.parsed(text) {
        Ok(document) => Ok(Rc::new(Prepared::new(&document))),
        Err(error) => Err(error.to_string()),
    }
}

fn levels<'o>(
    given: Option<&'o Vec<Vec<NamedDocument>>>,
    what: &str,
    name: fn(usize, String) -> DocumentName,
    cache: &mut Cache<'_, 'o>,
) -> Levels {
    let Some(given) = given else { return Err(what.to_owned()) };
    let mut named = |level: usize, document: &'o NamedDocument| {
        let prepared = prepared(&document.text, cache);
        let document_name = name(level + 1, document.name.clone());
        prepared
            .map(|document| Named { name: document_name, document })
            .map_err(|error| format!("{what} (`{}`: {error})", document.name))
    };
    let levels = given.iter().enumerate();
    levels
        .map(|(level, documents)| documents.iter().map(|document| named(level, document)).collect())
        .collect()
}

fn given_documents(given: &[GivenDocument], name: impl Fn(String) -> DocumentName) -> Vec<Named> {
    let prepare = |given: &GivenDocument| Named {
        name: name(given.name.clone()),
        document: Rc::new(Prepared::new(&given.document)),
    };
    given.iter().map(prepare).collect()
}

fn documents(named: &[Named]) -> Vec<&Prepared> {
    named.iter().map(|named| named.document.as_ref()).collect()
}

fn in_levels(levels: &Levels) -> Option<Vec<Vec<&Prepared>>> {
    levels.as_ref().ok().map(|levels| levels.iter().map(|level| documents(level)).collect())
}
