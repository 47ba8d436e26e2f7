//! What is said of bugs of ours.

use super::Words;
use crate::plan::finding::Unsound;

pub(super) fn words(found: &Unsound) -> Words {
    const REPORT: &str = "report it with the output of --output json";
    match found {
        Unsound::Change { violation } => {
            Words::new(format!("a bug of keymend, nothing is written: {violation}")).hint(REPORT)
        }
        Unsound::Unbacked { change } => Words::new(format!(
            "a bug of keymend, nothing is written: the record does not say what would justify this: {change}"
        ))
        .hint(REPORT),
        Unsound::Edit(broken) => Words::new(broken.to_string()),
    }
}
