//! The script that draws terminal output for the README.

use std::io::Write as _;
use std::process::{Command, Stdio};

fn draw(theme: &str, command: &[&str], ansi: &[u8]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/picture.py");
    let mut python = Command::new("python3")
        .args([script, theme])
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
    let picture = draw("dark", &["keymend", "fix"], ansi.as_bytes());
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
        draw("dark", &["keymend", "fix"], text.as_bytes()).split('"').nth(3).unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(width(""), width("short"));
    assert!(width(&"long ".repeat(40)) > 1600);
}

#[test]
fn a_light_picture_differs_in_nothing_but_its_colours() {
    let colourless = |theme: &str| {
        let picture = draw(theme, &["keymend", "fix"], b"\x1b[32m+ \x1b[42ma\x1b[0m \x1b[7mz");
        let parts: Vec<&str> = picture.split('#').collect();
        let rest: Vec<&str> = parts.iter().map(|part| part.get(6..).unwrap_or_default()).collect();
        (rest.join("#"), parts.len(), picture)
    };
    let (dark, light) = (colourless("dark"), colourless("light"));
    assert_eq!((&dark.0, dark.1), (&light.0, light.1));
    assert_ne!(dark.2, light.2);
}

#[test]
fn the_pictures_in_the_readme_are_what_the_program_prints() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = Command::new("bash")
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/picture.sh")])
        .arg(folder.path())
        .env("KEYMEND", env!("CARGO_BIN_EXE_keymend"))
        .status()
        .unwrap();
    assert!(drawn.success());
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for name in ["fix-dark.svg", "fix-light.svg"] {
        let drawn = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let kept =
            std::fs::read_to_string(format!("{}/docs/img/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(drawn == kept, "scripts/picture.sh draws {name} anew");
        assert!(readme.contains(&format!("\"docs/img/{name}\"")), "{name}");
    }
}
