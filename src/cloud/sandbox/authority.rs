//! Whether a key policy lets a caller do something, as far as AWS's own safety checks go.

use crate::arn::{AccountId, EntityKind, KeyArn};
use crate::policy::{
    AwsPrincipal, Effect, ListElement, PolicyDocument, PrincipalElement, Statement, pattern,
};

/// Who asks: a user, a session or an account's root.
pub(super) struct Asker<'a> {
    /// The account, whose root a policy may delegate to.
    pub(super) account: AccountId,
    /// The identity itself.
    pub(super) principal: &'a AwsPrincipal,
}

/// Whether some unconditional Allow is for the caller or its account, and no unconditional Deny is.
///
/// The caller's own IAM policies are taken to allow everything, so that a delegation to its account counts.
pub(super) fn allows(document: &PolicyDocument, key: &KeyArn, asker: &Asker<'_>, action: &str) -> bool {
    let applies = |effect: Effect| {
        document.statements.iter().any(|statement| {
            statement.effect == effect
                && statement.conditions.is_empty()
                && is_about(statement, key, action)
                && statement.principal.as_ref().is_some_and(|element| is_for(element, asker))
        })
    };
    applies(Effect::Allow) && !applies(Effect::Deny)
}

fn is_about(statement: &Statement, key: &KeyArn, action: &str) -> bool {
    let key = key.to_string();
    matches(statement.action.as_ref(), |text| pattern::matches_ignoring_case(text, action))
        && matches(statement.resource.as_ref(), |text| pattern::matches(text, &key))
}

fn matches(element: Option<&ListElement>, test: impl Fn(&str) -> bool) -> bool {
    element.is_some_and(|element| element.negated != element.list.iter().any(test))
}

fn is_for(element: &PrincipalElement, asker: &Asker<'_>) -> bool {
    element.negated != element.aws().iter().any(|principal| names(principal, asker))
}

fn names(principal: &AwsPrincipal, asker: &Asker<'_>) -> bool {
    match (principal, asker.principal) {
        (AwsPrincipal::Anyone, _) => true,
        (AwsPrincipal::Account { id, .. }, _) => *id == asker.account,
        // A session's ARN has lost its role's path, and names are unique without it.
        (AwsPrincipal::Entity(role), AwsPrincipal::Session(session)) => {
            role.kind == EntityKind::Role && role.account == session.account && role.name == session.role_name
        }
        (named, own) => named == own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn allows_put(statements: &str, caller: &str) -> bool {
        let document = PolicyDocument::parse(format!("{{\"Statement\": [{statements}]}}")).unwrap();
        let principal = AwsPrincipal::parse(caller);
        let asker = Asker { account: "111122223333".parse().unwrap(), principal: &principal };
        allows(&document, &KEY.parse().unwrap(), &asker, "kms:PutKeyPolicy")
    }

    fn statement(effect: &str, principal: &str, rest: &str) -> String {
        format!(r#"{{"Effect": "{effect}", "Principal": {principal}, {rest}}}"#)
    }

    #[test]
    fn who_keeps_the_right_to_update_the_key_policy() {
        const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/Admin/jo";
        const USER: &str = "arn:aws:iam::111122223333:user/jo";
        let all = r#""Action": "kms:*", "Resource": "*""#;
        let root = r#"{"AWS": "111122223333"}"#;
        for (statements, caller, expected) in [
            (statement("Allow", root, all), SESSION, true),
            (
                statement("Allow", r#"{"AWS": "arn:aws:iam::111122223333:role/ops/Admin"}"#, all),
                SESSION,
                true,
            ),
            (statement("Allow", r#"{"AWS": "arn:aws:iam::111122223333:role/ops/Admin"}"#, all), USER, false),
            (statement("Allow", &format!(r#"{{"AWS": "{USER}"}}"#), all), USER, true),
            (statement("Allow", &format!(r#"{{"AWS": "{SESSION}"}}"#), all), SESSION, true),
            (statement("Allow", r#"{"AWS": "444455556666"}"#, all), SESSION, false),
            (statement("Allow", "\"*\"", r#""Action": "kms:Put*", "Resource": "*""#), SESSION, true),
            (statement("Allow", root, r#""Action": "kms:Get*", "Resource": "*""#), SESSION, false),
            (statement("Allow", root, r#""NotAction": "kms:Decrypt", "Resource": "*""#), SESSION, true),
            (statement("Allow", root, r#""Action": "kms:*""#), SESSION, false),
            (
                statement(
                    "Allow",
                    root,
                    r#""Action": "kms:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}"#,
                ),
                SESSION,
                false,
            ),
            (
                [
                    statement("Allow", root, all),
                    statement("Deny", "\"*\"", r#""Action": "kms:PutKeyPolicy", "Resource": "*""#),
                ]
                .join(","),
                SESSION,
                false,
            ),
        ] {
            assert_eq!(allows_put(&statements, caller), expected, "{caller}: {statements}");
        }
    }
}
