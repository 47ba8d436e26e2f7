//! Where a key policy and what was asked for differ in what they give.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::finding::KeyPolicyFinding;
use super::super::super::patch::Reader;
use super::super::Draft;
use super::Need;
use crate::access::{Purpose, RequiredStatement};
use crate::arn::KeyArn;
use crate::policy::{ActionSet, PolicyDocument};

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
            if !names.contains(&need.name) {
                names.push(need.name.clone());
            }
        }
    }
    for (index, names) in broader {
        let Some(statement) = document.statements.get(index) else { continue };
        let statement = statement.label(index);
        draft.find(key, KeyPolicyFinding::Broader { statement, who: names, purpose });
    }
}

/// Who may use the key and not have grants made is told by which statement.
pub(super) fn tell_of_missing_grants(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    needs: &[Need<'_>],
    draft: &mut Draft,
) {
    let creation = ActionSet::of_pattern("kms:CreateGrant");
    for need in needs {
        let given = |required: &RequiredStatement| reader.cover(required, &need.text);
        let grants = need.of.required.iter().filter(|required| required.action_set.contains(creation));
        let lacks_grants = grants.map(given).any(|cover| cover.missing.contains(creation));
        if need.of.grantee.as_members().is_none() || !lacks_grants {
            continue;
        }
        for index in need.of.required.iter().flat_map(|required| given(required).by).collect::<BTreeSet<_>>()
        {
            let Some(statement) = document.statements.get(index) else { continue };
            let (statement, who) = (statement.label(index), need.name.clone());
            draft.find(key, KeyPolicyFinding::LacksGrants { statement, who });
        }
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
    // What lets accounts make grants of a kind is no other form of what else lets them do something.
    for need in missing.filter(|need| need.of.grantee.as_members_role().is_none()) {
        let indices = need.missing.iter().flat_map(|required| reader.narrower(required, &need.text));
        for index in indices.collect::<BTreeSet<_>>() {
            narrower.entry(index).or_default().push(need.name.clone());
        }
    }
    for (index, mut names) in narrower {
        let Some(statement) = document.statements.get(index) else { continue };
        names.dedup();
        draft.find(key, KeyPolicyFinding::Wider { statement: statement.label(index), who: names });
    }
}
