//! The function of AWS Lambda, as Lambda runs it: what it is asked over HTTP, and what it answers.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::Scene;

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// What is asked of the runtime's interface: the path, and what was sent.
fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_lowercase());
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some((path, String::from_utf8(body).unwrap()))
}

/// Gives one event after the other, and then none; tells what is answered.
fn runtime(events: Vec<Value>) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut events = events.into_iter().enumerate();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Some((path, body)) = request(&mut stream) {
                let answer = if path == NEXT {
                    let Some((number, event)) = events.next() else {
                        // Lambda lets it wait.
                        thread::sleep(Duration::from_mins(1));
                        return;
                    };
                    let event = event.to_string();
                    format!(
                        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {number}\r\n\
                         Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
                         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:111122223333:function:watch\r\n\
                         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{event}",
                        event.len()
                    )
                } else {
                    sender.send((path, body)).unwrap();
                    "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_owned()
                };
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (address, receiver)
}

#[test]
fn a_batch_is_answered_with_what_has_to_come_again() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/queue/batch.json");
    let batch: Value = serde_json::from_slice(&fs::read(fixture).unwrap()).unwrap();
    let scene = Scene::of_field("05-cloudtrail-forms", "world.json");
    let (address, answers) = runtime(vec![batch, json!({"no": "batch"})]);
    let mut function = Command::new(env!("CARGO_BIN_EXE_keymend-lambda"))
        .current_dir(scene.path(""))
        .env_clear()
        .envs([
            ("WATCH_OPTIONS", "--sandbox=world.json --out told"),
            ("AWS_LAMBDA_RUNTIME_API", &address),
            ("AWS_LAMBDA_FUNCTION_NAME", "watch"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answer = || answers.recv_timeout(Duration::from_mins(1)).unwrap();
    let (path, body) = answer();
    assert_eq!(path, "/2018-06-01/runtime/invocation/0/response");
    let again = json!({"batchItemFailures": [{"itemIdentifier": "6ead0000-0000-4000-8000-000000000006"}]});
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), again);
    // What is no batch is an error of this event alone.
    let (path, body) = answer();
    assert_eq!(path, "/2018-06-01/runtime/invocation/1/error", "{body}");
    function.kill().unwrap();
    let output = function.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.lines().filter(|line| line.starts_with("{\"keymend_watch\":1,")).count(), 2, "{told}");
    assert_eq!(fs::read_dir(scene.path("told")).unwrap().count(), 2);
}

#[test]
fn without_options_it_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_keymend-lambda")).env_clear().output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("WATCH_OPTIONS can't be read"), "{told}");
}
