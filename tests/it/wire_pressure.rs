//! Under pressure: few files may be opened, and AWS refuses calls that come too fast.
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::canned::{Canned, keys, roles};

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn arguments(command: &str, of: &[Vec<String>]) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).chain(of.iter().flatten().cloned()).collect()
}

/// Every key is planned for, with so few files open.
fn keys_within(count: usize, files: usize) -> (Canned, Duration) {
    let server = Canned::start();
    let begun = Instant::now();
    for (command, members) in [("fix --dry-run", "changes"), ("check", "checks")] {
        let output =
            server.run(files, &arguments(&format!("{command} --output json"), &[keys(count), roles(1)]));
        let text = told(&output);
        let document: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(document["error"], Value::Null, "{command}");
        let is_of_key =
            |member: &&Value| member["key"].is_string() || member["api_call"] == "kms:PutKeyPolicy";
        assert_eq!(
            document[members].as_array().unwrap().iter().filter(is_of_key).count(),
            count,
            "{command}"
        );
    }
    let took = begun.elapsed();
    println!("{count} keys at {files} files: {took:?}, connections (most, all) {:?}", server.connections());
    (server, took)
}

#[test]
fn many_keys_need_few_files() {
    let (server, _) = keys_within(50, 160);
    let (most, all) = server.connections();
    assert!(most < 150 && all < 350, "{most} connections at a time, {all} in all");
}

#[test]
#[ignore = "takes long: run it for the figures"]
fn a_thousand_keys_at_256_files() {
    keys_within(1000, 256);
}

/// How long a check takes.
fn check(server: &Canned, of: &[Vec<String>]) -> (Option<i32>, Duration, String) {
    let begun = Instant::now();
    let output = server.run(256, &arguments("check", of));
    (output.status.code(), begun.elapsed(), told(&output))
}

#[test]
#[ignore = "takes long: run it for the figures"]
fn figures_of_throttling() {
    for _ in 0..5 {
        let of_five = ["GetCallerIdentity", "DescribeKey", "GetKeyPolicy", "GetRole", "ListPolicies"];
        let seen = std::sync::Mutex::new(std::collections::BTreeMap::<String, usize>::new());
        let server = Canned::failing(move |action, _| {
            let mut seen = seen.lock().unwrap();
            let times = seen.entry(action.to_owned()).or_default();
            *times += 1;
            (of_five.contains(&action) && *times <= 3).then_some((400, "ThrottlingException"))
        });
        let (status, took, text) = check(&server, &[keys(1), roles(1)]);
        println!("three throttles on each of five: {status:?} {took:?} {} calls", server.calls());
        assert!(status == Some(3) && took <= Duration::from_secs(15), "{text}");
    }
    for (name, status, code) in [("500", 500, "InternalFailure"), ("throttled", 400, "ThrottlingException")] {
        for (of_keys, of_roles) in [(1, 1), (30, 1), (30, 10)] {
            let server = Canned::failing(move |_, nth| (nth % 3 == 2).then_some((status, code)));
            let (status, took, text) = check(&server, &[keys(of_keys), roles(of_roles)]);
            println!(
                "every third {name}, {of_keys} keys, {of_roles} roles: {status:?} {took:?} {} calls",
                server.calls()
            );
            assert_eq!(status, Some(3), "{text}");
        }
    }
    // As IAM's practice rates have it: a bucket for each operation.
    let buckets = std::sync::Mutex::new(std::collections::BTreeMap::<String, (f64, Instant)>::new());
    let server = Canned::failing(move |action, _| {
        let rate = match action {
            "GetPolicy" | "GetPolicyVersion" => 35.0,
            "ListEntitiesForPolicy" => 40.0,
            "GetRole" | "ListAttachedRolePolicies" | "ListRolePolicies" => 15.0,
            _ => return None,
        };
        let mut buckets = buckets.lock().unwrap();
        let (tokens, last) = buckets.entry(action.to_owned()).or_insert((rate, Instant::now()));
        *tokens = (*tokens + last.elapsed().as_secs_f64() * rate).min(rate);
        *last = Instant::now();
        if *tokens < 1.0 {
            return Some((400, "Throttling"));
        }
        *tokens -= 1.0;
        None
    });
    let (status, took, text) = check(&server, &[keys(1), roles(100)]);
    println!("100 roles at practice rates: {status:?} {took:?} {} calls", server.calls());
    assert_eq!(status, Some(3), "{text}");
    let server = Canned::slow(Duration::from_millis(50), |_, _| None);
    let mut took: Vec<Duration> = (0..7).map(|_| check(&server, &[keys(1), roles(1)]).1).collect();
    took.sort();
    println!("one key, one role at 50 ms a call: {:?}, {} calls", took[3], server.calls() / 7);
}
