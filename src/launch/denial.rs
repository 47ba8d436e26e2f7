//! Which policy refused a call, by AWS's own words.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use crate::plan::finding::caller::Denial;

/// The kinds of policies, as AWS's messages call them, and whether keymend writes such ones.
const KINDS: [(&str, bool); 7] = [
    ("service control policy", false),
    ("resource control policy", false),
    ("permissions boundary", false),
    ("session policy", false),
    ("VPC endpoint policy", false),
    ("identity-based policy", true),
    ("resource-based policy", true),
];

impl Denial {
    /// What a message tells; `None` where it tells nothing of policies.
    pub(super) fn of(message: &str) -> Option<Self> {
        const EXPLICIT: &str = "explicit deny";
        if let Some((_, rest)) = message.split_once(EXPLICIT) {
            let rest =
                rest.strip_prefix(" in a ").or_else(|| rest.strip_prefix(" in an ")).unwrap_or_default();
            let kind = kind_at(rest);
            let policy = kind.and_then(|kind| rest.strip_prefix(kind)).and_then(policy_at);
            return Some(Self { kind, is_explicit: true, policy: policy.map(str::to_owned) });
        }
        let found = message.match_indices("because no ").find_map(|(at, sign)| {
            let rest = message.get(at + sign.len()..)?;
            let kind = kind_at(rest)?;
            rest.strip_prefix(kind)?.starts_with(" allows").then_some(kind)
        });
        found.map(|kind| Self { kind: Some(kind), is_explicit: false, policy: None })
    }

    /// Whether the policy is one of an organization, for many accounts.
    pub(super) fn is_of_organization(&self) -> bool {
        self.kind.is_some_and(|kind| kind.ends_with("control policy"))
    }

    /// Whether a statement that allows the call, in the key's policy or in an identity's, changes nothing about it.
    pub(super) fn is_beyond_us(&self) -> bool {
        let is_ours = |kind| KINDS.iter().any(|(known, is_ours)| *known == kind && *is_ours);
        self.is_explicit || !self.kind.is_some_and(is_ours)
    }
}

fn kind_at(text: &str) -> Option<&'static str> {
    KINDS.iter().map(|(kind, _)| *kind).find(|kind| text.starts_with(kind))
}

/// The ARN after `: `, without the period of a sentence that it ends.
fn policy_at(rest: &str) -> Option<&str> {
    let word = rest.strip_prefix(':')?.split_whitespace().next()?.trim_end_matches(['.', ',', ';']);
    word.starts_with("arn:").then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_that_decided_is_named() {
        const START: &str = "User: arn:aws:iam::444455556666:role/app is not authorized to perform: kms:Decrypt on \
                             resource: arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
        let scp = "arn:aws:organizations::111122223333:policy/o-example/service_control_policy/p-0example";
        let own = "arn:aws:iam::444455556666:policy/ExampleDeny";
        for (end, expected) in [
            (
                "with an explicit deny in a service control policy",
                Some("by a Deny in a service control policy"),
            ),
            (
                &format!("with an explicit deny in a service control policy: {scp}"),
                Some(&*format!("by a Deny in a service control policy, `{scp}`")),
            ),
            (
                &format!(
                    "with an explicit deny in an identity-based policy: {own}. Go to https://example.com"
                ),
                Some(&*format!("by a Deny in an identity-based policy, `{own}`")),
            ),
            (
                "with an explicit deny in a resource-based policy.",
                Some("by a Deny in a resource-based policy"),
            ),
            ("with an explicit deny in a session policy", Some("by a Deny in a session policy")),
            ("with an explicit deny", Some("by a Deny")),
            (
                "because no service control policy allows the kms:Decrypt action",
                Some("because no service control policy allows it"),
            ),
            (
                "because no resource-based policy allows the kms:Decrypt action",
                Some("because no resource-based policy allows it"),
            ),
            (
                "because no permissions boundary allows the kms:Decrypt action",
                Some("because no permissions boundary allows it"),
            ),
            ("on this resource because the resource does not exist in this Region", None),
        ] {
            let message = format!("{START} {end}");
            let told = Denial::of(&message).map(|denial| denial.to_string());
            assert_eq!(told.as_deref(), expected, "{end}");
        }
        let beyond = |message: &str| Denial::of(message).is_some_and(|denial| denial.is_beyond_us());
        assert!(beyond("with an explicit deny in a resource-based policy"));
        assert!(beyond("because no permissions boundary allows the kms:Decrypt action"));
        assert!(!beyond("because no identity-based policy allows the kms:Decrypt action"));
    }
}
