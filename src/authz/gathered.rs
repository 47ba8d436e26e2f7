//! What each document says of a request, before anything is concluded from it.

use crate::policy::Effect;

use super::context::Query;
use super::decision::{DocumentRef, StatementRef};
use super::prepared::{Applicable, Attachment, Prepared};
use super::principal::PrincipalKind;
use super::principals::{Limits, Standing};
use super::truth::Truth;
use super::{Boundary, Policies, RamDocument};

/// The documents that have a say, each with how it is attached.
pub(super) fn documents<'p>(
    query: &Query<'_>,
    policies: &Policies<'p>,
) -> impl Iterator<Item = (DocumentRef, &'p Prepared, Attachment)> {
    let limiting = Limiting::of(query);
    let resource = Attachment::Resource(limiting.limits(policies));
    let own = policies.identity.filter(|_| limiting.own).into_iter().flatten();
    let own = own.enumerate().map(|(index, document)| (DocumentRef::Identity(index), *document));
    let boundary = match policies.boundary {
        Boundary::Document(document) if limiting.own => Some((DocumentRef::Boundary, document)),
        _ => None,
    };
    let session = policies.session.filter(|_| limiting.own).into_iter().flatten();
    let session = session.enumerate().map(|(index, document)| (DocumentRef::Session(index), *document));
    let scps = in_levels(policies.scps.filter(|_| limiting.scps));
    let scps = scps.map(|(level, index, document)| (DocumentRef::Scp { level, index }, document));
    let rcps = in_levels(policies.rcps.filter(|_| limiting.rcps));
    let rcps =
        rcps.map(move |(level, index, document)| (DocumentRef::Rcp { level, index }, document, resource));
    let of_key = [
        policies.key_policy.map(|document| (DocumentRef::KeyPolicy, document, resource)),
        policies.ram_policy.document().map(|document| (DocumentRef::RamPolicy, document, resource)),
    ];
    let of_key = of_key.into_iter().flatten().filter(|_| query.action.asks_key_policy());
    let of_principal = own.chain(boundary).chain(session).chain(scps);
    let of_principal = of_principal.map(|(name, document)| (name, document, Attachment::Principal));
    of_key.chain(of_principal).chain(rcps)
}

fn in_levels<'p>(
    levels: Option<&'p [Vec<&'p Prepared>]>,
) -> impl Iterator<Item = (usize, usize, &'p Prepared)> {
    levels.into_iter().flatten().enumerate().flat_map(|(level, documents)| {
        documents.iter().enumerate().map(move |(index, document)| (level, index, *document))
    })
}

/// Which policies limit a kind of principal.
#[derive(Debug, Clone, Copy)]
struct Limiting {
    /// Policies, boundary and session policies of its own.
    own: bool,
    scps: bool,
    rcps: bool,
}

impl Limiting {
    /// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html>,
    /// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>,
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-control-policies.html>
    fn of(query: &Query<'_>) -> Self {
        let kind = query.principal.kind();
        let is_service = *kind == PrincipalKind::Service;
        let is_linked = query.principal.is_service_linked();
        Self {
            own: !is_service && !query.principal.is_above_iam() && *kind != PrincipalKind::IdentityOnly,
            scps: !is_service && !is_linked,
            // "The kms:RetireGrant permission is not effective in an RCP."
            rcps: !is_linked && !query.action.is_retirement(),
        }
    }

    fn limits(self, policies: &Policies<'_>) -> Limits {
        let has_boundary = match policies.boundary {
            Boundary::Unread if self.own => Truth::Unknown,
            Boundary::Document(_) if self.own => Truth::True,
            _ => Truth::False,
        };
        Limits { has_boundary, has_session_policy: self.own && policies.session.is_some() }
    }
}

/// A statement that applies, or may.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) statement: StatementRef,
    pub(super) effect: Effect,
    pub(super) standing: Standing,
    pub(super) truth: Truth,
}

/// What the key policy allows, by how it names the principal.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyPolicy {
    pub(super) account: Truth,
    pub(super) role: Truth,
    pub(super) anyone: Truth,
    pub(super) direct: Truth,
}

