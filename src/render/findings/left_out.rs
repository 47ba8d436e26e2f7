//! What is said of what AWS did not let be looked at.

use super::Words;
use crate::observation::UnreadReason;

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
