//! AWS's APIs on this machine: moto, and accounts in it that tests fill and act in.
//!
//! The first use makes a virtual environment under target/; every process runs a server of its own.

mod account;
mod environment;
mod proxy;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

pub(crate) use account::{Account, Operator};
pub(crate) use environment::{program, terraform};
pub(crate) use proxy::{Proxy, read_request};

/// Where all accounts of the tests have their keys.
pub(crate) const REGION: &str = "eu-west-1";

/// A running server.
pub(crate) struct Moto {
    server: Child,
    port: u16,
}

impl Moto {
    /// This process's server. Tests don't get in each other's way, for each takes accounts of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server, which ends when its standard input is closed: with this process at the latest.
    pub(crate) fn start() -> Self {
        let python = environment::python();
        let mut server = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/serve.py"))
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("moto did not start; see above"));
        Self { server, port }
    }

    /// An interpreter that has AWS's client for Python.
    pub(crate) fn python() -> PathBuf {
        environment::python()
    }

    /// What a script makes in an account with AWS's own client for Python.
    pub(crate) fn made(&self, script: &str, account: &Account, more: &[String]) -> Value {
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto");
        let output = Command::new(Self::python())
            .arg(Path::new(scripts).join(script))
            .args([self.endpoint(), account.id.to_string(), REGION.to_owned()])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What `AWS_ENDPOINT_URL` has to be.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        _ = self.server.wait();
    }
}

#[tokio::test]
async fn commands_get_the_operators_environment_and_no_other() {
    let account = Account::new(Moto::shared()).await;
    let operator = Operator::new(Moto::shared().endpoint(), &[&account]);
    let output = operator.run(&mut Command::new("env")).output().unwrap();
    let environment = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<&str> = environment
        .lines()
        .filter(|line| line.starts_with("AWS_"))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AWS_CONFIG_FILE",
            "AWS_EC2_METADATA_DISABLED",
            "AWS_ENDPOINT_URL",
            "AWS_PROFILE",
            "AWS_SHARED_CREDENTIALS_FILE"
        ]
    );
}
