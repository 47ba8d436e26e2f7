//! The reads of AWS Organizations over the wire, against moto, which pages and refuses nobody.

use keymend::arn::{AccountId, Child};
use keymend::cloud::Observe as _;
use keymend::cloud::aws::Aws;

use crate::moto::{Account, Moto, Operator};
use crate::wire_ec2::options;

#[tokio::test]
async fn where_accounts_and_units_stand() {
    let moto = Moto::shared();
    let (management, stranger) = (Account::new(moto).await, Account::new(moto).await);
    let made = moto.made("organization.py", &management, &["120".to_owned()]);
    assert!(made["pages"].as_u64().unwrap() > 1, "{made}");
    let id = |name: &str| made[name].as_str().unwrap().to_owned();
    let last: AccountId = id("last").parse().unwrap();
    let member = Account::existing(moto, last).await;
    let organization = id("organization").parse().unwrap();

    let operator = Operator::new(moto.endpoint(), &[&management, &stranger]);
    let aws = Aws::connect(&options(&operator, &[&stranger])).await.unwrap();
    for account in [management.id, last] {
        assert_eq!(aws.organization(account).await.unwrap().as_ref(), Some(&organization), "{account}");
    }
    assert_eq!(aws.organization(stranger.id).await.unwrap(), None, "it is of none");
    let unlisted = aws.organization("111122223333".parse().unwrap()).await.unwrap_err();
    assert_eq!(unlisted.operation, "organizations:ListAccounts");

    let [root, above, below] = ["root", "above", "below"].map(id);
    let path = async |child: Child| aws.organization_path(&organization, &child).await.unwrap();
    assert_eq!(path(Child::Account(last)).await, format!("{organization}/{root}/{above}/{below}/"));
    assert_eq!(path(Child::Account(management.id)).await, format!("{organization}/{root}/"));
    assert_eq!(path(Child::Unit(below)).await, format!("{organization}/{root}/{above}/"));

    // A member tells its own organization.
    let operator = Operator::new(moto.endpoint(), &[&member]);
    let own = Aws::connect(&options(&operator, &[])).await.unwrap();
    assert_eq!(own.organization(last).await.unwrap(), Some(organization));
}
