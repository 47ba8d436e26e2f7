//! Where a key policy and what was asked for differ in what they give.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::finding::KeyPolicyFinding;
use super::super::super::patch::Reader;
use super::super::Draft;
use super::Need;
use crate::access::Purpose;
use crate::arn::KeyArn;
use crate::policy::PolicyDocument;

/// Who has more than the least privilege already is told by which statement.
pub(super) fn warn_of_broader(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    needs: &[Need<'_>],
    purpose: Purpose,
    draft: &mut Draft,
) {
    let mut broader: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for need in needs {
        let indices = need.of.required.iter().flat_map(|required| reader.broader(required, &need.text));
        for index in indices.collect::<BTreeSet<_>>() {
            let names = broader.entry(index).or_default();
            if !names.contains(&need.text) {
                names.push(need.text.clone());
            }
        }
    }
    for (index, names) in broader {
        let Some(statement) = document.statements.get(index) else { continue };
        let statement = statement.label(index);
        draft.find(key, KeyPolicyFinding::Broader { statement, who: names, purpose });
    }
}

/// An Allow under a further condition is there already, and what is planned does not have the condition.
pub(super) fn warn_of_wider<'a>(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    missing: impl Iterator<Item = &'a Need<'a>>,
    draft: &mut Draft,
) {
    let mut narrower: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for need in missing {
        let indices = need.missing.iter().flat_map(|required| reader.narrower(required, &need.text));
        for index in indices.collect::<BTreeSet<_>>() {
            narrower.entry(index).or_default().push(need.text.clone());
        }
    }
    for (index, mut names) in narrower {
        let Some(statement) = document.statements.get(index) else { continue };
        names.dedup();
        draft.find(key, KeyPolicyFinding::Wider { statement: statement.label(index), who: names });
    }
}
