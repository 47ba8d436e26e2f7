//! The script that draws terminal output for the README.

use std::io::Write as _;
use std::process::{Command, Stdio};

fn draw(command: &[&str], ansi: &[u8]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/picture.py");
    let mut python = Command::new("python3")
        .arg(script)
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python 3 is needed");
    python.stdin.take().unwrap().write_all(ansi).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of the drawing that depend on the text.
fn drawn(ansi: &str) -> String {
    let picture = draw(&["keymend", "fix"], ansi.as_bytes());
    let lines = picture.lines().filter(|line| line.starts_with("<text") || line.contains("height=\"20\""));
    lines.skip(2).collect::<Vec<_>>().join("\n")
}

#[test]
fn colours_and_emphasis_keep_their_columns() {
    insta::assert_snapshot!(drawn("\x1b[1mbold\x1b[0m\n\x1b[32m+   a \x1b[42mb\x1b[0m c\x1b[K"), @r##"
    <text x="20.0" y="109.5" textLength="33.6" font-weight="bold">bold</text>
    <rect x="70.4" y="115" width="8.4" height="20" fill="#0f4022"/>
    <text x="20.0" y="129.5" textLength="8.4" fill="#3fb950">+</text>
    <text x="53.6" y="129.5" textLength="8.4" fill="#3fb950">a</text>
    <text x="70.4" y="129.5" textLength="8.4" fill="#3fb950">b</text>
    <text x="87.2" y="129.5" textLength="8.4">c</text>
    "##);
    insta::assert_snapshot!(drawn("\x1b[38;5;208mx\x1b[0;48;2;1;2;3my\x1b[2;7mz"), @r##"
    <rect x="28.4" y="95" width="8.4" height="20" fill="#010203"/>
    <rect x="36.8" y="95" width="8.4" height="20" fill="#e6edf3"/>
    <text x="20.0" y="109.5" textLength="8.4" fill="#ff8700">x</text>
    <text x="28.4" y="109.5" textLength="8.4">y</text>
    <text x="36.8" y="109.5" textLength="8.4" fill="#010203" opacity="0.65">z</text>
    "##);
}

#[test]
fn text_is_text_and_escapes_are_never_drawn() {
    insta::assert_snapshot!(drawn("<a href=\"&\">\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x07\x08\x1b7"), @r#"<text x="20.0" y="109.5" textLength="134.4">&lt;a href="&amp;"&gt;link</text>"#);
}

#[test]
fn the_window_grows_with_its_text() {
    let width = |text: &str| {
        draw(&["keymend", "fix"], text.as_bytes()).split('"').nth(3).unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(width(""), width("short"));
    assert!(width(&"long ".repeat(40)) > 1600);
}

#[test]
fn the_picture_in_the_readme_is_what_the_program_prints() {
    let world = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/worlds/second-role.json");
    let output = Command::new(env!("CARGO_BIN_EXE_keymend"))
        .args(["fix", &format!("--sandbox={world}"), "--dry-run", "--color", "always"])
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let command = ["keymend", "fix", "--sandbox=fixtures/worlds/second-role.json", "--dry-run"];
    let drawn = draw(&command, &output.stdout);
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/img/fix.svg")).unwrap();
    assert!(drawn == kept, "scripts/picture.sh draws it anew");
}
