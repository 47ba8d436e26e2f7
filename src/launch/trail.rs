//! Refusals by KMS, as CloudTrail records them.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

use std::collections::BTreeSet;

use serde_json::Value;

use crate::access::assessment::documented_actions;
use crate::access::chain::Refusal;
use crate::access::{GranteeRef, Purpose};
use crate::arn::{AccountId, EntityKind, KeyArn, Partition};
use crate::policy::AwsPrincipal;

/// Why a text holds nothing to start from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrailError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON of another kind.
    #[error("no event of CloudTrail")]
    Form,
    /// Events, but none that is a refusal by KMS of what a launch does.
    #[error("{} and none is a call of a launch that KMS refused", counted(*.0))]
    NoRefusal(usize),
    /// Who was refused one key was not refused another one: access to every key for everyone would be more than
    /// anybody was refused.
    #[error("the events are of several principals and keys, and not each principal was refused each key")]
    Unrelated,
    /// A refusal that lacks what is needed.
    #[error("the event `{event}` does not tell its {what}")]
    Incomplete {
        /// The event's id.
        event: String,
        /// What is missing.
        what: &'static str,
    },
}

fn counted(events: usize) -> String {
    if events == 1 { "one event".to_owned() } else { format!("{events} events") }
}

/// What a text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Refusals by KMS of what a launch does, each once.
    pub refusals: Vec<Refusal>,
    /// How many events are something else.
    pub others: usize,
}

/// Reads a single event, a log file's `{"Records": […]}`, or what `aws cloudtrail lookup-events` and the console
/// give, where each event is a text in its member `CloudTrailEvent`.
///
/// # Errors
/// The text is none of these, or no event is a refusal by KMS, or one does not tell what it was about; or they are
/// about several principals and keys that do not belong together.
pub fn parse(text: &str) -> Result<Trail, TrailError> {
    let value: Value = serde_json::from_str(text).map_err(|error| TrailError::Json(error.to_string()))?;
    let mut events = Vec::new();
    collect(value, &mut events)?;
    let (refused, others): (Vec<Value>, Vec<Value>) = events.into_iter().partition(is_refusal);
    let mut refusals: Vec<Refusal> = Vec::new();
    for event in &refused {
        let refusal = refusal(event)?;
        let is_known = refusals.iter().any(|known| {
            (&known.principal, &known.action, &known.key)
                == (&refusal.principal, &refusal.action, &refusal.key)
        });
        if !is_known {
            refusals.push(refusal);
        }
    }
    match refusals.is_empty() {
        true => Err(TrailError::NoRefusal(others.len())),
        false if !is_each_of_each(&refusals) => Err(TrailError::Unrelated),
        false => Ok(Trail { refusals, others: others.len() }),
    }
}

/// Whether every principal was refused every key: a request is for all of them.
fn is_each_of_each(refusals: &[Refusal]) -> bool {
    let principals: BTreeSet<String> = refusals.iter().map(|refusal| refusal.principal.to_string()).collect();
    let keys: BTreeSet<&KeyArn> = refusals.iter().map(|refusal| &refusal.key).collect();
    let pairs: BTreeSet<(String, &KeyArn)> =
        refusals.iter().map(|refusal| (refusal.principal.to_string(), &refusal.key)).collect();
    pairs.len() == principals.len() * keys.len()
}

/// Unwraps the forms that events come in.
fn collect(value: Value, events: &mut Vec<Value>) -> Result<(), TrailError> {
    match value {
        Value::Array(items) => items.into_iter().try_for_each(|item| collect(item, events)),
        Value::Object(mut members) => {
            for list in ["Records", "Events"] {
                if let Some(items @ Value::Array(_)) = members.remove(list) {
                    return collect(items, events);
                }
            }
            if let Some(Value::String(text)) = members.get("CloudTrailEvent") {
                let event =
                    serde_json::from_str(text).map_err(|error| TrailError::Json(error.to_string()))?;
                return collect(event, events);
            }
            if !members.contains_key("eventSource") {
                return Err(TrailError::Form);
            }
            events.push(Value::Object(members));
            Ok(())
        }
        _ => Err(TrailError::Form),
    }
}

fn text<'e>(event: &'e Value, pointer: &str) -> &'e str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_refusal(event: &Value) -> bool {
    text(event, "/eventSource") == "kms.amazonaws.com"
        && text(event, "/errorCode").starts_with("AccessDenied")
        && is_of_a_launch(text(event, "/eventName"))
}