/// What each document says of a request.
pub(super) struct Gathered {
    pub(super) hits: Vec<Hit>,
    /// Whether any `Deny` applies.
    pub(super) denied: Truth,
    pub(super) key_policy: KeyPolicy,
    pub(super) identity: Truth,
    pub(super) boundary: Truth,
    pub(super) session: Truth,
    /// Each level that limits.
    pub(super) scps: Vec<(usize, Truth)>,
    pub(super) grants: Truth,
    /// Whether a grant names the principal's account as the one that may retire it.
    pub(super) retirable_by_account: Truth,
}

impl Gathered {
    pub(super) fn new(query: &Query<'_>, policies: &Policies<'_>) -> Self {
        let limiting = Limiting::of(query);
        let unread = |is_unread: bool| if is_unread { Truth::Unknown } else { Truth::False };
        let is_unread = policies.key_policy.is_none() || matches!(policies.ram_policy, RamDocument::Unread);
        let no_key_policy = unread(query.action.asks_key_policy() && is_unread);
        let no_identity = unread(limiting.own && policies.identity.is_none());
        let no_boundary = unread(limiting.own && matches!(policies.boundary, Boundary::Unread));
        let open_unless = |limits: bool| if limiting.own && limits { Truth::False } else { Truth::True };
        let scps = policies.scps.filter(|_| limiting.scps).into_iter().flatten().enumerate();
        let mut gathered = Self {
            hits: Vec::new(),
            denied: no_key_policy | no_identity | no_boundary,
            key_policy: KeyPolicy {
                account: no_key_policy,
                role: no_key_policy,
                anyone: no_key_policy,
                direct: no_key_policy,
            },
            identity: no_identity,
            boundary: match policies.boundary {
                Boundary::Unread if limiting.own => Truth::Unknown,
                Boundary::Document(_) => open_unless(true),
                Boundary::Unread | Boundary::None => Truth::True,
            },
            session: open_unless(policies.session.is_some()),
            // "there must be an explicit Allow statement at every level"
            scps: scps.map(|(level, _)| (level, Truth::False)).collect(),
            grants: Truth::False,
            retirable_by_account: Truth::False,
        };
        for (document, prepared, attachment) in documents(query, policies) {
            for applicable in prepared.applicable(query, attachment) {
                gathered.add(document, applicable);
            }
        }
        for (index, grant) in policies.grants.into_iter().flatten().enumerate() {
            gathered.add_grant(index, grant.allows(query));
            gathered.retirable_by_account =
                gathered.retirable_by_account | grant.is_retirable_by_account(query).into();
        }
        gathered
    }

    fn add(&mut self, document: DocumentRef, applicable: Applicable) {
        let Applicable { index, effect, standing, truth } = applicable;
        self.hits.push(Hit { statement: StatementRef { document, index }, effect, standing, truth });
        if effect == Effect::Deny {
            self.denied = self.denied | truth;
            return;
        }
        let allowed = match document {
            DocumentRef::KeyPolicy | DocumentRef::RamPolicy => match standing {
                Standing::Account => &mut self.key_policy.account,
                Standing::Role => &mut self.key_policy.role,
                Standing::Anyone => &mut self.key_policy.anyone,
                Standing::Direct => &mut self.key_policy.direct,
            },
            DocumentRef::Identity(_) => &mut self.identity,
            DocumentRef::Boundary => &mut self.boundary,
            DocumentRef::Session(_) => &mut self.session,
            DocumentRef::Scp { level, .. } => match self.scps.iter_mut().find(|(known, _)| *known == level) {
                Some((_, allowed)) => allowed,
                None => return,
            },
            // "RCPFullAWSAccess is attached everywhere and can't be detached": an RCP only ever denies.
            DocumentRef::Rcp { .. } | DocumentRef::Grant(_) => return,
        };
        *allowed = *allowed | truth;
    }

    fn add_grant(&mut self, index: usize, truth: Truth) {
        if truth != Truth::False {
            let statement = StatementRef { document: DocumentRef::Grant(index), index: 0 };
            self.hits.push(Hit { statement, effect: Effect::Allow, standing: Standing::Direct, truth });
            self.grants = self.grants | truth;
        }
    }
}
