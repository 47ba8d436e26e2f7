//! Whose certificates are believed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::canned::{Canned, keys, roles};
use crate::moto::Moto;

/// A canned server behind a certificate of a made-up authority.
struct Tls {
    server: Canned,
    before: Child,
    endpoint: String,
    folder: TempDir,
}

impl Tls {
    fn start() -> Self {
        let (server, folder) = (Canned::start(), tempfile::tempdir().unwrap());
        let mut before = Command::new(Moto::python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/tls.py"))
            .arg(folder.path())
            .arg(server.endpoint().rsplit(':').next().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(before.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = format!("https://localhost:{}", line.trim());
        Self { server, before, endpoint, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn check(&self, environment: &[(&str, &str)]) -> (Option<i32>, String) {
        let arguments = [vec!["check".to_owned()], keys(1), roles(1)].concat();
        let mut command = self.server.keymend(256, &arguments);
        command.env("AWS_ENDPOINT_URL", &self.endpoint).envs(environment.iter().copied());
        let Output { status, stderr, .. } = command.output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        drop(self.before.stdin.take());
        _ = self.before.wait();
    }
}

#[test]
fn a_bundle_of_certificates_is_believed() {
    let tls = Tls::start();
    let (ca, other) = (tls.path("ca.pem"), tls.path("other.pem"));

    let (status, text) = tls.check(&[]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("certificate") && text.contains("AWS_CA_BUNDLE"), "{text}");
    assert_eq!(tls.server.calls(), 0, "and is not tried again");

    let (status, text) = tls.check(&[("AWS_CA_BUNDLE", &ca)]);
    assert_eq!(status, Some(3), "{text}");
    assert!(tls.server.calls() > 5);

    // In a profile; the variable beats it.
    let config = tls.path("config");
    fs::write(&config, format!("[default]\nca_bundle = {ca}\n[profile broken]\nca_bundle = {other}\n"))
        .unwrap();
    assert_eq!(tls.check(&[("AWS_CONFIG_FILE", &config)]).0, Some(3));
    let of_profile = [("AWS_CONFIG_FILE", config.as_str()), ("AWS_PROFILE", "broken")];
    assert_eq!(tls.check(&[of_profile[0], of_profile[1], ("AWS_CA_BUNDLE", &ca)]).0, Some(3));

    // What can't serve is told with the file and what names it.
    let calls = tls.server.calls();
    let (status, text) = tls.check(&[("AWS_CA_BUNDLE", &other)]);
    assert_eq!(status, Some(1), "{text}");
    let told =
        format!("the certificates in `{other}`, which AWS_CA_BUNDLE names, can't be used: No such file");
    assert!(text.contains(&told), "{text}");
    fs::write(&other, "no certificate").unwrap();
    let (status, text) = tls.check(&of_profile);
    assert_eq!(status, Some(1), "{text}");
    let told = format!(
        "the certificates in `{other}`, which ca_bundle of profile broken names, can't be used: no certificate is"
    );
    assert!(text.contains(&told), "{text}");
    assert_eq!(tls.server.calls(), calls, "nothing was asked");
}
