use super::*;

#[derive(serde::Deserialize)]
struct Case {
    input: String,
    expected: String,
}

/// A world whose second line is given, and what is wrong with it.
fn mistake(line: &str) -> String {
    let text = format!("{{\"keymend_world\": 1, \"region\": \"eu-west-1\",\n{line}}}\n");
    Sheet::read(text, Path::new("w.json")).unwrap_err().to_string()
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = include_str!("../../../../fixtures/world-mistakes.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    for Case { input, expected } in cases {
        assert_eq!(mistake(&input), format!("mistake in the world file `w.json`: {expected}"), "{input}");
    }
}

#[test]
fn other_files_are_refused() {
    for (text, expected) in [
        ("", "EOF while parsing a value at $, line 1, column 1"),
        ("[]", "invalid type: sequence, expected an object at $, line 1, column 1"),
        ("{}", "missing field `keymend_world` at $, line 1, column 1"),
        (
            "{\"keymend_world\": 2}",
            "worlds of format 2 are not known here, expected 1 at $.keymend_world, line 1, column 19",
        ),
        (
            "{\"keymend_world\": 1, \"region\": \"Ireland\"}",
            "`Ireland` is not a region such as `eu-west-1` at $.region, line 1, column 32",
        ),
        (
            "{\"keymend_world\": 1, \"region\": \"eu-west-1\"} {}",
            "trailing characters at $, line 1, column 45",
        ),
    ] {
        let error = Sheet::read(text.to_owned(), Path::new("w.json")).unwrap_err().to_string();
        assert_eq!(error, format!("mistake in the world file `w.json`: {expected}"));
    }
    let missing = Sandbox::open(Path::new("no/such/world.json")).unwrap_err().to_string();
    assert!(missing.starts_with("the world file `no/such/world.json` can't be read: "), "{missing}");
}
