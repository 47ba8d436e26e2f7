//! Where accounts stand in AWS Organizations, as far as the credentials at hand may read it.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Aws;
use super::ec2_client::{Api, Query};
use super::errors::Call;
use super::roll::{Page, Roll};
use super::session::{Session, partition};
use crate::arn::{AccountId, Child, OrganizationId, Partition};
use crate::cloud::{CloudError, CloudErrorKind};

/// More levels than AWS Organizations has: five below the root.
///
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const MOST_LEVELS: usize = 8;

const DESCRIBE: &str = "organizations:DescribeOrganization";
const LIST_ACCOUNTS: &str = "organizations:ListAccounts";
const LIST_PARENTS: &str = "organizations:ListParents";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    organization: Organization,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Organization {
    id: String,
}

/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    accounts: Vec<Account>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    id: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
}

impl Account {
    /// An account that was closed for good is listed for a time, and calls nobody any more.
    fn is_member(&self) -> bool {
        self.state.as_deref() != Some("CLOSED")
    }

    /// The path to what it is in, of one that ends with its own id.
    fn path(&self) -> Option<String> {
        let [path] = self.paths.as_slice() else { return None };
        path.strip_suffix(&format!("{}/", self.id)).map(str::to_owned)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parents {
    parents: Vec<Parent>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parent {
    id: String,
    r#type: String,
}

impl Aws {
    /// The organization of an account; none where it is a member of none: by its own credentials, else by those of the
    /// management account or of a delegated administrator, whoever is at hand.
    ///
    /// # Errors
    /// Nobody at hand may read it: why its own credentials don't, else why the others don't.
    pub(super) async fn read_organization(
        &self,
        account: AccountId,
    ) -> Result<Option<OrganizationId>, CloudError> {
        let own = match self.sessions.serving(account).await {
            Ok(Some(session)) => match described(&session).await {
                Ok(organization) => return Ok(organization),
                Err(error) => Some(error),
            },
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let mut reason = None;
        for session in self.sessions.all() {
            match listed(session, account).await {
                Ok(organization) => return Ok(Some(organization)),
                Err(error) => reason = Some(CloudError::more_telling(reason, error)),
            }
        }
        let unread =
            || call(LIST_ACCOUNTS, &account, None).error(CloudErrorKind::NoCredentials, "no credentials");
        Err(own.or(reason).unwrap_or_else(unread))
    }

    /// The organization of the default credentials, and its accounts to the last page.
    ///
    /// # Errors
    /// They may not list them, or their account is of no organization.
    pub(super) async fn read_organization_accounts(
        &self,
    ) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        let session = self.sessions.default_session();
        let organization = described(session).await?;
        let by = session.caller().await?.account;
        let alone = || {
            let message = format!("account {by} is of no organization");
            call(LIST_ACCOUNTS, &"*", Some(by)).error(CloudErrorKind::Other, message)
        };
        let organization = organization.ok_or_else(alone)?;
        let mut roll = session.organizations.roll.lock().await;
        while turn_page(session, &organization, &mut roll).await? {}
        Ok((organization, roll.accounts.keys().copied().collect()))
    }

    /// The path to what an account or an OU of an organization is in.
    ///
    /// # Errors
    /// Nobody at hand may read it.
    pub(super) async fn read_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        let mut reason = None;
        for session in self.sessions.all() {
            match path_by(session, organization, child).await {
                Ok(path) => return Ok(path),
                Err(error) => reason = Some(CloudError::more_telling(reason, error)),
            }
        }
        let unread =
            || call(LIST_PARENTS, child, None).error(CloudErrorKind::NoCredentials, "no credentials");
        Err(reason.unwrap_or_else(unread))
    }
}

/// The organization that a session's account is a member of.
///
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html>
async fn described(session: &Session) -> Result<Option<OrganizationId>, CloudError> {
    session.organizations.described.get_or_init(|| describe(session)).await.clone()
}

async fn describe(session: &Session) -> Result<Option<OrganizationId>, CloudError> {
    let account = session.caller().await?.account;
    let query = Query::of_organizations("DescribeOrganization");
    match ask(session, DESCRIBE, &account, query).await {
        Ok(Described { organization }) => organization
            .id
            .parse()
            .map(Some)
            .map_err(|error| call(DESCRIBE, &account, Some(account)).unexpected(error)),
        Err(error) if error.is_of_no_organization() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The organization of a session's account, where another account is listed in it.
async fn listed(session: &Session, account: AccountId) -> Result<OrganizationId, CloudError> {
    let by = session.caller().await?.account;
    let call_about = call(LIST_ACCOUNTS, &account, Some(by));
    let alone = || call_about.error(CloudErrorKind::Other, format!("account {by} is of no organization"));
    let organization = described(session).await?.ok_or_else(alone)?;
    if by == account {
        return Ok(organization);
    }
    let mut roll = session.organizations.roll.lock().await;
    while !roll.accounts.contains_key(&account) {
        if !turn_page(session, &organization, &mut roll).await? {
            let message = format!("account {account} is no member of {organization}");
            return Err(call_about.error(CloudErrorKind::NotFound, message));
        }
    }
    Ok(organization)
}

/// Reads the next page of an organization's accounts; not where the last one was read.
async fn turn_page(
    session: &Session,
    organization: &OrganizationId,
    roll: &mut Roll,
) -> Result<bool, CloudError> {
    let query = Query::of_organizations("ListAccounts");
    let query = match &roll.next {
        Page::First => query,
        Page::Next(token) => query.with("NextToken", token),
        Page::Last => return Ok(false),
        Page::Refused(error) => return Err(error.clone()),
    };
    let Listed { accounts, next_token } = match ask(session, LIST_ACCOUNTS, organization, query).await {
        Ok(listed) => listed,
        Err(error) => {
            roll.next = Page::Refused(error.clone());
            return Err(error);
        }
    };
    for listed in accounts.iter().filter(|listed| listed.is_member()) {
        let id = listed.id.parse();
        let id = id.map_err(|error| call(LIST_ACCOUNTS, organization, None).unexpected(error))?;
        roll.accounts.insert(id, listed.path());
    }
    roll.next = next_token.map_or(Page::Last, Page::Next);
    Ok(true)
}

/// What a session's account may read of a path: those that were listed with their accounts need no call more.
async fn path_by(
    session: &Session,
    organization: &OrganizationId,
    child: &Child,
) -> Result<String, CloudError> {
    if described(session).await?.as_ref() != Some(organization) {
        let by = session.caller().await?.account;
        let message = format!("account {by} is no member of {organization}");
        return Err(call(LIST_PARENTS, child, Some(by)).error(CloudErrorKind::Other, message));
    }
    if let Child::Account(account) = child
        && let Some(Some(path)) = session.organizations.roll.lock().await.accounts.get(account)
        && path.starts_with(&format!("{organization}/r-"))
    {
        return Ok(path.clone());
    }
    let mut below = Vec::new();
    let mut id = child.to_string();
    let top = loop {
        // Of what is asked about itself, it is what it is in that is wanted.
        let known = session.organizations.paths.borrow().get(&id).filter(|_| !below.is_empty()).cloned();
        if let Some(known) = known {
            break known;
        }
        let query = Query::of_organizations("ListParents").with("ChildId", &id);
        if let Some(error) = session.organizations.untold.borrow().as_ref() {
            return Err(error.clone());
        }
        let Parents { parents } = match ask(session, LIST_PARENTS, child, query).await {
            Ok(parents) => parents,
            Err(error) => {
                let is_denied = error.kind == CloudErrorKind::AccessDenied;
                session.organizations.untold.replace(is_denied.then(|| error.clone()));
                return Err(error);
            }
        };
        let parent = parents.into_iter().next().filter(|_| below.len() < MOST_LEVELS);
        let Some(Parent { id: parent, r#type }) = parent else {
            return Err(call(LIST_PARENTS, child, None).unexpected("nothing that leads to a root"));
        };
        below.push(std::mem::replace(&mut id, parent));
        if r#type == "ROOT" {
            let path = format!("{organization}/{id}/");
            session.organizations.paths.borrow_mut().insert(id, path.clone());
            break path;
        }
    };
    // What was asked about is the first; what it is in comes after it.
    let mut path = top;
    for unit in below.iter().skip(1).rev() {
        path = format!("{path}{unit}/");
        session.organizations.paths.borrow_mut().insert(unit.clone(), path.clone());
    }
    Ok(path)
}

fn call(operation: &'static str, about: &dyn ToString, by: Option<AccountId>) -> Call {
    Call { operation, resource: about.to_string(), account: by, region: None }
}

async fn ask<T: DeserializeOwned>(
    session: &Session,
    operation: &'static str,
    about: &dyn ToString,
    query: Query,
) -> Result<T, CloudError> {
    let caller = session.caller().await?;
    let call = call(operation, about, Some(caller.account));
    let region = home(partition(&caller)).ok_or_else(|| {
        call.error(CloudErrorKind::Other, "where AWS Organizations is in this partition is not known")
    })?;
    let client = session.query(Api::Organizations, region).await;
    let client = client.map_err(|what| call.error(CloudErrorKind::Other, what))?;
    let answer = client.operation().invoke(query).await.map_err(|error| call.failed(&error))?;
    serde_json::from_str(&answer).map_err(|error| call.unexpected(error))
}

/// The one region of a partition that it is in.
///
/// <https://docs.aws.amazon.com/general/latest/gr/ao.html>
fn home(partition: Partition) -> Option<&'static str> {
    match partition {
        Partition::Aws => Some("us-east-1"),
        Partition::AwsCn => Some("cn-northwest-1"),
        Partition::AwsUsGov => Some("us-gov-west-1"),
        Partition::AwsIso
        | Partition::AwsIsoB
        | Partition::AwsIsoE
        | Partition::AwsIsoF
        | Partition::AwsEusc => None,
    }
}
