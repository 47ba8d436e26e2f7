//! The roles of Auto Scaling of an organization's accounts: each account makes the grant of its own one, which the key
//! policy lets it by a variable for the account.

use super::super::Draft;
use super::Need;
use crate::access::{Grantee, MembersRole};
use crate::arn::KeyArn;
use crate::authz::Prepared;
use crate::plan::finding::{GrantFinding, KeyPolicyFinding};
use crate::plan::listing::listed;
use crate::policy::{PolicyDocument, Statement};

/// The need as it can be met: where a document's version knows no variables, no statement with one is added.
pub(super) fn possible<'a>(
    key: &KeyArn,
    document: &PolicyDocument,
    need: Need<'a>,
    draft: &mut Draft,
) -> Need<'a> {
    let Some(role) = need.of.grantee.as_members_role() else { return need };
    if document.knows_variables() || !need.missing.iter().any(|required| required.has_variable()) {
        return need;
    }
    let (version, role) = (document.version.clone(), role.clone());
    draft.find(key, KeyPolicyFinding::NoVariables { version, role });
    Need { is_added: false, ..need }
}

/// Nobody has tried what comes to a key policy for them.
pub(super) fn tell_untried<'a>(
    key: &KeyArn,
    grantees: impl IntoIterator<Item = &'a Grantee>,
    is_read: bool,
    draft: &mut Draft,
) {
    for role in grantees.into_iter().filter_map(Grantee::as_members_role) {
        draft.find(role, GrantFinding::Untried { value: role.arn_of_own_account(key.partition), is_read });
    }
}

/// A policy without the statements that let somebody make grants by a variable, and what stands there; `None` where it has
/// no such statement.
pub(super) fn by_variables(document: &PolicyDocument) -> Option<(Prepared, String)> {
    let variable = |statement: &Statement| {
        let mut grantees = statement.conditions.iter();
        let grantees = grantees
            .find(|own| own.key.eq_ignore_ascii_case("kms:GranteePrincipal") && own.has_variable())?;
        grantees.values.iter().find(|value| value.contains("${")).cloned()
    };
    let value = document.statements.iter().find_map(variable)?;
    let mut rest = document.clone();
    rest.statements.retain(|statement| variable(statement).is_none());
    Some((Prepared::new(&rest), value))
}

/// Why a key policy has to change for their sake, as the end of a sentence.
pub(super) fn reason<'a>(roles: impl IntoIterator<Item = &'a MembersRole>) -> Option<String> {
    let told = |role: &MembersRole| (role.members.to_string(), role.name());
    let (members, mut names): (Vec<String>, Vec<String>) = roles.into_iter().map(told).unzip();
    names.dedup();
    (!members.is_empty()).then(|| {
        let mut distinct = members;
        distinct.dedup();
        format!(
            "each account of {} must be able to create a grant for its own {}",
            listed(&distinct),
            names.join(" and ")
        )
    })
}
