//! JSON laid out for reading.

/// Lays JSON out with one value a line and two spaces a level; `None` for what is not JSON.
///
/// Only white space between tokens changes: the order of members, the form of numbers and the escapes in
/// strings stay as they are written.
pub fn pretty(text: &str) -> Option<String> {
    // A value, and not serde's ignored one: it bounds the depth, and with it the indentation.
    serde_json::from_str::<serde_json::Value>(text).ok()?;
    Some(lay_out(text))
}

fn lay_out(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut after_opening = false;
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        let token_end = if first == '"' { string_end(rest) } else { first.len_utf8() };
        let (token, tail) = rest.split_at(token_end);
        let closing = matches!(first, '}' | ']');
        if closing {
            depth = depth.saturating_sub(1);
        }
        if after_opening != closing {
            new_line(&mut out, depth);
        }
        after_opening = matches!(first, '{' | '[');
        out.push_str(token);
        match first {
            '{' | '[' => depth += 1,
            ',' => new_line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
        rest = tail.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    out
}

/// Whether a text is one JSON string and nothing else.
pub(super) fn is_string(text: &str) -> bool {
    text.starts_with('"') && string_end(text) == text.len()
}

/// The length of the string that a text starts with, quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_as_written() {
        let text = r#" {"b":1e3,"a":[true,"x\"}é\u202e, {"],"e":{},"f":[ ],"n":[[1.0],{"k":null}]} "#;
        let laid_out = pretty(text).unwrap();
        insta::assert_snapshot!(laid_out, @r#"
        {
          "b": 1e3,
          "a": [
            true,
            "x\"}é\u202e, {"
          ],
          "e": {},
          "f": [],
          "n": [
            [
              1.0
            ],
            {
              "k": null
            }
          ]
        }
        "#);
        assert_eq!(pretty(&laid_out).unwrap(), laid_out);
    }

    #[test]
    fn what_is_not_json_has_no_layout() {
        assert_eq!(pretty(""), None);
        assert_eq!(pretty("{'a': 1}"), None);
        assert_eq!(pretty(&"[".repeat(20_000)), None);
        assert_eq!(pretty(&(("[".repeat(5_000)) + &"]".repeat(5_000))), None);
    }
}
