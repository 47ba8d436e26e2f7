//! The same event in everything that people have it in.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app";

fn event() -> Value {
    json!({
        "eventSource": "kms.amazonaws.com", "eventName": "CreateGrant", "errorCode": "AccessDenied",
        "userIdentity": {
            "type": "AssumedRole", "accountId": "444455556666",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}},
        },
        "resources": [{"ARN": KEY, "accountId": "111122223333"}],
    })
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}

/// What is told of each event: its name, its caller's role, its key.
fn told(bytes: &[u8]) -> Vec<[Option<String>; 3]> {
    let facts = |record: Record| {
        let key = record.list(&["resources"]).first().and_then(|first| {
            first
                .as_object()?
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("arn"))?
                .1
                .as_str()
                .map(str::to_owned)
        });
        let role = record.text(&["userIdentity", "sessionContext", "sessionIssuer", "arn"]);
        [record.text(&["eventName"]), role, key]
    };
    unwrap(bytes).unwrap().into_iter().map(facts).collect()
}

fn expected() -> Vec<[Option<String>; 3]> {
    vec![["CreateGrant", ROLE, KEY].map(|text| Some(text.to_owned()))]
}

#[test]
fn every_form_that_events_come_in() {
    let text = event().to_string();
    let bridge = json!({
        "version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.kms", "account": "444455556666",
        "resources": [], "detail": event(),
    });
    let log =
        json!({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": text}]});
    let subscription = base64(&zipped(log.to_string().as_bytes()));
    let in_sns = json!({"Type": "Notification", "Message": bridge.to_string()});
    let identity = event()["userIdentity"].to_string();
    let resources = event()["resources"].to_string();
    let struct_identity = format!(
        "{{type=AssumedRole, principalid=null, accountid=444455556666, sessioncontext={{attributes={{mfaauthenticated=false}}, \
         sessionissuer={{type=Role, arn={ROLE}, username=app}}}}, inscopeof=null}}"
    );
    let struct_resources = format!("[{{arn={KEY}, accountid=111122223333, type=AWS::KMS::Key}}]");
    let names = ["eventsource", "eventname", "errorcode", "useridentity", "resources"];
    let values = ["kms.amazonaws.com", "CreateGrant", "AccessDenied", &struct_identity, &struct_resources];
    let cells = |cells: [&str; 5]| json!({"Data": cells.map(|cell| json!({"VarCharValue": cell}))});
    let columns: Vec<Value> = names.iter().map(|name| json!({"Name": name})).collect();
    for form in [
        event(),
        json!([event()]),
        json!({"Records": [event()]}),
        json!({"Events": [{"EventId": "e1", "EventName": "CreateGrant", "EventSource": "kms.amazonaws.com",
                           "Resources": [{"ResourceName": KEY}], "CloudTrailEvent": text}], "NextToken": "eyJ0b2tlbiI6MX0="}),
        json!({"EventId": "e1", "EventSource": "kms.amazonaws.com", "CloudTrailEvent": text}),
        json!([text]),
        bridge.clone(),
        json!([bridge]),
        json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": bridge.to_string()}]}),
        json!({"Messages": [{"MessageId": "m", "Body": bridge.to_string()}]}),
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": bridge.to_string()}}]}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": in_sns.to_string()}]}),
        json!({"events": [{"logStreamName": "s", "timestamp": 1, "message": text}], "searchedLogStreams": []}),
        json!({"results": [[{"field": "@timestamp", "value": "t"}, {"field": "@message", "value": text}]],
               "status": "Complete"}),
        json!({"results": [[
            {"field": "eventSource", "value": "kms.amazonaws.com"}, {"field": "eventName", "value": "CreateGrant"},
            {"field": "errorCode", "value": "AccessDenied"},
            {"field": "userIdentity.sessionContext.sessionIssuer.arn", "value": ROLE},
            {"field": "resources", "value": resources},
        ]]}),
        log,
        json!({"awslogs": {"data": subscription}}),
        json!({"Records": [{"kinesis": {"data": subscription}, "eventSource": "aws:kinesis"}]}),
        json!({"Records": [{"kinesis": {"data": base64(text.as_bytes())}, "eventSource": "aws:kinesis"}]}),
        json!({"QueryResultRows": [[{"eventName": "CreateGrant"}, {"errorCode": "AccessDenied"},
                                    {"userIdentity": struct_identity}, {"resources": struct_resources}]]}),
        json!({"QueryResultRows": [[{"eventjson": text}]]}),
        json!([{"eventname": "CreateGrant", "eventsource": "kms.amazonaws.com", "useridentity": identity,
                "resources": resources}]),
        json!([{"eventname": "CreateGrant", "useridentity_sessioncontext_sessionissuer_arn": ROLE,
                "errorcode": "AccessDenied", "resources": [{"arn": KEY}]}]),
        json!({"ResultSet": {"Rows": [cells(names), cells(values)]}}),
        json!({"ResultSet": {"Rows": [cells(names), cells(values)], "ResultSetMetadata": {"ColumnInfo": columns}}}),
        json!({"ResultSet": {"Rows": [cells(values)], "ResultSetMetadata": {"ColumnInfo": columns}}}),
    ] {
        assert_eq!(told(form.to_string().as_bytes()), expected(), "{form}");
        let pretty = serde_json::to_vec_pretty(&form).unwrap();
        assert_eq!(told(&zipped(&pretty)), expected(), "gzip of {form}");
    }
}

