//! A fleet whose records are in a bucket, over the wire: against moto's S3, and against a server that answers as it is told.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use keymend::apply::journal::{Backend, History, Journals};
use keymend::cloud::CloudErrorKind;
use keymend::cloud::aws::{Aws, AwsOptions, Bucket, Made};
use keymend::cloud::store::Store;
use keymend::fleet::lease::{Lease, LeaseError};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::fleet::workers::respected_and_taken_over;
use crate::fleet::{Fleet, comparable, count, digest};
use crate::moto::{Account, Moto, Operator, Proxy, REGION, read_request};
use crate::scene::{Ran, Scene};
use crate::wire_ec2::options;

/// The name of a new bucket.
fn bucket(moto: &Moto) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let name = format!("fleet-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let body = format!(
        "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    );
    let mut server = TcpStream::connect(("127.0.0.1", moto.port())).unwrap();
    let head = format!(
        "PUT /{name} HTTP/1.1\r\nHost: s3.{REGION}.amazonaws.com\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    server.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
    name
}

/// What the program finds in its environment, to reach moto.
fn variables(moto: &Moto) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", moto.endpoint()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
    ]
}

/// A fleet on a world, with its records in a bucket.
fn in_bucket(fleet: Fleet) -> (Fleet, String) {
    let moto = Moto::shared();
    let name = bucket(moto);
    (Fleet { dir: format!("s3://{name}/fleets/one"), variables: variables(moto), ..fleet }, name)
}

/// The bucket as an operator has it.
async fn opened(name: &str, prefix: &str) -> Bucket {
    static OPERATOR: OnceCell<Operator> = OnceCell::const_new();
    let operator = OPERATOR.get_or_init(async || {
        let moto = Moto::shared();
        Operator::new(moto.endpoint(), &[&Account::new(moto).await])
    });
    Aws::connect(&options(operator.await, &[])).await.unwrap().bucket(name, prefix)
}

/// S3 as somebody has it who is told what to answer to each request, with the requests.
struct S3 {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl S3 {
    /// Status, further headers and body of each answer, the last one again and again.
    fn telling(answers: &'static [(u16, &'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let request = read_request(&client).unwrap_or_default();
                let mut seen = seen.lock().unwrap();
                let (status, headers, body) = answers[seen.len().min(answers.len() - 1)];
                seen.push(String::from_utf8(request).unwrap());
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} .\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                // A client that hangs up is no concern of the server's.
                _ = { &client }.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { endpoint, requests }
    }

    async fn bucket(&self) -> Bucket {
        static HOME: OnceLock<TempDir> = OnceLock::new();
        let home = HOME.get_or_init(|| {
            let home = tempfile::tempdir().unwrap();
            let config =
                "[profile s3]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n";
            fs::write(home.path().join("config"), config).unwrap();
            home
        });
        let options = AwsOptions {
            profile: Some("s3".to_owned()),
            region: Some(REGION.to_owned()),
            endpoint_url: Some(self.endpoint.clone()),
            config_file: Some(home.path().join("config")),
            ..AwsOptions::default()
        };
        Aws::connect(&options).await.unwrap().bucket("fleet", "one")
    }

    /// The first lines of what was asked.
    fn asked(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| request.split(" HTTP/").next().unwrap().to_owned()).collect()
    }

    /// The program's `fleet status`.
    fn status(&self) -> Ran {
        let scene = Scene::with_text("");
        let line = "fleet status --dir s3://fleet/one";
        let variables = [
            ("AWS_ENDPOINT_URL_S3", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", REGION),
            ("AWS_MAX_ATTEMPTS", "2"),
        ];
        scene.run_command(scene.command(line).envs(variables), line)
    }
}

