//! Whom a key policy has to name for the grantees.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::Draft;
use crate::access::{Grantee, GranteeKind, Request, RequiredStatement};
use crate::arn::KeyArn;
use crate::plan::finding::GranteeFinding;

/// A grantee and the principal that the key policy has to name for it.
pub(super) struct KeyPrincipal {
    pub(super) grantee: Grantee,
    pub(super) principal: Grantee,
    /// Whether the statements may be added for it, or must be there already.
    pub(super) is_added: bool,
    /// The statements that must hold for it.
    pub(super) required: Rc<[RequiredStatement]>,
}

/// Whom the key policy has to name, in the order asked for.
pub(super) fn key_principals(
    request: &Request,
    key: &KeyArn,
    grantees: &[Grantee],
    draft: &mut Draft,
) -> Vec<KeyPrincipal> {
    let mut principals = Vec::new();
    let mut required: BTreeMap<GranteeKind, Rc<[RequiredStatement]>> = BTreeMap::new();
    for grantee in grantees.iter().filter(|grantee| grantee.served_by_grants(key).is_none()) {
        let principal = grantee.key_principal();
        // Nobody of another account gets in unless the key policy names somebody there, so its root is added for a
        // group's sake. At home the root's statement would let all of the account's IAM decide, for one group.
        let is_foreign = !grantee.is_of(key.account);
        let is_asked_for = principal == *grantee || grantees.contains(&principal);
        if let Grantee::Account { id, .. } = principal
            && grantee.is_group()
            && is_foreign
            && !is_asked_for
        {
            draft.find(&grantee, GranteeFinding::StandsForAccount { account: id });
        }
        let is_added = is_foreign || is_asked_for;
        let kind = GranteeKind::from(&principal);
        let known = required.entry(kind.clone()).or_insert_with(|| request.required_of(key, &kind).into());
        let required = Rc::clone(known);
        principals.push(KeyPrincipal { grantee: grantee.clone(), principal, is_added, required });
    }
    principals
}

/// What is required for some of the principals, each statement once.
pub(super) fn distinct<'p>(
    principals: impl IntoIterator<Item = &'p KeyPrincipal>,
) -> Vec<&'p RequiredStatement> {
    let mut distinct = Vec::new();
    for required in principals.into_iter().flat_map(|principal| principal.required.iter()) {
        if !distinct.contains(&required) {
            distinct.push(required);
        }
    }
    distinct
}
