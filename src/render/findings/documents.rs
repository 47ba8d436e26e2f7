//! What is said of documents in files.

use super::Words;
use crate::plan::finding::DocumentFinding;

pub(super) fn words(found: &DocumentFinding) -> Words {
    match found {
        DocumentFinding::NoPolicy(what) => Words::new(what.to_string()).hint(what.hint()),
        DocumentFinding::Unreadable { error } => Words::new(format!("the policy: {error}")),
        DocumentFinding::RefusedSid { sid } => {
            Words::new(format!("IAM refuses to save it, for the Sid \"{sid}\""))
                .hint("IAM takes each Sid once, and only A-Z, a-z and 0-9 in it: rename it first")
        }
        DocumentFinding::TooLarge { size, most } => Words::new(format!(
            "it would have {size} characters without white space, AWS takes {most} at most"
        ))
        .hint("put the key into a policy of its own"),
        DocumentFinding::Template { placeholder } => Words::new(format!(
            "it is a template: what `{placeholder}` stands for is not known, nor whom that lets in or keeps out"
        ))
        .hint("see that the rendered policy says what it should; it is kept as it is"),
    }
}