/// Whether an operation is among those that access is given to. Whoever was refused another one, the deletion of a
/// key say, did not ask for that.
fn is_of_a_launch(operation: &str) -> bool {
    // What is not told is no reason to pass over it.
    operation.is_empty()
        || operation == "ReEncrypt"
        || documented_actions(Purpose::Launch).iter().any(|action| action.name() == operation)
}

fn refusal(event: &Value) -> Result<Refusal, TrailError> {
    let incomplete = |what| TrailError::Incomplete { event: text(event, "/eventID").to_owned(), what };
    let name = text(event, "/eventName");
    if name.is_empty() {
        return Err(incomplete("action"));
    }
    Ok(Refusal {
        principal: principal(event).ok_or_else(|| incomplete("principal"))?,
        action: format!("kms:{name}"),
        key: key(event).ok_or_else(|| incomplete("key"))?,
        message: text(event, "/errorMessage").to_owned(),
    })
}

/// The role behind a session, with its path where the event has it; else what AWS's message says. The account alone
/// is the last resort: an event in the key's account may tell no more of a caller from another one.
fn principal(event: &Value) -> Option<GranteeRef> {
    let candidates = [
        text(event, "/userIdentity/sessionContext/sessionIssuer/arn"),
        text(event, "/userIdentity/arn"),
        word_after(text(event, "/errorMessage"), "User: "),
        text(event, "/userIdentity/accountId"),
    ];
    candidates.into_iter().find_map(|candidate| match AwsPrincipal::parse(candidate) {
        AwsPrincipal::Entity(entity) if entity.kind != EntityKind::Group => Some(GranteeRef::Entity(entity)),
        AwsPrincipal::Session(session) => Some(GranteeRef::Session(session)),
        AwsPrincipal::Account { id, .. } => Some(GranteeRef::Account(id)),
        _ => None,
    })
}

fn key(event: &Value) -> Option<KeyArn> {
    let resources = event.get("resources").and_then(Value::as_array).into_iter().flatten();
    let asked = text(event, "/requestParameters/keyId");
    let said = word_after(text(event, "/errorMessage"), "on resource: ");
    let arns = resources.map(|resource| text(resource, "/ARN")).chain([asked, said]);
    arns.map(str::parse).find_map(Result::ok).or_else(|| own_key(event, asked))
}

/// A key that was named by its id alone is the caller's own.
fn own_key(event: &Value, id: &str) -> Option<KeyArn> {
    let region = text(event, "/awsRegion");
    let account: AccountId = text(event, "/userIdentity/accountId").parse().ok()?;
    format!("arn:{}:kms:{region}:{account}:key/{id}", Partition::of_region(region)).parse().ok()
}

