use serde_json::{Value, json};

use super::incident::Launcher;
use super::*;
use crate::access::NoGrantee;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const SESSION: &str = "arn:aws:sts::444455556666:assumed-role/app/i-0123456789abcdef0";
const ROLE: &str = "arn:aws:iam::444455556666:role/team/app";

fn event() -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": SESSION,
            "accountId": "444455556666",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}},
        },
        "eventSource": "kms.amazonaws.com",
        "eventName": "CreateGrant",
        "awsRegion": "eu-west-1",
        "errorCode": "AccessDenied",
        "errorMessage": format!(
            "User: {SESSION} is not authorized to perform: kms:CreateGrant on resource: {KEY} because no resource-based \
             policy allows the kms:CreateGrant action"
        ),
        "requestParameters": null,
        "eventID": "e1",
    })
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = event();
    change(&mut event);
    event
}

fn trail(value: &Value) -> Result<Trail, String> {
    parse(value.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// Who, what and which key.
fn parsed(value: &Value) -> Result<Vec<(String, String, String)>, String> {
    let key = |key: Option<KeyArn>| key.map_or("untold".to_owned(), |key| key.to_string());
    let facts = |refusal: Refusal| (refusal.principal.to_string(), refusal.action, key(refusal.key));
    trail(value).map(|trail| trail.refusals.into_iter().map(facts).collect())
}

#[test]
fn who_and_which_key_wherever_they_stand() {
    let who = |change: &dyn Fn(&mut Value)| {
        parsed(&changed(change)).map(|mut all| all.remove(0)).map(|(who, _, key)| (who, key))
    };
    let both = |who: &str, key: &str| Ok((who.to_owned(), key.to_owned()));
    let no_issuer = who(&|event| event["userIdentity"]["sessionContext"] = json!({}));
    assert_eq!(no_issuer, both(SESSION, KEY));
    // As the key's account sees a caller from another one.
    let foreign = json!({"type": "AWSAccount", "principalId": "AROAEXAMPLEEXAMPLE123:i-0", "accountId": "444455556666"});
    assert_eq!(who(&|event| event["userIdentity"] = foreign.clone()), both(SESSION, KEY));
    let by_id = who(&|event| {
        event["errorMessage"] = json!("denied");
        event["requestParameters"] = json!({"keyId": "0987dcba-09fe-87dc-65ba-ab0987654321"});
    });
    let own = "arn:aws:kms:eu-west-1:444455556666:key/0987dcba-09fe-87dc-65ba-ab0987654321";
    assert_eq!(by_id, both(ROLE, own));
    let listed = who(&|event| {
        event["errorMessage"] = json!("denied");
        event["resources"] = json!([{"ARN": KEY, "accountId": "111122223333", "type": "AWS::KMS::Key"}]);
    });
    assert_eq!(listed, both(ROLE, KEY));
    // As the caller's account sees a key of another one.
    let untold = changed(|event| {
        event["errorMessage"] = json!(format!(
            "User: {SESSION} is not authorized to perform: kms:CreateGrant on this resource because the resource does not \
             exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies \
             access"
        ));
    });
    assert_eq!(parsed(&untold).unwrap()[0].2, "untold");
    assert_eq!(trail(&untold).unwrap().keyless.as_deref(), Some("e1"));
    let of_a_user =
        json!({"type": "IAMUser", "arn": "arn:aws:iam::444455556666:user/jo", "accountId": "444455556666"});
    assert_eq!(
        who(&|event| event["userIdentity"] = of_a_user.clone()),
        both("arn:aws:iam::444455556666:user/jo", KEY)
    );
    let federated = json!({
        "type": "FederatedUser", "arn": "arn:aws:sts::444455556666:federated-user/jo", "accountId": "444455556666",
        "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": "arn:aws:iam::444455556666:user/broker"}},
    });
    assert_eq!(
        who(&|event| event["userIdentity"] = federated.clone()),
        both("arn:aws:iam::444455556666:user/broker", KEY)
    );
}

