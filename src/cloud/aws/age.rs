//! How old a user or role is.

use std::time::{Duration, SystemTime};

use aws_sdk_iam::primitives::DateTime;

use super::iam::{Iam, none_where_not_found};
use crate::arn::{EntityArn, EntityKind};
use crate::cloud::CloudError;

impl Iam {
    /// The time since a user or role was made; `None` where it does not exist, or is under another path.
    pub(super) async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError> {
        let found = none_where_not_found(self.created(principal).await)?;
        let created = found.filter(|(arn, _)| *arn == principal.to_string()).and_then(|(_, created)| created);
        // A clock that is a little behind makes it brand-new.
        Ok(created.map(|created| SystemTime::now().duration_since(created).unwrap_or_default()))
    }

    async fn created(&self, principal: &EntityArn) -> Result<(String, Option<SystemTime>), CloudError> {
        let (client, name, arn) = (&self.client, &principal.name, principal.to_string());
        let (arn, created): (Option<String>, Option<DateTime>) = match principal.kind {
            EntityKind::User => {
                let call = self.call("iam:GetUser", arn);
                let output = client.get_user().user_name(name).send().await;
                let user = output.map_err(|error| call.failed(&error))?.user;
                user.map(|user| (user.arn, user.create_date)).unzip()
            }
            EntityKind::Role => {
                let call = self.call("iam:GetRole", arn);
                let output = client.get_role().role_name(name).send().await;
                let role = output.map_err(|error| call.failed(&error))?.role;
                role.map(|role| (role.arn, role.create_date)).unzip()
            }
            EntityKind::Group => (None, None),
        };
        let created = created.and_then(|created| SystemTime::try_from(created).ok());
        Ok((arn.unwrap_or_default(), created))
    }
}