fn word_after<'t>(text: &'t str, sign: &str) -> &'t str {
    text.split_once(sign).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn event() -> Value {
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "arn": "arn:aws:sts::444455556666:assumed-role/app/i-0123456789abcdef0",
                "accountId": "444455556666",
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::444455556666:role/team/app"}},
            },
            "eventSource": "kms.amazonaws.com",
            "eventName": "CreateGrant",
            "awsRegion": "eu-west-1",
            "errorCode": "AccessDenied",
            "errorMessage": format!(
                "User: arn:aws:sts::444455556666:assumed-role/app/i-0123456789abcdef0 is not authorized to perform: \
                 kms:CreateGrant on resource: {KEY} because no resource-based policy allows the kms:CreateGrant action"
            ),
            "requestParameters": null,
            "eventID": "e1",
        })
    }

    fn parsed(value: &Value) -> Result<Vec<(String, String, String)>, String> {
        let trail = parse(&value.to_string()).map_err(|error| error.to_string())?;
        let facts =
            |refusal: Refusal| (refusal.principal.to_string(), refusal.action, refusal.key.to_string());
        Ok(trail.refusals.into_iter().map(facts).collect())
    }

    #[test]
    fn every_form_that_events_come_in() {
        let expected = vec![(
            "arn:aws:iam::444455556666:role/team/app".to_owned(),
            "kms:CreateGrant".to_owned(),
            KEY.to_owned(),
        )];
        let text = event().to_string();
        for form in [
            event(),
            json!([event()]),
            json!({"Records": [event(), event()]}),
            json!({"Events": [{"EventId": "e1", "CloudTrailEvent": text}], "NextToken": "t"}),
            json!({"EventId": "e1", "CloudTrailEvent": text}),
        ] {
            assert_eq!(parsed(&form), Ok(expected.clone()), "{form}");
        }
    }

    #[test]
    fn who_and_which_key_wherever_they_stand() {
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut event = event();
            change(&mut event);
            parsed(&event).map(|mut all| all.remove(0)).map(|(who, _, key)| (who, key))
        };
        let both = |who: &str, key: &str| Ok((who.to_owned(), key.to_owned()));
        let session = "arn:aws:sts::444455556666:assumed-role/app/i-0123456789abcdef0";
        let no_issuer = changed(&|event| event["userIdentity"]["sessionContext"] = json!({}));
        assert_eq!(no_issuer, both(session, KEY));
        // As the key's account sees a caller from another one.
        let foreign = json!({"type": "AWSAccount", "principalId": "AROAX:i-0", "accountId": "444455556666"});
        assert_eq!(changed(&|event| event["userIdentity"] = foreign.clone()), both(session, KEY));
        let silent = changed(&|event| {
            event["userIdentity"] = foreign.clone();
            event["errorMessage"] = json!("denied");
            event["resources"] = json!([{"ARN": KEY, "accountId": "111122223333", "type": "AWS::KMS::Key"}]);
        });
        assert_eq!(silent, both("444455556666", KEY));
        let by_id = changed(&|event| {
            event["errorMessage"] = json!("denied");
            event["requestParameters"] = json!({"keyId": "0987dcba-09fe-87dc-65ba-ab0987654321"});
        });
        let own = "arn:aws:kms:eu-west-1:444455556666:key/0987dcba-09fe-87dc-65ba-ab0987654321";
        assert_eq!(by_id, both("arn:aws:iam::444455556666:role/team/app", own));
    }

    /// Together they would get more than anybody was refused.
    #[test]
    fn principals_and_keys_that_do_not_belong_together_are_refused() {
        let of = |role: &str, key: &str| {
            let mut event = event();
            let arn = format!("arn:aws:iam::444455556666:role/{role}");
            event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = json!(arn);
            event["resources"] = json!([{"ARN": KEY.replace("1234abcd", key)}]);
            event
        };
        let (mine, yours) = (of("app", "1234abcd"), of("web", "9999abcd"));
        let crossed = [of("app", "9999abcd"), of("web", "1234abcd")];
        let count = |events: &[&Value]| parsed(&json!(events)).map(|all| all.len());
        assert_eq!(count(&[&mine, &crossed[0]]), Ok(2), "one principal");
        assert_eq!(count(&[&mine, &crossed[1]]), Ok(2), "one key");
        assert_eq!(count(&[&mine, &yours, &crossed[0], &crossed[1]]), Ok(4), "each was refused each");
        let message =
            "the events are of several principals and keys, and not each principal was refused each key";
        assert_eq!(count(&[&mine, &yours]), Err(message.to_owned()));
        assert_eq!(count(&[&mine, &yours, &crossed[0]]), Err(message.to_owned()));
    }

    #[test]
    fn what_is_no_refusal_is_told() {
        let other = |member: &str, value: &str| {
            let mut event = event();
            event[member] = json!(value);
            event
        };
        let mut silent = other("errorMessage", "denied");
        silent["userIdentity"] = json!({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"});
        for (form, message) in [
            (json!(1), "no event of CloudTrail"),
            (json!({"Version": "2012-10-17"}), "no event of CloudTrail"),
            (json!({"Records": []}), "0 events and none is a call of a launch that KMS refused"),
            (
                other("eventSource", "ec2.amazonaws.com"),
                "one event and none is a call of a launch that KMS refused",
            ),
            (
                other("errorCode", "DisabledException"),
                "one event and none is a call of a launch that KMS refused",
            ),
            (
                other("eventName", "ScheduleKeyDeletion"),
                "one event and none is a call of a launch that KMS refused",
            ),
            (other("eventName", ""), "the event `e1` does not tell its action"),
            (silent, "the event `e1` does not tell its principal"),
        ] {
            assert_eq!(parsed(&form), Err(message.to_owned()));
        }
        assert!(matches!(parse("{"), Err(TrailError::Json(_))));
        let reencrypted = parse(&other("eventName", "ReEncrypt").to_string()).unwrap();
        assert_eq!(reencrypted.refusals[0].action, "kms:ReEncrypt");
        let mixed = json!([event(), other("eventSource", "ec2.amazonaws.com")]);
        assert_eq!(parse(&mixed.to_string()).unwrap().others, 1);
    }
}