/// Whoever is no user and no role is no grantee, and never its account.
#[test]
fn a_caller_that_can_be_no_grantee_is_told_with_the_reason() {
    use NoGrantee::{Account, AwsOwnRole, Federated, Group, IdAlone, IdentityOnlyRole, Service, Unknown};
    let own = "aws:ec2-infrastructure";
    let issuer = format!("arn:aws:iam::444455556666:role/{own}");
    let session = format!("arn:aws:sts::444455556666:assumed-role/{own}/i-0a0a0a0a0a0a0a0a0");
    let id = format!("444455556666:{own}:i-0a0a0a0a0a0a0a0a0");
    let account = "444455556666";
    for (identity, reason, account) in [
        (
            json!({"type": "AssumedRole", "arn": session, "accountId": account,
                   "sessionContext": {"sessionIssuer": {"type": "Role", "arn": issuer}}}),
            IdentityOnlyRole,
            Some(account),
        ),
        (json!({"type": "AssumedRole", "arn": session}), IdentityOnlyRole, None),
        (
            json!({"type": "AWSAccount", "principalId": id, "accountId": account}),
            IdentityOnlyRole,
            Some(account),
        ),
        (
            json!({"type": "AssumedRole", "principalId": id, "arn": "arn:aws:iam::444455556666:role/x"}),
            IdentityOnlyRole,
            None,
        ),
        (
            json!({"type": "AssumedRole", "arn": "arn:aws:sts::444455556666:assumed-role/aws:ec2-instance/i-0"}),
            AwsOwnRole,
            None,
        ),
        (
            json!({"type": "Root", "arn": "arn:aws:iam::444455556666:root", "accountId": account}),
            Account,
            Some(account),
        ),
        (
            json!({"type": "FederatedUser", "arn": "arn:aws:sts::444455556666:federated-user/jo", "accountId": account,
                   "sessionContext": {"sessionIssuer": {"type": "Root", "arn": "arn:aws:iam::444455556666:root"}}}),
            Federated,
            Some(account),
        ),
        (
            json!({"type": "WebIdentityUser", "principalId": "accounts.google.com:x.apps.googleusercontent.com:1",
                   "userName": "1"}),
            Federated,
            None,
        ),
        (json!({"type": "SAMLUser", "userName": "jo"}), Federated, None),
        (json!({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}), Service, None),
        (
            json!({"type": "AWSAccount", "principalId": "AROAEXAMPLEEXAMPLE123:s", "accountId": account}),
            IdAlone,
            Some(account),
        ),
        (
            json!({"type": "AWSAccount", "principalId": "AIDAEXAMPLEEXAMPLE123", "accountId": account}),
            IdAlone,
            Some(account),
        ),
        (json!({"type": "AWSAccount", "accountId": account}), Unknown, Some(account)),
        (
            json!({"type": "Newer", "arn": "arn:aws:new::444455556666:thing/x", "accountId": account}),
            Unknown,
            Some(account),
        ),
        (json!({"type": "IAMUser", "arn": "arn:aws:iam::444455556666:group/ops"}), Group, None),
        (json!(null), Unknown, None),
    ] {
        let event = changed(|event| {
            event["userIdentity"] = identity.clone();
            event["errorMessage"] = json!("denied");
            event["resources"] = json!([{"ARN": KEY}]);
        });
        let trail = trail(&event).unwrap();
        assert_eq!(trail.refusals, [], "{identity}");
        let [stranger] = trail.strangers.as_slice() else { panic!("{identity}") };
        assert_eq!(stranger.reason, reason, "{identity}");
        assert_eq!(stranger.account.map(|account| account.to_string()).as_deref(), account, "{identity}");
        assert_eq!(stranger.key.as_ref().map(ToString::to_string).as_deref(), Some(KEY), "{identity}");
    }
}