const SLOW: (u16, &str, &str) =
    (503, "", "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
const DENIED: (u16, &str, &str) = (
    403,
    "x-amz-request-id: 4442587FB7D0A2F9\r\n",
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
);
const ABSENT: (u16, &str, &str) = (404, "", "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>");
const MOVED: (u16, &str, &str) = (
    301,
    "x-amz-bucket-region: eu-central-1\r\n",
    "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>",
);
const THERE: (u16, &str, &str) =
    (412, "", "<Error><Code>PreconditionFailed</Code><Message>there</Message></Error>");
const AT_ONCE: (u16, &str, &str) =
    (409, "", "<Error><Code>ConditionalRequestConflict</Code><Message>two</Message></Error>");

#[tokio::test]
async fn what_passes_is_asked_again_and_a_bucket_is_found_where_it_is() {
    let s3 = S3::telling(&[(500, "", ""), SLOW, (200, "", "text")]);
    assert_eq!(s3.bucket().await.read("x").await.unwrap().as_deref(), Some(b"text".as_slice()));
    assert_eq!(s3.asked(), ["GET /fleet/one/x"; 3]);

    let s3 = S3::telling(&[MOVED, (200, "", "text"), ABSENT]);
    let bucket = s3.bucket().await;
    assert_eq!(bucket.read("x").await.unwrap().as_deref(), Some(b"text".as_slice()));
    assert_eq!(bucket.read("y").await.unwrap(), None);
    let signed = |region: &str| {
        let requests = s3.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.contains(&format!("/{region}/s3/aws4_request")))
            .collect::<Vec<_>>()
    };
    assert_eq!(signed(REGION), [true, false, false], "it is not asked for again");
    assert_eq!(signed("eu-central-1"), [false, true, true]);

    // Not for ever.
    let s3 = S3::telling(&[MOVED, (400, "x-amz-bucket-region: us-east-2\r\n", MOVED.2)]);
    let lost = s3.bucket().await.read("x").await.unwrap_err();
    assert_eq!((lost.code.as_deref(), s3.asked().len()), (Some("PermanentRedirect"), 2));
    // A server's word is no host's name.
    let s3 = S3::telling(&[(301, "x-amz-bucket-region: evil.example\r\n", MOVED.2)]);
    assert!(s3.bucket().await.read("x").await.is_err());
    assert_eq!(s3.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_is_taken_for_what_it_is() {
    for (answers, made, asked) in [
        ([AT_ONCE, (200, "", ""), SLOW], Made::New, vec!["PUT /fleet/one/x"; 2]),
        ([THERE, (200, "", "theirs"), SLOW], Made::There, vec!["PUT /fleet/one/x", "GET /fleet/one/x"]),
        ([THERE, (200, "", "own"), SLOW], Made::New, vec!["PUT /fleet/one/x", "GET /fleet/one/x"]),
        (
            [SLOW, THERE, (200, "", "own")],
            Made::New,
            vec!["PUT /fleet/one/x", "PUT /fleet/one/x", "GET /fleet/one/x"],
        ),
    ] {
        let s3 = S3::telling(Box::leak(Box::new(answers)));
        assert_eq!(s3.bucket().await.make("x", "own").await.unwrap(), made);
        assert_eq!(s3.asked(), asked);
        assert!(s3.requests.lock().unwrap()[0].to_lowercase().contains("\r\nif-none-match: *\r\n"));
    }
    // Whoever may not list is never told that a thing is not there.
    let denied = S3::telling(&[DENIED]).bucket().await.read("x").await.unwrap_err();
    assert_eq!(denied.kind, CloudErrorKind::AccessDenied);
    assert_eq!(denied.request_id.as_deref(), Some("4442587FB7D0A2F9"));
    // Nor does an answer tell it that is no answer of S3's.
    assert!(S3::telling(&[(404, "", "<html>no such page</html>")]).bucket().await.read("x").await.is_err());
    assert!(S3::telling(&[(200, "", "<html>hello</html>")]).bucket().await.names().await.is_err());
}

#[test]
fn what_s3_says_is_told_with_what_to_do() {
    for (answer, status, told) in [
        (ABSENT, 1, vec!["there is no fleet in `s3://fleet/one`"]),
        (
            DENIED,
            1,
            vec![
                "s3:GetObject on `s3://fleet/one/fleet.json`, region eu-west-1 failed: AccessDenied",
                "request id 4442587FB7D0A2F9",
                "s3:ListBucket on the bucket `fleet`: without that S3 answers the same for what is not there",
            ],
        ),
        (
            (404, "", "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"),
            1,
            vec!["NoSuchBucket", "check the bucket's name"],
        ),
        (SLOW, 7, vec!["SlowDown", "run the same command again"]),
        ((500, "", ""), 7, vec!["HTTP status 500"]),
        ((200, "", "{}"), 1, vec!["`s3://fleet/one/fleet.json` is not what keymend writes there"]),
    ] {
        let ran = S3::telling(Box::leak(Box::new([answer]))).status();
        assert_eq!(ran.status, status, "{ran}");
        for told in told {
            assert!(ran.stderr.replace('\n', " ").contains(told), "{told}: {ran}");
        }
    }
}

/// The world changes no document before it is in the bucket that it is about to.
#[test]
fn without_a_note_nothing_is_written() {
    let (fleet, _) = in_bucket(Fleet::small());
    fleet.plan("");
    let before = fleet.documents();
    let denied = |request: &str| {
        let is_note = request.starts_with("PUT ")
            && request
                .split(' ')
                .nth(1)
                .is_some_and(|path| path.contains("/journals/") && !path.ends_with("/000000000000"));
        is_note.then(|| (DENIED.0, DENIED.2.to_owned()))
    };
    let proxy = Proxy::refusing(Moto::shared(), denied);
    let approved = digest(&fleet.status());
    let mut refused = Fleet { scene: fleet.scene, ..fleet };
    refused.variables[0].1 = proxy.endpoint();
    let applied = refused.run(&format!("apply --yes --digest {approved}"));
    assert_eq!(applied.status, 1, "{applied}");
    assert!(applied.stdout.contains("AccessDenied"), "{applied}");
    assert_eq!(refused.documents(), before);
    let states = refused.states();
    assert!(count(&states, "refused") > 5 && count(&states, "done") == 0, "{states:?}");
    // With notes the same command does it.
    refused.variables = variables(Moto::shared());
    let applied = refused.run(&format!("apply --yes --digest {approved}"));
    assert_eq!(applied.status, 0, "{applied}");
    let undone = refused.approved("rollback");
    assert_eq!((undone.status, refused.documents() == before), (0, true), "{undone}");
}

/// AWS's own documents, and the records in a bucket that the default credentials alone may use.
#[tokio::test]
async fn a_fleet_on_aws_keeps_its_records_in_a_bucket() {
    let moto = Moto::shared();
    let (owner, user) = (Account::new(moto).await, Account::new(moto).await);
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": format!("arn:aws:iam::{}:root", owner.id)},
    }]});
    let key = owner.create_key(&policy.to_string()).await;
    user.create_role("/", "app").await;
    let role = format!("arn:aws:iam::{}:role/app", user.id);
    let scene = Scene::with_text("");
    let line = json!({"keys": [key.to_string()], "principals": [role]});
    fs::write(scene.path("fleet.jsonl"), format!("{line}\n")).unwrap();
    let name = bucket(moto);
    // The accounts' own credentials go to moto; a request of theirs to S3 would be seen.
    let foreign = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&foreign);
    let proxy = Proxy::refusing(moto, move |request| {
        let is_foreign = request.contains("/s3/aws4_request") && !request.contains("AKIAIOSFODNN7EXAMPLE/");
        seen.fetch_add(u64::from(is_foreign), Ordering::Relaxed);
        None
    });
    let operator = Operator::new(proxy.endpoint(), &[&owner, &user]);
    let run = |command: &str| {
        let profiles = [owner.id, user.id].map(|id| format!("--account-profile {id}={id}")).join(" ");
        let accounts = if command.starts_with("status") {
            String::new()
        } else {
            format!("{profiles} --profile base --region {REGION}")
        };
        let profile = if accounts.is_empty() { "--profile base --region eu-west-1" } else { "" };
        let line = format!("fleet {command} --dir s3://{name} {accounts} {profile}");
        scene.run_command(operator.run(&mut scene.command(&line)), &line)
    };
    let planned = run("plan --manifest fleet.jsonl");
    assert_eq!(planned.status, 0, "{planned}");
    let applied = run(&format!("apply --yes --digest {}", digest(&planned)));
    assert_eq!(applied.status, 0, "{applied}");
    let status = run("status");
    assert!(status.status == 0 && status.stdout.contains("2  done"), "{status}");
    let undone = run(&format!("rollback --yes --digest {}", digest(&status)));
    assert!(undone.status == 0 && undone.stdout.contains("2  rolled back"), "{undone}");
    assert_eq!(foreign.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_fleet_in_a_bucket_is_as_one_in_a_folder() {
    let ((fleet, name), folder) = (in_bucket(Fleet::small()), Fleet::small());
    let before = fleet.documents();
    let each = |command: &dyn Fn(&Fleet) -> crate::scene::Ran| {
        let ran = [&fleet, &folder].map(command);
        assert_eq!(ran[0].status, ran[1].status, "{}", ran[0]);
        assert_eq!(comparable(&fleet.status()), comparable(&folder.status()), "{}", ran[0]);
    };
    each(&|fleet| fleet.plan(""));
    each(&|fleet| fleet.approved("apply"));
    assert_ne!(fleet.documents(), before);
    assert_eq!(fleet.documents(), folder.documents());
    assert!(!fleet.scene.path("fleet").exists(), "nothing is kept in a folder");

    // The parts of a journal, put together, are the journal.
    let bucket = opened(&name, "fleets/one").await;
    let names = bucket.names().await.unwrap();
    let journal = names.iter().find(|name| name.starts_with("journals/")).unwrap();
    let [_, account, run, _] = journal.split('/').collect::<Vec<_>>()[..] else { panic!("{journal}") };
    let journals = Journals::kept(&Store::Bucket(bucket.at(&format!("journals/{account}")))).await.unwrap();
    let backend = Backend::World(fleet.scene.path("world"));
    let history = History::of(&journals, &backend).unwrap();
    assert_eq!(history.last().map(|record| format!("{}.json", record.run)).as_deref(), Some(run));
    assert!(history.last().unwrap().is_complete() && history.last().unwrap().ended.is_some());
    let (_, text) = journals.texts().next().unwrap().unwrap();
    let parts = names.iter().filter(|name| name.starts_with(&format!("journals/{account}/{run}/"))).count();
    assert_eq!(text.split_inclusive(|byte| *byte == b'\n').count(), parts, "a line an object");

    each(&|fleet| fleet.approved("rollback"));
    assert_eq!(fleet.documents(), before);
    // What is over is not done again, and somebody else's fleet is told.
    let again = fleet.run("apply --yes --digest none");
    assert_eq!(again.status, 2, "{again}");
    let other = Fleet {
        dir: fleet.dir.clone(),
        variables: fleet.variables.clone(),
        ..Fleet::of("--seed 9 --keys 2 --key-accounts 1 --accounts 2 --shares 1 --roles 1")
    };
    let refused = other.plan("");
    assert!(refused.status == 1 && refused.stderr.contains("is of another fleet"), "{refused}");
}

#[tokio::test]
async fn what_somebody_changed_in_the_bucket_is_not_carried_out() {
    let (fleet, name) = in_bucket(Fleet::small());
    fleet.plan("");
    let approved = digest(&fleet.status());
    let bucket = opened(&name, "fleets/one").await;
    let plan = bucket.names().await.unwrap().into_iter().find(|name| name.starts_with("plans/")).unwrap();
    let text = String::from_utf8(bucket.read(&plan).await.unwrap().unwrap()).unwrap();
    bucket.write(&plan, &text.replacen("key", "kez", 1)).await.unwrap();
    let applied = fleet.run(&format!("apply --yes --digest {approved}"));
    assert_eq!(applied.status, 6, "{applied}");
    assert_eq!(count(&fleet.states(), "stale"), 1);

    // A forged note, and a note that is gone.
    let applied = digest(&fleet.status());
    let journals: Vec<String> =
        bucket.names().await.unwrap().into_iter().filter(|name| name.starts_with("journals/")).collect();
    let note = journals.iter().find(|name| !name.ends_with("/000000000000")).unwrap();
    let longer = bucket.read(note).await.unwrap().unwrap();
    bucket.write(note, &format!("{}\n", String::from_utf8(longer).unwrap())).await.unwrap();
    let undone = fleet.run(&format!("rollback --yes --digest {applied}"));
    assert!(undone.status == 1 && undone.stdout.contains("bytes go before this part"), "{undone}");
}

#[test]
fn a_live_worker_is_respected_and_a_killed_one_taken_over() {
    let (fleet, name) = in_bucket(Fleet::small());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let is_taken = || {
        runtime.block_on(async {
            let lease = opened(&name, "fleets/one/leases").await.read("apply-1-of-1.1").await;
            lease.unwrap().is_some()
        })
    };
    respected_and_taken_over(&fleet, "", &is_taken);
    let undone = fleet.approved("rollback");
    assert_eq!(undone.status, 0, "{undone}");
}

#[tokio::test]
async fn of_several_takers_one_gets_the_lease() {
    let name = bucket(Moto::shared());
    for round in 0..4 {
        let store = Store::Bucket(opened(&name, &format!("leases-{round}")).await);
        let take = async || Lease::take(&store, "apply-1-of-1", Duration::from_millis(500)).await;
        drop(take().await.unwrap());
        let taken = join_all((0..6).map(|_| take())).await;
        let held = taken.iter().filter(|taken| taken.is_ok()).count();
        let refused = taken.iter().filter(|taken| matches!(taken, Err(LeaseError::Held(_)))).count();
        // Nobody beats here, so some may have waited for the winner too.
        assert!(held >= 1 && held + refused == 6, "{taken:?}");
        let mut own = 0;
        for lease in taken.iter().flatten() {
            own += usize::from(lease.is_own().await);
        }
        assert_eq!(own, 1);
    }
}

#[tokio::test]
async fn an_object_is_made_once() {
    let bucket = opened(&bucket(Moto::shared()), "a b/é+=").await;
    assert_eq!(bucket.read("x").await.unwrap(), None);
    assert_eq!(bucket.make("x", "one").await.unwrap(), Made::New);
    assert_eq!(bucket.make("x", "one").await.unwrap(), Made::New, "an answer that was lost");
    assert_eq!(bucket.make("x", "two").await.unwrap(), Made::There);
    assert_eq!(bucket.read("x").await.unwrap().as_deref(), Some(b"one".as_slice()));
    bucket.write("x", "two").await.unwrap();
    assert_eq!(bucket.read("x").await.unwrap().as_deref(), Some(b"two".as_slice()));
    let below = bucket.at("below");
    let mut expected = Vec::new();
    for number in 0..1100 {
        let name = format!("{number:04}");
        below.write(&name, "").await.unwrap();
        expected.push(name);
    }
    assert_eq!(below.names().await.unwrap(), expected, "more than a page");
    assert_eq!(bucket.names().await.unwrap().len(), 1101);
    let gone = opened("fleet-none", "").await.read("x").await.unwrap_err();
    assert_eq!(gone.code.as_deref(), Some("NoSuchBucket"));
    assert_eq!((gone.operation, gone.resource.as_str()), ("s3:GetObject", "s3://fleet-none/x"));
}
