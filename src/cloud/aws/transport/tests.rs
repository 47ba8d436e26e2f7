//! On the virtual clock, with answers in the network's place.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::SystemTime;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::http_client_fn;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures_util::future::{join_all, try_join_all};
use tokio::time::{Instant, sleep};

use super::*;
use crate::cloud::CloudErrorKind;
use crate::cloud::aws::errors::Call;
use crate::cloud::aws::session::{Session, Whose};
use crate::cloud::aws::{kms, retries, write};
use crate::observation::Caller;

/// What is answered to a call of a name: a status and a body.
type Answer = dyn Fn(&str) -> (u16, String) + Send + Sync;

#[derive(Default)]
struct Counts {
    in_flight: usize,
    most_in_flight: usize,
    calls: BTreeMap<String, usize>,
}

/// A network in which every call takes as long.
#[derive(Clone)]
struct Network {
    takes: Duration,
    answer: Arc<Answer>,
    counts: Arc<Mutex<Counts>>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    fn new(takes: Duration, answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self { takes, answer: Arc::new(answer), counts: Arc::default() }
    }

    fn of(&self, call: &str) -> usize {
        self.counts.lock().unwrap().calls.get(call).copied().unwrap_or_default()
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let (_, operation) = signed(&request).unwrap();
            {
                let mut counts = this.counts.lock().unwrap();
                *counts.calls.entry(operation.clone()).or_default() += 1;
                counts.in_flight += 1;
                counts.most_in_flight = counts.most_in_flight.max(counts.in_flight);
            }
            sleep(this.takes).await;
            this.counts.lock().unwrap().in_flight -= 1;
            let (status, body) = (this.answer)(&operation);
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
        })
    }
}

fn good(operation: &str) -> (u16, String) {
    let body = match operation {
        "kms:GetKeyPolicy" => r#"{"Policy":"{}","PolicyName":"default"}"#,
        "iam:GetRole" => {
            "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>app</RoleName><RoleId>A</RoleId><Arn>a</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult></GetRoleResponse>"
        }
        "iam:DeletePolicy" => "<DeletePolicyResponse></DeletePolicyResponse>",
        "iam:ListRolePolicies" => {
            "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames/></ListRolePoliciesResult>\
             </ListRolePoliciesResponse>"
        }
        _ => "{}",
    };
    (200, body.to_owned())
}