/// Together they would get more than anybody was refused.
#[test]
fn principals_and_keys_that_do_not_belong_together_are_refused() {
    let of = |role: &str, key: &str| {
        changed(|event| {
            let arn = format!("arn:aws:iam::444455556666:role/{role}");
            event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = json!(arn);
            event["resources"] = json!([{"ARN": KEY.replace("1234abcd", key)}]);
        })
    };
    let (mine, yours) = (of("app", "1234abcd"), of("web", "9999abcd"));
    let crossed = [of("app", "9999abcd"), of("web", "1234abcd")];
    let untold = changed(|event| {
        event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] =
            json!("arn:aws:iam::444455556666:role/web");
        event["errorMessage"] = json!("denied");
    });
    let count = |events: &[&Value]| parsed(&json!(events)).map(|all| all.len());
    assert_eq!(count(&[&mine, &crossed[0]]), Ok(2), "one principal");
    assert_eq!(count(&[&mine, &crossed[1]]), Ok(2), "one key");
    assert_eq!(count(&[&mine, &yours, &crossed[0], &crossed[1]]), Ok(4), "each was refused each");
    let message =
        "the events are of several principals and keys, and not each principal was refused each key";
    assert_eq!(count(&[&mine, &yours]), Err(message.to_owned()));
    assert_eq!(count(&[&mine, &yours, &crossed[0]]), Err(message.to_owned()));
    assert_eq!(count(&[&mine, &untold]), Err(message.to_owned()), "which key is not told");
}

#[test]
fn what_is_no_refusal_is_told() {
    let other = |member: &str, value: &str| changed(|event| event[member] = json!(value));
    let none = "one event and none is a call of a launch that KMS refused";
    for (form, message) in [
        (json!(1), "no event of CloudTrail"),
        (json!({"Version": "2012-10-17"}), "no event of CloudTrail"),
        (json!({"Records": []}), "0 events and none is a call of a launch that KMS refused"),
        (other("eventSource", "ec2.amazonaws.com"), none),
        (other("errorCode", "DisabledException"), none),
        (other("eventName", "ScheduleKeyDeletion"), none),
        (other("eventName", ""), "the event `e1` does not tell its action"),
    ] {
        assert_eq!(parsed(&form), Err(message.to_owned()));
    }
    assert!(matches!(parse(b"{"), Err(TrailError::Records(RecordsError::Json(_)))));
    assert_eq!(parsed(&other("eventName", "ReEncrypt")).unwrap()[0].1, "kms:ReEncrypt");
    let mixed = json!([event(), other("eventSource", "ec2.amazonaws.com")]);
    assert_eq!(trail(&mixed).unwrap().others, 1);
}

/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html>
#[test]
fn ebs_tells_a_key_and_nobody() {
    let volume = "arn:aws:ec2:eu-west-1:444455556666:volume/vol-01234567";
    let event = |result: &str, cause: &str| {
        json!({
            "version": "0", "id": "n1", "detail-type": "EBS Volume Notification", "source": "aws.ec2",
            "account": "444455556666", "region": "eu-west-1", "resources": [volume],
            "detail": {"event": "attachVolume", "result": result, "cause": cause, "request-id": ""},
        })
    };
    for cause in
        [format!("{KEY} is disabled."), format!("volume failed to attach: '{KEY}' is pending deletion")]
    {
        let trail = trail(&event("failed", &cause)).unwrap();
        let [notice] = trail.notices.as_slice() else { panic!("{cause}") };
        assert_eq!(notice.key.as_ref().unwrap().to_string(), KEY);
        assert_eq!((notice.subject.as_str(), notice.launcher.clone(), trail.keyless), (volume, None, None));
    }
    let none = Err("one event and none is a call of a launch that KMS refused".to_owned());
    assert_eq!(trail(&event("available", "")), none);
    assert_eq!(trail(&event("failed", "volume limit exceeded")), none);
}

