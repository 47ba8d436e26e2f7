//! What is said of documents in files.

use super::Words;
use super::identity::unsavable;
use crate::plan::finding::{DocumentFinding, Unsavable};

pub(super) fn words(found: &DocumentFinding) -> Words {
    match found {
        DocumentFinding::NoPolicy(what) => Words::new(what.to_string()).hint(what.hint()),
        DocumentFinding::Unreadable { error } => Words::new(format!("the policy: {error}")),
        DocumentFinding::Refused(why) => {
            let words = Words::new(unsavable(why));
            match why {
                Unsavable::RefusedSid(_) => {
                    words.hint("IAM takes each Sid once, and only A-Z, a-z and 0-9 in it: rename it first")
                }
                Unsavable::TooLarge { .. } => words.hint("put the key into a policy of its own"),
                Unsavable::RefusedCharacters => words.hint(
                    "it takes tab, line feed, carriage return and U+0020 to U+00FF: edit the policy by hand",
                ),
                Unsavable::NoStatement => words,
            }
        }
        DocumentFinding::Template { placeholder } => Words::new(format!(
            "it is a template: what `{placeholder}` stands for is not known, nor whom that lets in or keeps out"
        ))
        .hint("see that the rendered policy says what it should; it is kept as it is"),
    }
}
