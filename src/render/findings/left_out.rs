//! What is said of what AWS did not let be looked at.

use super::Words;
use crate::arn::ArnParts;
use crate::observation::{RefusedRead, UnreadReason};

pub(super) fn words(reason: &UnreadReason) -> Words {
    let words = Words::new(format!("left out, and nothing is planned for it: {reason}"));
    match reason {
        UnreadReason::Refused(refused) => words.hint(format!(
            "let the caller make this call, {}, then plan the fleet anew, in another folder",
            refused.operation
        )),
        _ => words,
    }
}

/// The same without what is left out.
pub(super) fn words_for_all(reason: &UnreadReason) -> String {
    match reason {
        UnreadReason::Refused(RefusedRead { operation, caller, code, .. }) => {
            let account = ArnParts::parse(caller).map_or("", |parts| parts.account);
            let caller = if account.is_empty() { caller.clone() } else { caller.replace(account, "ACCOUNT") };
            format!("left out: {operation} as `{caller}` failed: {code}")
        }
        _ => format!("left out: {reason}"),
    }
}
