//! Whom members of an organization may make grants for: each account for its own role of Auto Scaling, and for nobody
//! else.
//!
//! A statement that lets them do so is confined by the value of one condition, in which a variable stands for the
//! caller's account. So besides comparing it with what was asked for, grants are tried before and after that come as
//! close to the right one as any can: to the same role of another account, inside and outside, to other roles and users
//! of the caller's own account, to a service, to texts that a pattern or a variable would be, and with operations that no
//! such role needs. None of them may be more allowed than before.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::effect::{degree, stranger};
use super::grants::MOST;
use super::{ALLOW_EVERYTHING, parsed};
use crate::access::{Grantee, MembersRole};
use crate::arn::{AccountId, Affiliation, EntityKind, KeyArn, MemberOf};
use crate::authz::{Context, Policies, Prepared, Principal, QueriedKey, Query, evaluate};
use crate::policy::{KmsAction, PolicyDocument};

/// Operations that a grant of a symmetric key may have besides: nobody asked for these.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#terms-grant-operations>
const BEYOND: [&str; 5] =
    ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "RetireGrant", "Sign", "GenerateMac"];

/// Checks a key policy that lets the members of organizations make grants; of the grantees each is asked for.
pub(super) fn check(
    key: &KeyArn,
    grantees: &[&Grantee],
    (before, after): (&PolicyDocument, &PolicyDocument),
) -> Result<(), String> {
    let everything = Prepared::new(&parsed(ALLOW_EVERYTHING)?);
    let [before, after] = [before, after].map(Prepared::new);
    let roles: Vec<&MembersRole> = grantees.iter().filter_map(|grantee| grantee.as_members_role()).collect();
    let queried = QueriedKey::new(key);
    let [own, other] = bystanders(key, grantees);
    let asked: BTreeSet<String> = roles.iter().map(|role| arn(key, own, &name(role))).collect();
    for role in roles {
        let grants = to_others(key, role, [own, other])
            .into_iter()
            .filter(|to| to.as_ref().is_none_or(|to| !asked.contains(to)))
            .map(|to| (to, MOST.to_vec()));
        let too_much =
            BEYOND.iter().map(|operation| (Some(arn(key, own, &name(role))), vec!["Decrypt", operation]));
        for (to, operations) in grants.chain(too_much) {
            let mut context =
                Context::for_grant(to.as_deref().unwrap_or_default(), operations.iter().copied());
            if to.is_none() {
                context.set::<String>("kms:GranteePrincipal", []);
                context.set("kms:GranteeServicePrincipal", ["autoscaling.amazonaws.com"]);
            }
            for who in members(key, own, role) {
                let query = Query::of(&who, KmsAction::CREATE_GRANT, Rc::clone(&queried), &context);
                let [before, after] = [&before, &after].map(|prepared| {
                    let policies = Policies {
                        key_policy: Some(prepared),
                        identity: Some(&[&everything]),
                        ..Policies::default()
                    };
                    degree(evaluate(&query, &policies).outcome)
                });
                if after > before {
                    return Err(format!(
                        "`{who}` may make a grant for `{}` of {}, which nobody asked for",
                        to.as_deref().unwrap_or("a service"),
                        operations.join(", ")
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Two accounts that nobody asked for by themselves, and not the key's.
fn bystanders(key: &KeyArn, grantees: &[&Grantee]) -> [AccountId; 2] {
    let named: BTreeSet<AccountId> = grantees.iter().filter_map(|grantee| grantee.account()).collect();
    let ids = (1..).map(|number| format!("{number:012}"));
    let mut free = ids
        .filter_map(|id| id.parse().ok())
        .filter(|account| *account != key.account && !named.contains(account));
    [(); 2].map(|()| free.next().unwrap_or(key.account))
}

/// Somebody of each kind of an account of theirs.
fn members(key: &KeyArn, account: AccountId, role: &MembersRole) -> [Principal; 3] {
    let path = role.members.path_pattern().trim_end_matches('*').replace('*', "r-0000");
    let organization = role.members.organization().clone();
    let place = Affiliation::Member(MemberOf { organization, path: Some(path) });
    [
        Principal::root(key.partition, account),
        stranger(key.partition, account, EntityKind::User),
        stranger(key.partition, account, EntityKind::Role),
    ]
    .map(|who| who.affiliated(Some(&place)))
}

fn name(role: &MembersRole) -> String {
    let suffix = role.suffix.as_ref().map(|suffix| format!("_{suffix}")).unwrap_or_default();
    format!("aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling{suffix}")
}

fn arn(key: &KeyArn, account: impl std::fmt::Display, role: &str) -> String {
    format!("arn:{}:iam::{account}:role/{role}", key.partition)
}

/// Whom no grant may go to; `None` for a service.
fn to_others(key: &KeyArn, role: &MembersRole, [own, other]: [AccountId; 2]) -> Vec<Option<String>> {
    let right = name(role);
    let of_own = [
        format!("{right}x"),
        format!("{right}_x"),
        "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleFor".to_owned(),
        "aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot".to_owned(),
        "AWSServiceRoleForAutoScaling".to_owned(),
        "app".to_owned(),
        "*".to_owned(),
    ];
    let elsewhere = [other.to_string(), key.account.to_string(), "*".to_owned(), String::new()];
    let texts = ["${aws:PrincipalAccount}".to_owned(), format!("{own}:role/x:{other}")];
    let by_name = of_own.iter().map(|name| arn(key, own, name));
    let by_account = elsewhere.iter().chain(&texts).map(|account| arn(key, account, &right));
    let others = [
        format!("arn:{}:iam::{own}:user/app", key.partition),
        format!("arn:{}:iam::{own}:root", key.partition),
        arn(key, own, &right).replacen("arn:", "arn:x", 1),
        "*".to_owned(),
    ];
    by_name.chain(by_account).chain(others).map(Some).chain([None]).collect()
}
