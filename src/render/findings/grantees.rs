//! What is said of grantees that access can't be planned for as asked.

use super::Words;
use crate::arn::EntityKind;
use crate::plan::finding::GranteeFinding;
use crate::plan::listing::all_listed;
use crate::render::command;

pub(super) fn words(found: &GranteeFinding) -> Words {
    match found {
        GranteeFinding::OtherPartition { partition, key } => Words::new(format!(
            "it is in the partition `{partition}`, the key `{key}` in `{}`; access can't cross partitions",
            key.partition
        ))
        .hint(format!("name a grantee of the partition `{}`", key.partition)),
        GranteeFinding::OtherPath { found } => {
            Words::new("no such ARN: the path differs").hint(format!("`{found}` exists: give this ARN"))
        }
        GranteeFinding::NoSuchEntity { entity } => {
            let words = Words::new(format!("account {} has no {} of this name", entity.account, entity.kind));
            words.hint(match entity.kind {
                EntityKind::Group => "check the ARN, or create it first",
                EntityKind::User | EntityKind::Role => {
                    "AWS refuses a key policy that names it: check the ARN, or create it first"
                }
            })
        }
        GranteeFinding::NoSuchRole { role } => {
            let account = role.arn().account;
            let words = Words::new(format!("account {account} does not have this service-linked role yet"));
            words.hint(match role.creation_command() {
                Some(command) => format!("with credentials of account {account} create it first: {command}"),
                None => "check the ARN: no service has such a name".to_owned(),
            })
        }
        GranteeFinding::StandsForAccount { account } => Words::new(format!(
            "a key policy can't name a group, so it lets in account {account} as a whole: whoever that account's IAM \
             allows may use the key"
        )),
        GranteeFinding::ForeignOrganization { account, own: None, .. } => Words::new(format!(
            "account {account}, whose key it is, is a member of no organization: access would go to strangers"
        ))
        .hint("check the id, or give --allow-blocked if this organization is meant"),
        GranteeFinding::ForeignOrganization { account, own: Some(own), role } => Words::new(format!(
            "account {account}, whose key it is, is a member of the organization `{own}`, and of no other: access would leave \
             it"
        ))
        .hint(format!(
            "give {} for its own, or --allow-blocked if another one is meant",
            match role {
                Some(role) => format!("--autoscaling {}", role.option_value(own)),
                None => format!("--organization {own}"),
            }
        )),
        GranteeFinding::MembersMakeGrants { keys, role } => Words::new(
            "such a role uses a key by a grant, and none is made here: each account that has Auto Scaling groups makes that of \
             its own role"
        )
        .hint(format!(
            "with credentials of such an account beside the key's: {}",
            command::grant_of_member(keys, role)
        )),
        GranteeFinding::MembersNeedIam { excess: Some((size, most)), policy, keys, .. } => Words::new(format!(
            "nothing is attached in its accounts, and a policy such as {} for all {} keys would have {size} characters, without \
             white space; IAM takes {most}",
            policy.as_str(),
            keys.len()
        ))
        .hint("give fewer keys at once, each time with a --policy-name of its own"),
        GranteeFinding::MembersNeedIam { keys, actions, policy, excess: None } => Words::new(format!(
            "nothing is attached in its accounts: whoever launches there needs a policy such as {} of its own account that \
             allows {} on {}",
            policy.as_str(),
            all_listed(actions),
            all_listed(&keys.iter().map(ToString::to_string).collect::<Vec<_>>())
        ))
        .hint(
            "for all accounts, --dry-run --emit cloudformation --emit-dir DIR writes a template for a StackSet, --emit cli and \
             --emit terraform the policy; with credentials of an account, --principal ARN makes and attaches it there; an Auto \
             Scaling group needs a grant, --autoscaling ACCOUNT",
        ),
        GranteeFinding::NoDelegation { key } => {
            let account = key.account;
            Words::new(format!(
                "the key policy of `{key}` does not let account {account}'s IAM decide, so a group's policies have no \
                 effect"
            ))
            .hint(format!("name users or roles instead, or give --account {account} to let the account in"))
        }
    }
}
