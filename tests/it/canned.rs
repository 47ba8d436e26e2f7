//! AWS as one account sees it, with answers that are ready: faster than moto, and it fails as it is told to.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The account of everything.
pub(crate) const ACCOUNT: &str = "111122223333";

/// The key policy that every key has.
const KEY_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}"#;

/// What is answered instead, by the action and how many calls came before this one: HTTP status and error code.
pub(crate) type Fault = dyn Fn(&str, usize) -> Option<(u16, &'static str)> + Send + Sync;

/// What a server has seen.
#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    accepted: AtomicUsize,
}

/// A server. It ends with the process.
pub(crate) struct Canned {
    port: u16,
    home: TempDir,
    seen: Arc<Seen>,
}

impl Canned {
    /// Answers at once.
    pub(crate) fn start() -> Self {
        Self::failing(|_, _| None)
    }

    /// Fails as told.
    pub(crate) fn failing(
        fault: impl Fn(&str, usize) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        Self::slow(Duration::ZERO, fault)
    }

    /// Takes so long for each call.
    pub(crate) fn slow(
        delay: Duration,
        fault: impl Fn(&str, usize) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, fault) = (Arc::<Seen>::default(), Arc::new(fault));
        let server = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, fault) = (Arc::clone(&server), Arc::clone(&fault));
                thread::spawn(move || {
                    seen.accepted.fetch_add(1, Ordering::Relaxed);
                    let open = seen.open.fetch_add(1, Ordering::Relaxed) + 1;
                    seen.most_open.fetch_max(open, Ordering::Relaxed);
                    // A client that hangs up is no concern of the server's.
                    _ = serve(&client, delay, &*fault, &seen);
                    seen.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { port, home: tempfile::tempdir().unwrap(), seen }
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The program, which may open so many files, with credentials of the account.
    pub(crate) fn keymend(&self, files: usize, arguments: &[String]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -n \"$0\"; exec \"$@\"", &files.to_string(), env!("CARGO_BIN_EXE_keymend")])
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.home.path())
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// What came of a run that may open so many files.
    pub(crate) fn run(&self, files: usize, arguments: &[String]) -> Output {
        self.keymend(files, arguments).output().unwrap()
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.seen.calls.load(Ordering::Relaxed)
    }

    /// How many connections were open at most at the same time, and how many were opened.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.seen.most_open.load(Ordering::Relaxed), self.seen.accepted.load(Ordering::Relaxed))
    }
}

/// `--key` for so many keys.
pub(crate) fn keys(count: usize) -> Vec<String> {
    let key =
        |number| format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/{number:08x}-12ab-34cd-56ef-1234567890ab");
    (0..count).flat_map(|number| ["--key".to_owned(), key(number)]).collect()
}

/// `--principal` for so many roles.
pub(crate) fn roles(count: usize) -> Vec<String> {
    let role = |number| format!("arn:aws:iam::{ACCOUNT}:role/app-{number}");
    (0..count).flat_map(|number| ["--principal".to_owned(), role(number)]).collect()
}

fn serve(client: &TcpStream, delay: Duration, fault: &Fault, seen: &Seen) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client);
    while let Some(request) = read_request(&mut reader)? {
        let request = String::from_utf8_lossy(&request).into_owned();
        let action = action(&request);
        let nth = seen.calls.fetch_add(1, Ordering::Relaxed);
        thread::sleep(delay);
        let is_json = request.contains("TrentService.");
        let (status, body) = match fault(&action, nth) {
            Some((status, code)) if is_json => {
                (status, format!(r#"{{"__type":"{code}","message":"told to"}}"#))
            }
            Some((status, code)) => (status, error(code)),
            None => (200, answer(&action, &request)),
        };
        let kind = if is_json { "application/x-amz-json-1.1" } else { "text/xml" };
        let head =
            format!("HTTP/1.1 {status} .\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        { client }.write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut request = Vec::new();
    let mut length = 0;
    loop {
        let start = request.len();
        if reader.read_until(b'\n', &mut request)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&request[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.take(length).read_to_end(&mut request)?;
    Ok(Some(request))
}

fn after<'t>(text: &'t str, sign: &str, end: &[char]) -> Option<&'t str> {
    text.split_once(sign)?.1.split(end).next()
}

fn action(request: &str) -> String {
    let target = after(request, "TrentService.", &['\r']);
    target.or_else(|| after(request, "Action=", &['&'])).unwrap_or_default().to_owned()
}

fn error(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>told to</Message></Error></ErrorResponse>"
    )
}

fn answer(action: &str, request: &str) -> String {
    let key = after(request, r#""KeyId":""#, &['"']).unwrap_or_default();
    let role = after(request, "RoleName=", &['&', '\r']).unwrap_or_default();
    let xml = |result: &str| {
        format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>")
    };
    match action {
        "DescribeKey" => serde_json::json!({"KeyMetadata": {
            "KeyId": key, "Arn": key, "KeyManager": "CUSTOMER", "KeyState": "Enabled",
            "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS",
        }})
        .to_string(),
        "GetKeyPolicy" => serde_json::json!({"Policy": KEY_POLICY, "PolicyName": "default"}).to_string(),
        "ListGrants" => r#"{"Grants":[],"Truncated":false}"#.to_owned(),
        "ListResourceTags" => r#"{"Tags":[],"Truncated":false}"#.to_owned(),
        "GetCallerIdentity" => xml(&format!(
            "<Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:user/ann</Arn><UserId>A</UserId>"
        )),
        "GetAccountSummary" => xml("<SummaryMap/>"),
        "GetAccountAuthorizationDetails" => {
            let role = |number| {
                format!(
                    "<member><RoleName>app-{number}</RoleName><Arn>arn:aws:iam::{ACCOUNT}:role/app-{number}</Arn></member>"
                )
            };
            let roles: String = (0..500).map(role).collect();
            xml(&format!("<RoleDetailList>{roles}</RoleDetailList><IsTruncated>false</IsTruncated>"))
        }
        "ListPolicies" => xml("<Policies/><IsTruncated>false</IsTruncated>"),
        "GetRole" => xml(&format!(
            "<Role><Path>/</Path><RoleName>{role}</RoleName><RoleId>AROA{role}</RoleId>\
             <Arn>arn:aws:iam::{ACCOUNT}:role/{role}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
        )),
        "ListAttachedRolePolicies" => xml("<AttachedPolicies/><IsTruncated>false</IsTruncated>"),
        "ListRolePolicies" => xml("<PolicyNames/><IsTruncated>false</IsTruncated>"),
        other => panic!("no answer to {other}"),
    }
}