/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html>
#[test]
fn auto_scaling_tells_who_launched() {
    let event = |message: &str| {
        json!({
            "version": "0", "id": "n1", "detail-type": "EC2 Instance Launch Unsuccessful",
            "source": "aws.autoscaling", "account": "444455556666", "region": "eu-west-1",
            "resources": ["arn:aws:autoscaling:eu-west-1:444455556666:autoScalingGroup:x:autoScalingGroupName/web"],
            "detail": {
                "StatusCode": "Failed", "AutoScalingGroupName": "web", "ActivityId": "a", "StatusMessage": message,
                "Cause": "an instance was started in response to a difference between desired and actual capacity",
            },
        })
    };
    let role = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let told = |value: &Value| {
        let trail = trail(value).unwrap();
        let notice = trail.notices[0].clone();
        let key = notice.key.map(|key| key.to_string());
        (notice.launcher.map(|launcher| launcher.to_string()), key, trail.keyless)
    };
    let unkeyed = "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: \
                   Client.InternalError: Client error on launch";
    assert_eq!(told(&event(unkeyed)), (Some(role.to_owned()), None, Some("web".to_owned())));
    let keyed = format!("Invalid KMS key {KEY}. Launching EC2 instance failed.");
    assert_eq!(told(&event(&keyed)), (Some(role.to_owned()), Some(KEY.to_owned()), None));
    // As `aws autoscaling describe-scaling-activities` prints it.
    let activities = json!({"Activities": [{
        "AutoScalingGroupName": "web", "StatusCode": "Failed", "StatusMessage": unkeyed,
        "AutoScalingGroupARN": "arn:aws:autoscaling:eu-west-1:444455556666:autoScalingGroup:x:autoScalingGroupName/web",
    }]});
    assert_eq!(told(&activities).0.as_deref(), Some(role));
    let none = Err("one event and none is a call of a launch that KMS refused".to_owned());
    assert_eq!(trail(&event("We currently do not have sufficient t3.micro capacity")), none);
}

#[test]
fn what_ec2_refused_itself_says_nothing_of_keys() {
    let of_ec2 = |message: &str| {
        changed(|event| {
            event["eventSource"] = json!("ec2.amazonaws.com");
            event["eventName"] = json!("RunInstances");
            event["errorCode"] = json!("Client.UnauthorizedOperation");
            event["errorMessage"] = json!(message);
        })
    };
    let message = "You are not authorized to perform this operation. Encoded authorization failure message: XQ_jqde5rHje";
    let alone = parse(of_ec2(message).to_string().as_bytes());
    assert!(
        matches!(&alone, Err(TrailError::RefusedByEc2 { operation, message }) if operation == "RunInstances"
            && how_to_decode(message).ends_with("aws sts decode-authorization-message --encoded-message XQ_jqde5rHje")),
        "{alone:?}"
    );
    assert!(!how_to_decode("You are not authorized").contains("decode"));
    let hostile = how_to_decode("Encoded authorization failure message: $(x);y");
    assert!(hostile.ends_with("'$(x);y'"), "{hostile}");
    let mixed = trail(&json!([event(), of_ec2(message)])).unwrap();
    assert_eq!((mixed.refusals.len(), mixed.notices.len(), mixed.others), (1, 1, 0));
}

/// What is told of principals and keys, one after the other.
fn told_apart(value: &Value) -> incident::Incidents {
    incident::incidents(value.to_string().as_bytes()).unwrap()
}

#[test]
fn principals_and_keys_are_told_apart_with_all_that_was_refused_of_each() {
    let at = |action: &str, time: Option<&str>, issuer: &str| {
        changed(|event| {
            event["eventName"] = json!(action);
            event["eventTime"] = json!(time);
            event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = json!(issuer);
        })
    };
    let other = "arn:aws:iam::444455556666:role/other";
    let fail = "volume failed to attach";
    let ebs = json!({
        "id": "n1", "detail-type": "EBS Volume Notification", "time": "2026-11-20T09:00:00Z",
        "resources": ["arn:aws:ec2:eu-west-1:444455556666:volume/vol-01234567"],
        "detail": {"event": "attachVolume", "result": "failed", "cause": format!("{fail}: '{KEY}' is pending deletion")},
    });
    let records = json!({"Records": [
        at("CreateGrant", Some("2026-11-20T09:00:02Z"), ROLE),
        at("CreateGrant", None, other),
        at("Decrypt", Some("2026-11-20T09:00:05Z"), ROLE),
        at("Decrypt", Some("2026-11-20T09:00:01Z"), ROLE),
        at("DisableKey", Some("2026-11-20T09:00:09Z"), ROLE),
        ebs,
        at("Decrypt", Some("no time"), other),
    ]});
    let incidents = told_apart(&records);
    let facts = |incident: &incident::Incident| {
        let actions: Vec<String> = incident.trail.refusals.iter().map(|own| own.action.clone()).collect();
        let time = incident.time.map(|time| time.unix_timestamp() % 60);
        (incident.principal.name(), actions, time, incident.trail.notices.len(), incident.event.clone())
    };
    let both = || vec!["kms:CreateGrant".to_owned(), "kms:Decrypt".to_owned()];
    let expected = [
        (Some(ROLE.to_owned()), both(), Some(5), 0, "e1".to_owned()),
        (Some(other.to_owned()), both(), None, 0, "e1".to_owned()),
        (None, vec![], Some(0), 1, "n1".to_owned()),
    ];
    assert_eq!(incidents.found.iter().map(facts).collect::<Vec<_>>(), expected);
    assert!(incidents.found.iter().all(|incident| incident.key.as_ref().unwrap().to_string() == KEY));
    assert_eq!((incidents.others, incidents.own, incidents.incomplete.len()), (1, 0, 0));
}

