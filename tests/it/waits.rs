//! Waiting is told: calls that are made again, and servers that are not there.

use std::net::TcpListener;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::canned::{ACCOUNT, Canned};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-123456789000";

fn check(server: &Canned, options: &str, variables: &[(&str, &str)]) -> (Output, String) {
    let line = format!("check --key {KEY} --account {ACCOUNT} {options}");
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let output = server.keymend(1024, &arguments).envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said)
}

#[test]
fn what_passes_is_told_once_with_what_to_check() {
    // Few enough that all are over before they would be told again.
    let server = Canned::failing(|_, before| (before < 3).then_some((503, "ServiceUnavailable")));
    let (output, said) = check(&server, "", &[]);
    assert!(output.status.code().is_some_and(|status| status == 0 || status == 3), "{said}");
    let told: Vec<&str> = said.lines().filter(|line| line.contains("is tried again")).collect();
    assert_eq!(told.len(), 1, "{said}");
    let host = server.endpoint();
    let host = host.strip_prefix("http://").unwrap();
    for part in [
        &*format!(" at {host} is tried again (attempt 2 of 12, after "),
        "the server fails (ServiceUnavailable)",
        "--endpoint-url",
    ] {
        assert!(told[0].contains(part), "{part}: {said}");
    }
    let server = Canned::failing(|_, before| (before < 3).then_some((400, "ThrottlingException")));
    let (_, said) = check(&server, "", &[]);
    assert!(said.contains("AWS is asked too often (ThrottlingException); it goes on by itself"), "{said}");
    let server = Canned::failing(|_, before| (before < 3).then_some((503, "ServiceUnavailable")));
    assert!(!check(&server, "--quiet", &[]).1.contains("tried again"), "quiet is quiet");
}

#[test]
fn a_server_that_is_not_there_is_told_before_the_error() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Canned::start();
    let (output, said) =
        check(&server, &format!("--endpoint-url http://{closed}"), &[("AWS_MAX_ATTEMPTS", "2")]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let again = lines.iter().position(|line| line.contains("is tried again (attempt 2 of 2")).unwrap();
    let error = lines.iter().position(|line| line.starts_with("error: ")).unwrap();
    assert!(
        lines[again].contains("no connection: ") && lines[again].contains("check the network and its proxy"),
        "{said}"
    );
    assert!(again < error && lines[error + 1].starts_with("hint: ") && lines.len() == error + 2, "{said}");
    assert!(lines[error + 1].contains("--endpoint-url"), "{said}");
}

#[test]
fn how_long_an_answer_may_take_can_be_said() {
    let server = Canned::slow(Duration::from_secs(4), |_, _| None);
    let begun = Instant::now();
    let (output, said) = check(&server, "--read-timeout 1", &[("AWS_MAX_ATTEMPTS", "1")]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{said}");
    assert!(said.contains("no answer in time"), "{said}");
    for wrong in ["--read-timeout 0", "--connect-timeout 901", "--connect-timeout x"] {
        assert_eq!(check(&server, wrong, &[]).0.status.code(), Some(2), "{wrong}");
    }
}
