//! A sandbox on a bad day.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use keymend::access::{KeyRef, PolicyName};
use keymend::arn::{AccountId, Child, EntityArn, EntityKind, EntityName, KeyArn, OrganizationId, PolicyArn};
use keymend::cloud::authorization::AuthorizationDetails;
use keymend::cloud::sandbox::Sandbox;
use keymend::cloud::{Belongings, CloudError, CloudErrorKind, Observe, Receipt, Write};
use keymend::observation::{Caller, Entity, IamQuotas, KeyGrant, KeyMetadata, ManagedPolicy, Tags};
use keymend::plan::{KeyPolicyUpdate, Operation};
use serde_json::Value;

/// What befalls one write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Misfortune {
    /// Nothing does.
    None,
    /// It is not performed.
    Refused(CloudErrorKind),
    /// It is performed, and nobody hears of it.
    AnswerLost,
    /// It is not performed, and meanwhile somebody else writes this key policy.
    Overtaken(&'static str),
    /// It is performed, and right afterwards somebody else writes this key policy.
    Overwritten(&'static str),
}

/// What is looked at when a write is made.
type Look<T> = Box<dyn Fn() -> T>;
type Steps = Vec<(bool, Option<String>)>;

/// What somebody else does.
type Interference = Box<dyn FnOnce()>;

/// Passes everything on to a sandbox, but not always, and counts.
pub(super) struct Faulty {
    inner: Sandbox,
    misfortunes: RefCell<VecDeque<Misfortune>>,
    /// Whether each read of a key policy after a write shows it; all do when these are used up.
    shows: RefCell<VecDeque<bool>>,
    before: RefCell<Option<String>>,
    calls: RefCell<Vec<&'static str>>,
    /// How many of those had been made whenever credentials were made ready.
    readied: RefCell<Vec<usize>>,
    look: RefCell<Option<Look<Steps>>>,
    seen: Rc<RefCell<Vec<Steps>>>,
    writes: Cell<usize>,
    /// How many writes are under way, and how many were at most.
    under_way: Cell<(usize, usize)>,
    /// What somebody else does when so many calls have been made.
    interference: RefCell<Option<(usize, Interference)>>,
}

impl Faulty {
    pub(super) fn new(inner: Sandbox) -> Self {
        Self {
            inner,
            misfortunes: RefCell::default(),
            shows: RefCell::default(),
            before: RefCell::default(),
            calls: RefCell::default(),
            readied: RefCell::default(),
            look: RefCell::default(),
            seen: Rc::default(),
            writes: Cell::default(),
            under_way: Cell::default(),
            interference: RefCell::default(),
        }
    }

    pub(super) fn inner(&self) -> &Sandbox {
        &self.inner
    }

    pub(super) fn expect(&self, misfortunes: impl IntoIterator<Item = Misfortune>) {
        self.misfortunes.borrow_mut().extend(misfortunes);
    }

    pub(super) fn read_back(&self, shows: &[bool]) {
        self.shows.borrow_mut().extend(shows);
    }

    /// Looks at something whenever a write arrives.
    pub(super) fn watch(&self, look: Look<Steps>) -> Rc<RefCell<Vec<Steps>>> {
        self.look.replace(Some(look));
        Rc::clone(&self.seen)
    }

    /// Reads of what is to be written, and writes.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.calls.borrow().clone()
    }

    /// How many reads and writes had been made whenever credentials were made ready.
    pub(super) fn readied(&self) -> Vec<usize> {
        self.readied.borrow().clone()
    }

    /// Somebody else does something right before one of the calls, counted from 0.
    pub(super) fn interfere(&self, call: usize, what: impl FnOnce() + 'static) {
        self.interference.replace(Some((call, Box::new(what))));
    }

    fn called(&self, what: &'static str) {
        let count = self.calls.borrow().len();
        if self.interference.borrow().as_ref().is_some_and(|(call, _)| *call == count) {
            let (_, what) = self.interference.take().unwrap();
            what();
        }
        self.calls.borrow_mut().push(what);
    }

    pub(super) fn writes(&self) -> usize {
        self.writes.get()
    }

    /// How many writes were under way at a time.
    pub(super) fn most_at_a_time(&self) -> usize {
        self.under_way.get().1
    }

    async fn write(&self, operation: &Operation) -> Result<Receipt, CloudError> {
        let (now, most) = self.under_way.get();
        self.under_way.set((now + 1, most.max(now + 1)));
        let receipt = self.inner.perform(operation).await;
        let (now, most) = self.under_way.get();
        self.under_way.set((now - 1, most));
        receipt
    }
}

fn failed(operation: &Operation, kind: CloudErrorKind) -> CloudError {
    CloudError {
        kind,
        operation: operation.api_call(),
        resource: operation.resource(),
        account: None,
        region: None,
        profile: None,
        code: None,
        message: "a bad day".to_owned(),
        request_id: None,
    }
}