#[test]
fn one_event_that_tells_too_little_keeps_no_other_from_being_read() {
    let incidents = told_apart(&json!([changed(|event| event["eventName"] = json!("")), event()]));
    let incomplete: Vec<String> = incidents.incomplete.iter().map(ToString::to_string).collect();
    assert_eq!(incomplete, ["the event `e1` does not tell its action"]);
    assert_eq!(incidents.found.len(), 1);
    for none in ["{}", "{\"a\": {\"b\": 1}}", "1"] {
        assert_eq!(incident::incidents(none.as_bytes()).unwrap_err(), TrailError::Form, "{none}");
    }
    assert!(incident::incidents(b"{\"Records\": []}").unwrap().found.is_empty());
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html>
#[test]
fn calls_of_this_program_are_known_by_their_agent() {
    let by = |agent: &str| told_apart(&changed(|event| event["userAgent"] = json!(agent)));
    let sdk = "aws-sdk-rust/1.3.9 ua/2.1 api/kms/1.90.0 os/linux lang/rust/1.95.0 m/E,b";
    for own in [format!("{sdk} app/keymend"), format!("[{sdk} app/keymend]"), format!("app/keymend, {sdk}")] {
        let incidents = by(&own);
        assert_eq!((incidents.own, incidents.found.len()), (1, 0), "{own}");
    }
    for other in [sdk, "", "app/keymender", "xapp/keymend", "ec2-frontend-api.amazonaws.com", "keymend"] {
        let incidents = by(other);
        assert_eq!((incidents.own, incidents.found.len()), (0, 1), "{other}");
    }
}

#[test]
fn a_caller_is_known_by_its_role_or_by_itself() {
    let role = || Launcher::Named(ROLE.parse().unwrap());
    let user = || Launcher::Named("arn:aws:iam::444455556666:user/jo".parse().unwrap());
    let root = "arn:aws:iam::444455556666:root";
    let stranger = || Launcher::Stranger(root.to_owned(), None);
    for (principal, caller, is_it) in [
        (role(), SESSION, true),
        (role(), "arn:aws:sts::444455556666:assumed-role/APP/another", true),
        (role(), "arn:aws:sts::111122223333:assumed-role/app/i-0123456789abcdef0", false),
        (role(), "arn:aws:sts::444455556666:assumed-role/apps/i-0123456789abcdef0", false),
        (role(), "arn:aws:iam::444455556666:user/app", false),
        (Launcher::Named(SESSION.parse().unwrap()), "arn:aws:sts::444455556666:assumed-role/app/x", true),
        (user(), "arn:aws:iam::444455556666:user/jo", true),
        (user(), "arn:aws:sts::444455556666:assumed-role/jo/x", false),
        (stranger(), root, true),
        (stranger(), "arn:aws:iam::111122223333:root", false),
        (Launcher::Nobody, root, false),
        (Launcher::Nobody, "", false),
    ] {
        assert_eq!(principal.is_caller(caller), is_it, "{principal:?} {caller}");
    }
}
