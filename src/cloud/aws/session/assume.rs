//! Roles that are assumed, each once for all that reads by it.

use std::rc::Rc;

use aws_credential_types::provider::SharedCredentialsProvider;

use super::{Session, Sessions, Whose, partition};
use crate::arn::{AccountId, EntityArn};
use crate::cloud::CloudError;
use crate::cloud::aws::clients::sts;
use crate::cloud::aws::errors::Call;
use crate::cloud::aws::role::AssumedRole;
use crate::observation::Caller;

impl Sessions {
    /// A session of the role of a name in an account, assumed with the default credentials.
    pub(super) async fn assumed(
        &self,
        account: AccountId,
        name: &str,
        by: &Caller,
    ) -> Result<Rc<Session>, CloudError> {
        let role_arn = format!("arn:{}:iam::{account}:role/{name}", partition(by));
        self.assumed_by(&self.default, role_arn, account).await
    }

    /// A session of a role, assumed with what serves its account, or else with the default credentials.
    pub(in crate::cloud::aws) async fn role(&self, role: &EntityArn) -> Result<Rc<Session>, CloudError> {
        let serving = self.serving(role.account).await?;
        self.assumed_by(serving.as_ref().unwrap_or(&self.default), role.to_string(), role.account).await
    }

    async fn assumed_by(
        &self,
        by: &Rc<Session>,
        role_arn: String,
        account: AccountId,
    ) -> Result<Rc<Session>, CloudError> {
        let cell = Rc::clone(self.assumed.borrow_mut().entry(role_arn.clone()).or_default());
        cell.get_or_init(|| self.assume(by, role_arn, account, None)).await.clone()
    }

    /// A session of a role, which may do no more than a policy allows where one is given.
    pub(super) async fn assume(
        &self,
        by: &Session,
        role_arn: String,
        account: AccountId,
        policy: Option<String>,
    ) -> Result<Rc<Session>, CloudError> {
        let call = Call {
            operation: "sts:AssumeRole",
            resource: role_arn.clone(),
            account: Some(by.caller().await?.account),
            region: by.region.clone(),
        };
        let client = sts(&by.config);
        let (role, arn) = AssumedRole::assume(client, &call, policy).await?;
        let provider = SharedCredentialsProvider::new(role);
        let config = by.config.clone().into_builder().credentials_provider(provider).build();
        let known = Some(Caller { account, arn });
        let carriage = by.carriage.of_others();
        Ok(Rc::new(Session::new(Whose::Role(role_arn), config, carriage, self.default.region.clone(), known)))
    }
}