#[test]
fn several_texts_in_one_file() {
    let text = event().to_string();
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    assert_eq!(told(&marked), expected());
    assert_eq!(told(format!("{text}\n{text}\r\n\n{text}").as_bytes()).len(), 3);
    let members = [zipped(text.as_bytes()), zipped(b"\n"), zipped(text.as_bytes())].concat();
    assert_eq!(told(&members).len(), 2);
    let other =
        json!({"detail-type": "EC2 Instance State-change Notification", "detail": {"state": "stopped"}});
    assert_eq!(unwrap(other.to_string().as_bytes()).unwrap().len(), 1);
    let lines =
        json!({"events": [{"message": "START RequestId: 1"}, {"message": "{broken"}, {"message": text}]});
    assert_eq!(told(lines.to_string().as_bytes()), expected());
}

#[test]
fn what_can_not_be_read_is_told() {
    let message = |bytes: &[u8]| unwrap(bytes).unwrap_err().to_string();
    let utf16 = |bytes: fn(u16) -> [u8; 2], mark: &[u8]| {
        let text: Vec<u8> = "{}".encode_utf16().flat_map(bytes).collect();
        [mark, &text].concat()
    };
    for bytes in [
        utf16(u16::to_le_bytes, &[0xff, 0xfe]),
        utf16(u16::to_be_bytes, &[0xfe, 0xff]),
        utf16(u16::to_le_bytes, &[]),
        utf16(u16::to_be_bytes, &[]),
    ] {
        assert_eq!(message(&bytes), "text in UTF-16, not in UTF-8");
    }
    assert_eq!(message(b"\"\xff\""), "no text in UTF-8");
    assert!(message(&[0x1f, 0x8b, 8, 0]).starts_with("can't be unpacked as gzip: "));
    let cut_off = event().to_string();
    let cut_off = &cut_off[..cut_off.len() - 3];
    assert!(message(cut_off.as_bytes()).starts_with("not JSON: "));
    let in_a_log = json!({"events": [{"message": cut_off}]});
    assert!(message(in_a_log.to_string().as_bytes()).starts_with("not JSON: "), "an event is lost");
    assert!(message("[".repeat(200).as_bytes()).contains("recursion limit"));
    let nested = (0..26).fold(event(), |inner, _| json!({"data": base64(inner.to_string().as_bytes())}));
    assert_eq!(message(nested.to_string().as_bytes()), "wrapped more than 24 times");
    let deep = format!("{}{}{}", "[".repeat(100), event(), "]".repeat(100));
    assert_eq!(message(deep.as_bytes()), "wrapped more than 24 times");
}

/// A little that unpacks to very much.
#[test]
fn what_is_unpacked_is_bounded() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let block = vec![b' '; 1 << 20];
    (0..130).for_each(|_| encoder.write_all(&block).unwrap());
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    assert_eq!(unwrap(&bomb), Err(RecordsError::TooLarge(MOST_TEXT as u64)));
}