fn refused(operation: &str, code: &str) -> String {
    if operation.starts_with("kms:") {
        return format!(r#"{{"__type":"{code}","message":"told to"}}"#);
    }
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>told to</Message></Error></ErrorResponse>")
}

/// Credentials of an account that is known, over a network.
fn session(network: &Network) -> Session {
    let network = SharedHttpConnector::new(network.clone());
    session_over(http_client_fn(move |_, _| network.clone()))
}

fn session_over(connections: SharedHttpClient) -> Session {
    let carriage = Carriage::new(connections, Reads::new(Arc::default()));
    let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .retry_config(retries::of_reads(None, false))
        .build();
    let account = "111122223333".parse().unwrap();
    let known = Caller { account, arn: format!("arn:aws:iam::{account}:user/ann") };
    Session::new(Whose::Default, config, carriage, None, Some(known))
}

async fn key_policies(session: &Session, count: usize) -> Result<Duration, String> {
    let start = Instant::now();
    let kms = session.kms("eu-west-1");
    let reads = (0..count).map(|number| {
        let request = kms.get_key_policy().key_id(format!("key-{number}")).send();
        async { request.await.map_err(|error| format!("{error:?}")) }
    });
    try_join_all(reads).await?;
    Ok(start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn reads_go_a_few_at_a_time_and_writes_wait_for_none() {
    let network = Network::new(Duration::from_millis(50), good);
    let session = session(&network);
    let took = key_policies(&session, 1000).await.unwrap();
    assert_eq!(network.counts.lock().unwrap().most_in_flight, READS);
    assert!(took <= Duration::from_millis(50) * 1000u32.div_ceil(80), "{took:?}");

    // Behind as many reads as there are, a write goes at once.
    let start = Instant::now();
    let write = async {
        tokio::task::yield_now().await;
        let call =
            Call { operation: "kms:PutKeyPolicy", resource: "key".to_owned(), account: None, region: None };
        kms::put_key_policy(&session.kms("eu-west-1"), &call, "{}").await.unwrap();
        let call = Call { operation: "iam:DeletePolicy", ..call };
        write::delete_policy(session.iam(), &call).await.unwrap();
        start.elapsed()
    };
    let (reads, write) = tokio::join!(key_policies(&session, 1000), write);
    assert!(reads.unwrap() > Duration::from_millis(500));
    assert_eq!(write, Duration::from_millis(100));
}

/// Three throttles on each of five operations, one after the other.
#[tokio::test(start_paused = true)]
async fn throttling_costs_what_it_must() {
    let seen = Mutex::new(BTreeMap::<String, usize>::new());
    let network = Network::new(Duration::ZERO, move |operation| {
        let mut seen = seen.lock().unwrap();
        let times = seen.entry(operation.to_owned()).or_default();
        *times += 1;
        if *times <= 3 { (400, refused(operation, "ThrottlingException")) } else { good(operation) }
    });
    let session = session(&network);
    let (kms, iam) = (session.kms("eu-west-1"), session.iam());
    let start = Instant::now();
    kms.describe_key().key_id("key").send().await.unwrap();
    kms.get_key_policy().key_id("key").send().await.unwrap();
    kms.list_grants().key_id("key").send().await.unwrap();
    iam.get_role().role_name("app").send().await.unwrap();
    iam.list_role_policies().role_name("app").send().await.unwrap();
    let took = start.elapsed();
    assert!(took <= Duration::from_secs(15), "{took:?}");
    assert_eq!(network.of("iam:GetRole"), 4);
}

/// How long a thousand reads take when every third call fails.
async fn every_third(status: u16, code: &'static str) -> Duration {
    let calls = Mutex::new(0);
    let network = Network::new(Duration::from_millis(20), move |operation| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        if *calls % 3 == 0 { (status, refused(operation, code)) } else { good(operation) }
    });
    key_policies(&session(&network), 1000).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_third_call_throttled_takes_no_longer_than_every_third_failing() {
    let throttled = every_third(400, "ThrottlingException").await;
    let failing = every_third(500, "KMSInternalException").await;
    assert!(throttled <= failing * 2 && throttled <= Duration::from_secs(15), "{throttled:?}, {failing:?}");
}

/// IAM refuses what comes faster than others ask for it; nothing does.
#[tokio::test(start_paused = true)]
async fn a_hundred_roles_are_read_without_a_refusal() {
    let bucket = Mutex::new(BTreeMap::<String, (f64, Instant)>::new());
    let network = Network::new(Duration::from_millis(20), move |operation| {
        let mut bucket = bucket.lock().unwrap();
        let (tokens, last) = bucket.entry(operation.to_owned()).or_insert((30.0, Instant::now()));
        *tokens = (*tokens + last.elapsed().as_secs_f64() * 15.0).min(30.0);
        *last = Instant::now();
        if *tokens < 1.0 {
            return (400, refused(operation, "Throttling"));
        }
        *tokens -= 1.0;
        good(operation)
    });
    let session = session(&network);
    let start = Instant::now();
    let one = async || {
        let (role, policies) = tokio::join!(
            session.iam().get_role().role_name("app").send(),
            session.iam().list_role_policies().role_name("app").send()
        );
        role.unwrap();
        policies.unwrap();
    };
    one().await;
    assert_eq!(start.elapsed(), Duration::from_millis(20), "one role waits for nothing");
    join_all((1..100).map(|_| one())).await;
    assert_eq!(
        (network.of("iam:GetRole"), network.of("iam:ListRolePolicies")),
        (100, 100),
        "none is made twice"
    );
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

/// Others use the account, so that AWS takes a twentieth of what it publishes.
#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_ends() {
    let bucket = Mutex::new((50.0_f64, Instant::now()));
    let network = Network::new(Duration::from_millis(20), move |operation| {
        let mut bucket = bucket.lock().unwrap();
        let (tokens, last) = &mut *bucket;
        *tokens = (*tokens + last.elapsed().as_secs_f64() * 50.0).min(50.0);
        *last = Instant::now();
        if *tokens < 1.0 {
            return (400, refused(operation, "ThrottlingException"));
        }
        *tokens -= 1.0;
        good(operation)
    });
    let took = key_policies(&session(&network), 1500).await.unwrap();
    // What AWS gives takes half a minute.
    assert!(took <= Duration::from_mins(1), "{took:?}");
    let calls = network.of("kms:GetKeyPolicy");
    assert!(calls <= 3500, "{calls}");
}

/// A server that begins to answer, and never comes to the end.
#[tokio::test]
async fn the_rest_of_an_answer_is_not_waited_for_long() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        _ = stream.read(&mut [0; 4096]).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{{").unwrap();
        // Until the client hangs up.
        _ = stream.read(&mut [0; 1]);
    });
    let carriage = Carriage::new(
        SharedHttpClient::new(Connections::new(TlsContext::default())),
        Reads::new(Arc::default()),
    );
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "A", "secret", None, None, "test",
        )))
        .retry_config(retries::of_reads(Some(&RetryConfig::disabled()), true))
        .timeout_config(TimeoutConfig::builder().read_timeout(Duration::from_millis(200)).build())
        .build();
    let session = Session::new(Whose::Default, config, carriage, None, None);
    let start = Instant::now();
    let error = key_policies(&session, 1).await.unwrap_err();
    assert!(error.contains("Timeout"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// AWS's clock, an hour ahead of this machine's: it refuses what is signed by this one, and tells its own time.
#[derive(Debug, Clone, Default)]
struct Ahead(Arc<Mutex<Vec<bool>>>);

impl HttpConnector for Ahead {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let theirs = DateTime::from(SystemTime::now() + Duration::from_hours(1));
        let stamp = request.headers().get("x-amz-date").unwrap();
        let (date, time) = stamp.split_once('T').unwrap();
        let text = format!(
            "{}-{}-{}T{}:{}:{}Z",
            &date[..4],
            &date[4..6],
            &date[6..],
            &time[..2],
            &time[2..4],
            &time[4..6]
        );
        let signed = DateTime::from_str(&text, Format::DateTime).unwrap();
        let is_good = (theirs.secs() - signed.secs()).abs() < 300;
        self.0.lock().unwrap().push(is_good);
        let (status, body) = if is_good {
            good("kms:GetKeyPolicy")
        } else {
            (400, refused("kms:", "InvalidSignatureException"))
        };
        let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        answer.headers_mut().insert("date", theirs.fmt(Format::HttpDate).unwrap());
        HttpConnectorFuture::ready(Ok(answer))
    }
}

/// The SDK signs anew by AWS's clock; a write, which is tried once, is signed by it too, if a read came before.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_told_where_it_can_t_be_helped() {
    let put = Call { operation: "kms:PutKeyPolicy", resource: "key".to_owned(), account: None, region: None };
    let ahead = Ahead::default();
    let session_to = |ahead: &Ahead| {
        let network = SharedHttpConnector::new(ahead.clone());
        session_over(http_client_fn(move |_, _| network.clone()))
    };
    let session = session_to(&ahead);
    key_policies(&session, 1).await.unwrap();
    kms::put_key_policy(&session.kms("eu-west-1"), &put, "{}").await.unwrap();
    assert_eq!(*ahead.0.lock().unwrap(), [false, true, true]);

    let error = kms::put_key_policy(&session_to(&ahead).kms("eu-west-1"), &put, "{}").await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::ClockSkew, "{error}");
    assert!(error.message.starts_with("told to: the clock of this machine is "), "{error}");
    assert!(error.message.ends_with(" behind AWS's"), "{error}");
}

#[test]
fn calls_are_known_by_their_signature() {
    let request = |target: Option<&'static str>, body: &'static str, authorization: &'static str| {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.headers_mut().insert("authorization", authorization);
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target);
        }
        signed(&request)
    };
    let told = |region: &str, operation: &str| Some((region.to_owned(), operation.to_owned()));
    let of = "AWS4-HMAC-SHA256 Credential=AKIA/20261127/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=0";
    assert_eq!(request(Some("TrentService.GetKeyPolicy"), "{}", of), told("eu-west-1", "kms:GetKeyPolicy"));
    let of = "AWS4-HMAC-SHA256 Credential=AKIA/20261127/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
    assert_eq!(
        request(None, "Action=GetRole&Version=2010-05-08&RoleName=a", of),
        told("us-east-1", "iam:GetRole")
    );
    for (body, authorization) in
        [("Version=1", of), ("Action=GetRole", "Bearer abc"), ("Action=GetRole", "Credential=a/b")]
    {
        assert_eq!(request(None, body, authorization), None, "{body} {authorization}");
    }
}
