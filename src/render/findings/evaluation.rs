//! What is said of the time after the changes.

use std::collections::BTreeSet;

use super::Words;
use crate::access::Grantee;
use crate::access::Purpose;
use crate::access::assessment::{DecidingStatement, needed_actions, not_looked_at};
use crate::authz::Occasion;
use crate::plan::finding::EvaluationFinding;
use crate::plan::listing::{all_listed, listed};
use crate::policy::KmsAction;

pub(super) fn words(found: &EvaluationFinding) -> Words {
    match found {
        EvaluationFinding::Denied { statement, actions, purpose } => Words::new(format!(
            "{statement} denies it {}, and no Allow outweighs a Deny",
            in_words(*purpose, actions)
        ))
        .hint("keymend never touches a Deny: have it changed first"),
        EvaluationFinding::Limited { obstacle, missed, actions, purpose } => {
            let why = missed.as_ref().map(|missed| format!(": {}", missed.told(*purpose)));
            Words::new(format!(
                "the grantee needs {}, and {obstacle}{}",
                in_words(*purpose, actions),
                why.unwrap_or_default()
            ))
            .hint("no Allow elsewhere outweighs that: have it allow these actions on the key first")
        }
        EvaluationFinding::PerhapsLimited { obstacle, actions, purpose, keys } => {
            let is_asked = keys.iter().any(|key| Occasion::Launch.is_asked(key));
            Words {
                message: format!(
                    "the grantee needs {}, and {obstacle}: {}",
                    in_words(*purpose, actions),
                    depends_on(keys)
                ),
                hint: is_asked
                    .then(|| "`keymend check` with --context KEY=VALUE tells what a value makes of it".to_owned()),
            }
        }
        EvaluationFinding::PerhapsDenied { statement, who, keys, is_key_unknown } => {
            perhaps_denied(statement, who, keys, *is_key_unknown)
        }
        EvaluationFinding::DeniedBeside { statement, who, actions, purpose } => Words::new(format!(
            "{statement} denies {} {}, which a {purpose} does not need",
            listed(&names(who)),
            in_words(*purpose, actions)
        )),
        EvaluationFinding::EscapesBoundary { boundary } => Words::new(format!(
            "{boundary} does not allow it the key, and will not limit it there: whom the key policy of its own account \
             names, a boundary limits by a Deny only"
        ))
        .hint("name its role or group instead, or have IAM decide by --coverage effective"),
        EvaluationFinding::AccessAlready { who, purpose } => Words::new(format!(
            "evaluation shows that {} can {} with the key already",
            listed(&names(who)),
            purpose.deed()
        ))
        .hint("`--coverage effective` plans only what evaluation shows to be missing"),
        EvaluationFinding::NotConsidered { gaps } => {
            Words::new(not_looked_at(gaps.iter().map(String::as_str)).unwrap_or_default())
        }
        EvaluationFinding::NearMiss { missed, purpose } => Words::new(missed.told(*purpose)),
        EvaluationFinding::InstanceDenied { statement, action, way_out } => Words::new(format!(
            "{statement} denies it {action}: the instance attaches its encrypted volumes as this role, so neither a \
             launch nor a start succeeds"
        ))
        .hint(format!("keymend never touches a Deny; have this done first: {way_out}")),
        EvaluationFinding::InstanceLimited { obstacle, action } => Words::new(format!(
            "the instance attaches its encrypted volumes as this role and needs {action}, and {obstacle}"
        ))
        .hint(format!("have the organization allow it {action} first")),
        EvaluationFinding::InstancePerhapsDenied { statement, action, way_out, keys } => Words::new(format!(
            "{statement} may deny it {action}, and the instance attaches its encrypted volumes as this role: {}",
            instance_depends_on(keys)
        ))
        .hint(format!("where it applies, {way_out}; keymend never touches a Deny")),
        EvaluationFinding::InstancePerhapsLimited { obstacle, action, keys } => Words::new(format!(
            "the instance attaches its encrypted volumes as this role and needs {action}, and {obstacle}: {}",
            instance_depends_on(keys)
        )),
    }
}

fn names(who: &[Grantee]) -> Vec<String> {
    who.iter().map(ToString::to_string).collect()
}

fn perhaps_denied(
    statement: &DecidingStatement,
    who: &[Grantee],
    keys: &[String],
    is_key_unknown: bool,
) -> Words {
    let depends = match (statement.doubt, keys) {
        (Some(doubt), _) => doubt.to_string(),
        (None, []) if is_key_unknown => "that depends on which key it is, which is not known".to_owned(),
        (None, keys) => depends_on(keys),
    };
    let is_about_address = keys
        .iter()
        .any(|key| key.eq_ignore_ascii_case("aws:SourceIp") || key.eq_ignore_ascii_case("aws:VpcSourceIp"));
    let hint = if is_about_address {
        // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-aws.html#conditions-aws-ip-address
        "the calls come from EC2's own addresses; keymend never touches a Deny"
    } else if is_key_unknown && (keys.is_empty() || keys.iter().any(|key| follows_from_the_key(key))) {
        "it can't be judged without the key: give --key ARN; keymend never touches a Deny"
    } else {
        "see whether it applies to the grantees; keymend never touches a Deny"
    };
    Words::new(format!("{statement} may deny {}: {depends}", listed(&names(who)))).hint(hint)
}

/// Whether the key's ARN tells what a condition key is in a launch.
fn follows_from_the_key(condition_key: &str) -> bool {
    ["kms:ViaService", "aws:RequestedRegion", "aws:ResourceAccount", "kms:MultiRegion"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(condition_key))
}

/// What would settle what nobody can tell; of keys that AWS's pages leave open, why they are.
fn depends_on(keys: &[String]) -> String {
    let are = if keys.len() > 1 { "are" } else { "is" };
    let told = |key: &String| match Occasion::Launch.open(key) {
        Some(reason) => format!("{key} ({reason})"),
        None => key.clone(),
    };
    if keys.is_empty() {
        return "nobody can tell by what AWS documents".to_owned();
    }
    let keys: Vec<String> = keys.iter().map(told).collect();
    format!("that depends on {}, which {are} not known", all_listed(&keys))
}

/// The same for the instance's own call, of which more keys are open.
fn instance_depends_on(keys: &[String]) -> String {
    let open: BTreeSet<&str> = keys.iter().filter_map(|key| Occasion::Instance.open(key)).collect();
    let depends = depends_on(keys);
    std::iter::once(depends.as_str()).chain(open).collect::<Vec<_>>().join("; ")
}

/// Actions in a sentence; all that is needed in these words.
fn in_words(purpose: Purpose, actions: &[KmsAction]) -> String {
    let needed = needed_actions(purpose);
    if needed.len() > 1 && needed.iter().all(|needed| actions.contains(needed)) {
        return format!("all that a {purpose} needs");
    }
    let names: Vec<String> = actions.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