/// A policy as KMS shows it at one of many reads: the principals of a statement come in another order each time.
fn reordered(policy: &str, read: usize) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        if let Some(principals) = statement["Principal"]["AWS"].as_array_mut() {
            let count = principals.len().max(1);
            principals.rotate_left(read % count);
        }
    }
    policy.to_string()
}

/// Somebody else's write of the same key policy.
fn instead_of(operation: &Operation, theirs: &str) -> Operation {
    let Operation::UpdateKeyPolicy(update) = operation else { panic!("{operation:?}") };
    Operation::UpdateKeyPolicy(KeyPolicyUpdate { after: theirs.to_owned(), ..update.clone() })
}

impl Write for Faulty {
    async fn narrow(&self, _: &[&Operation]) {}

    async fn get_ready(&self, _: &Operation) -> Result<(), CloudError> {
        self.readied.borrow_mut().push(self.calls.borrow().len());
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, CloudError> {
        self.called("write");
        self.writes.set(self.writes.get() + 1);
        if let Some(look) = &*self.look.borrow() {
            self.seen.borrow_mut().push(look());
        }
        let misfortune = self.misfortunes.borrow_mut().pop_front().unwrap_or(Misfortune::None);
        match misfortune {
            Misfortune::None => {
                self.before.replace(operation.before().map(str::to_owned));
                self.write(operation).await
            }
            Misfortune::Refused(kind) => Err(failed(operation, kind)),
            Misfortune::AnswerLost => {
                self.inner.perform(operation).await.unwrap();
                Err(failed(operation, CloudErrorKind::Transient))
            }
            Misfortune::Overtaken(theirs) => {
                self.inner.perform(&instead_of(operation, theirs)).await.unwrap();
                Err(failed(operation, CloudErrorKind::Transient))
            }
            Misfortune::Overwritten(theirs) => {
                let receipt = self.inner.perform(operation).await;
                self.inner.perform(&instead_of(operation, theirs)).await.unwrap();
                receipt
            }
        }
    }
}

impl Observe for Faulty {
    async fn default_caller(&self) -> Result<Caller, CloudError> {
        self.inner.default_caller().await
    }

    async fn caller(&self, account: AccountId) -> Result<Option<Caller>, CloudError> {
        self.inner.caller(account).await
    }

    async fn describe_key(&self, key: &KeyRef) -> Result<KeyMetadata, CloudError> {
        self.inner.describe_key(key).await
    }

    async fn key_policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        self.called("read");
        let now = self.inner.key_policy(key).await?;
        let shown = match self.before.borrow().clone() {
            Some(before) if !self.shows.borrow_mut().pop_front().unwrap_or(true) => before,
            _ => now,
        };
        Ok(reordered(&shown, self.calls.borrow().len()))
    }

    async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        self.inner.ram_policy(key).await
    }

    async fn names(&self, account: AccountId, kind: EntityKind) -> Result<Vec<String>, CloudError> {
        self.inner.names(account, kind).await
    }

    async fn aliases(&self, account: AccountId, region: &str) -> Result<Vec<String>, CloudError> {
        self.inner.aliases(account, region).await
    }

    async fn iam_quotas(&self, account: AccountId) -> Result<IamQuotas, CloudError> {
        self.inner.iam_quotas(account).await
    }

    async fn policies_named(
        &self,
        account: AccountId,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        self.inner.policies_named(account, name).await
    }

    async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        self.called("read");
        self.inner.managed_policy(policy, default_version).await
    }

    async fn entity(&self, account: AccountId, entity: &EntityName) -> Result<Option<Entity>, CloudError> {
        self.called("read");
        self.inner.entity(account, entity).await
    }

    async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError> {
        self.inner.principal_age(principal).await
    }

    async fn entity_in_full(
        &self,
        account: AccountId,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        self.inner.entity_in_full(account, entity).await
    }

    async fn authorization_details(
        &self,
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError> {
        self.inner.authorization_details(account, wanted, name).await
    }

    async fn inline_policy(
        &self,
        account: AccountId,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        self.inner.inline_policy(account, entity, policy).await
    }

    async fn policy_document(&self, account: AccountId, policy: &str) -> Result<String, CloudError> {
        self.inner.policy_document(account, policy).await
    }

    async fn grants(&self, key: &KeyArn) -> Result<Vec<KeyGrant>, CloudError> {
        self.calls.borrow_mut().push("read");
        self.inner.grants(key).await
    }

    async fn key_tags(&self, key: &KeyArn) -> Result<Tags, CloudError> {
        self.inner.key_tags(key).await
    }

    async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError> {
        self.inner.policy_tags(policy).await
    }

    async fn organization(&self, account: AccountId) -> Result<Option<OrganizationId>, CloudError> {
        self.inner.organization(account).await
    }

    async fn organization_accounts(&self) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        self.inner.organization_accounts().await
    }

    async fn organization_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        self.inner.organization_path(organization, child).await
    }
}
