//! Who stays out where the members of an organization are let in as anyone: everybody else, tried one by one.
//!
//! A statement for `*` is confined by its conditions alone. So besides comparing these with what was asked for, requests
//! are evaluated before and after that come as close to them as anything can that is not meant: without an
//! organization, from another one, from one whose id begins or ends otherwise, from another OU, by an AWS service, and from
//! the key's own account. None of them may be allowed more than before.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::arn::{AccountId, EntityKind, KeyArn, Members};
use crate::authz::{Context, Policies, Prepared, Principal, QueriedKey, Query, evaluate};
use crate::policy::{KmsAction, PolicyDocument, pattern};

use super::effect::{degree, stranger};
use super::{ALLOW_EVERYTHING, parsed};

/// Somebody who is not to gain anything.
struct Outsider {
    who: Principal,
    /// Whether its own account's IAM allows it everything: what a key policy delegates to that is not asked here.
    has_iam: bool,
    /// The values of `aws:PrincipalOrgID` and `aws:PrincipalOrgPaths`, where it has them.
    organization: Option<(String, String)>,
}

/// Checks a key policy that lets the members of organizations do some of these actions.
pub(super) fn check(
    key: &KeyArn,
    members: &BTreeSet<&Members>,
    (before, after): (&PolicyDocument, &PolicyDocument),
    actions: &[KmsAction],
) -> Result<(), String> {
    let everything = Prepared::new(&parsed(ALLOW_EVERYTHING)?);
    let (all, queried) = (outsiders(key, members, after), QueriedKey::new(key));
    let [before, after] = [before, after].map(Prepared::new);
    for outsider in all {
        let own: &[&Prepared] = if outsider.has_iam { &[&everything] } else { &[] };
        let context = outsider.context();
        let query = Query::of(&outsider.who, KmsAction::DECRYPT, Rc::clone(&queried), &context);
        for action in actions.iter().copied() {
            let [before, after] = [&before, &after].map(|prepared| {
                let policies =
                    Policies { key_policy: Some(prepared), identity: Some(own), ..Policies::default() };
                degree(evaluate(&query.about(action), &policies).outcome)
            });
            if after > before {
                return Err(format!("{} gets {action}, which nobody asked for", outsider.told(key)));
            }
        }
    }
    Ok(())
}

impl Outsider {
    /// All else that a request has is left open, so that what depends on it counts as given.
    fn context(&self) -> Context {
        match &self.organization {
            None => Context::unknown()
                .with::<String>("aws:PrincipalOrgID", [])
                .with::<String>("aws:PrincipalOrgPaths", []),
            Some((id, path)) => {
                Context::unknown().with("aws:PrincipalOrgID", [id]).with("aws:PrincipalOrgPaths", [path])
            }
        }
    }

    fn told(&self, key: &KeyArn) -> String {
        let place = match &self.organization {
            _ if self.who.account() == Some(key.account) => "of the key's own account".to_owned(),
            None => "of no organization".to_owned(),
            Some((_, path)) => format!("of `{path}`"),
        };
        format!("`{}` {place}", self.who)
    }
}

fn outsiders(key: &KeyArn, members: &BTreeSet<&Members>, after: &PolicyDocument) -> Vec<Outsider> {
    let stands_outside = |(id, path): &(String, String)| {
        !members.iter().any(|members| match members {
            Members::Organization(own) => own.as_str() == id,
            Members::Unit(unit) => {
                unit.organization().as_str() == id && pattern::matches(&unit.pattern(), path)
            }
        })
    };
    let organizations = like(members).into_iter().chain(mentioned(after));
    let foreign = [None].into_iter().chain(organizations.filter(stands_outside).map(Some));
    let mut all = Vec::new();
    for organization in foreign {
        for kind in [EntityKind::User, EntityKind::Role] {
            let who = stranger(key.partition, elsewhere(key), kind);
            all.push(Outsider { who, has_iam: true, organization: organization.clone() });
        }
        let who = Principal::root(key.partition, elsewhere(key));
        all.push(Outsider { who, has_iam: true, organization });
    }
    let service = Principal::service("ec2.amazonaws.com");
    all.push(Outsider { who: service, has_iam: true, organization: None });
    // Whoever is of the key's account is a member too, and has what its IAM gives and no more.
    let places = members.iter().map(|members| (members.organization().to_string(), inside(members)));
    for organization in places.map(Some).chain([None]) {
        for kind in [EntityKind::User, EntityKind::Role] {
            let who = stranger(key.partition, key.account, kind);
            all.push(Outsider { who, has_iam: false, organization: organization.clone() });
        }
    }
    all
}

/// Ids and paths that are like those of the members, some of them theirs.
fn like(members: &BTreeSet<&Members>) -> Vec<(String, String)> {
    let mut all = vec![("o-0000000000".to_owned(), "o-0000000000/r-0000/".to_owned())];
    for members in members {
        let id = members.organization().as_str();
        let inside = inside(members);
        let rest = inside.strip_prefix(id).unwrap_or_default();
        let shorter = id.get(..id.len() - 1).unwrap_or_default();
        for other in [shorter.to_owned(), format!("{id}0"), id.to_uppercase(), "*".to_owned(), String::new()]
        {
            all.push((other.clone(), format!("{other}{rest}")));
            // A foreign organization can't have this path; that its OUs can is why the id is asked for.
            all.push((other, inside.clone()));
        }
        let unit = inside.trim_end_matches('/');
        let parent = unit.rsplit_once('/').map_or("", |(parent, _)| parent);
        for path in [format!("{parent}/"), format!("{unit}0/"), format!("{id}/r-0000/")] {
            all.push((id.to_owned(), path));
        }
    }
    all
}

/// Those whom the conditions of a policy speak of.
fn mentioned(policy: &PolicyDocument) -> Vec<(String, String)> {
    let conditions = policy.statements.iter().flat_map(|statement| &statement.conditions);
    let of_organizations = conditions.filter(|condition| {
        ["aws:PrincipalOrgID", "aws:PrincipalOrgPaths"]
            .iter()
            .any(|key| condition.key.eq_ignore_ascii_case(key))
    });
    let values = of_organizations.flat_map(|condition| &condition.values);
    let filled = values.map(|value| value.replace(['*', '?'], "0"));
    filled
        .map(|text| {
            let id = text.split('/').next().unwrap_or_default().to_owned();
            let path = if text.contains('/') { text } else { format!("{id}/r-0000/") };
            (id, path)
        })
        .collect()
}

/// A path that an account of theirs may have.
fn inside(members: &Members) -> String {
    members.path_pattern().trim_end_matches('*').replace('*', "r-0000")
}

/// An account that is not the key's.
fn elsewhere(key: &KeyArn) -> AccountId {
    let other = KeyArn::unknown(key.partition).account;
    [other, key.account].into_iter().find(|account| *account != key.account).unwrap_or(other)
}
