//! Where accounts stand in AWS Organizations, as far as the credentials at hand may read it.

use std::rc::Rc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Aws;
use super::ec2_client::{Api, Query};
use super::errors::Call;
use super::session::{Session, partition};
use crate::arn::{AccountId, Affiliation, OrganizationId, Partition};
use crate::cloud::{CloudError, CloudErrorKind};

/// More levels than AWS Organizations has: five below the root.
///
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const MOST_LEVELS: usize = 8;

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
    /// What tells an account of itself alone, with the credentials that serve it; its path, and where nobody serves it whether
    /// it is a member at all, by what the management account and delegated ones may call.
    ///
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html>,
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html>
    pub(super) async fn read_affiliation(
        &self,
        account: AccountId,
    ) -> Result<Option<Affiliation>, CloudError> {
        let serving = self.sessions.serving(account).await?;
        let is_own = serving.is_some();
        let session = serving.unwrap_or_else(|| Rc::clone(self.sessions.default_session()));
        let Some(organization) = session.organization.get_or_init(|| described(&session)).await.clone()?
        else {
            return Ok(None);
        };
        match path(&session, account, &organization).await {
            Ok(path) => Ok(Some(Affiliation { organization, path: Some(path) })),
            // Whose own credentials say so is a member, whatever it may read besides.
            Err(_) if is_own => Ok(Some(Affiliation { organization, path: None })),
            Err(error) if is_untold(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The caller may not ask, or the account is none of the organization's.
fn is_untold(error: &CloudError) -> bool {
    error.kind == CloudErrorKind::AccessDenied || error.code.as_deref() == Some("ChildNotFoundException")
}

/// The organization that a session's account is a member of.
async fn described(session: &Session) -> Result<Option<OrganizationId>, CloudError> {
    let account = session.caller().await?.account;
    let query = Query::of_organizations("DescribeOrganization");
    match ask(session, "organizations:DescribeOrganization", account, query).await {
        Ok(Described { organization }) => {
            organization.id.parse().map(Some).map_err(|error| {
                call("organizations:DescribeOrganization", account, account).unexpected(error)
            })
        }
        Err(error) if error.code.as_deref() == Some("AWSOrganizationsNotInUseException") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The way from the organization to what an account is in.
async fn path(
    session: &Session,
    account: AccountId,
    organization: &OrganizationId,
) -> Result<String, CloudError> {
    const OPERATION: &str = "organizations:ListParents";
    let mut steps = Vec::new();
    let mut child = account.to_string();
    for _ in 0..MOST_LEVELS {
        let query = Query::of_organizations("ListParents").with("ChildId", &child);
        let Parents { parents } = ask(session, OPERATION, account, query).await?;
        let Some(Parent { id, r#type }) = parents.into_iter().next() else { break };
        steps.push(id.clone());
        if r#type == "ROOT" {
            steps.reverse();
            return Ok(format!("{organization}/{}/", steps.join("/")));
        }
        child = id;
    }
    Err(call(OPERATION, account, account).unexpected("a unit without a root above it"))
}

fn call(operation: &'static str, about: AccountId, by: AccountId) -> Call {
    Call { operation, resource: about.to_string(), account: Some(by), region: None }
}

async fn ask<T: DeserializeOwned>(
    session: &Session,
    operation: &'static str,
    about: AccountId,
    query: Query,
) -> Result<T, CloudError> {
    let caller = session.caller().await?;
    let call = call(operation, about, caller.account);
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
