//! The difference of two policy texts, as data: nothing here knows colours or terminals.

mod pretty;

use similar::{Algorithm, ChangeTag, DiffOp, InlineChange, InlineChangeMode, InlineChangeOptions, TextDiff};

pub use pretty::pretty;

/// Unchanged lines that are kept on either side of a change.
const CONTEXT: usize = 3;

/// What changes from one text to another, where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The places that differ, from top to bottom; none where both texts say the same.
    pub hunks: Vec<Hunk>,
}

/// Neighbouring changed lines with some unchanged ones around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The lines it covers in the text before.
    pub before: LineRange,
    /// The lines it covers in the text after.
    pub after: LineRange,
    /// The Sid of the statement that the hunk starts in, where the hunk itself does not show it.
    pub heading: Option<String>,
    /// The lines, removed ones before those that replace them.
    pub lines: Vec<Line>,
}

/// Consecutive lines of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRange {
    /// The first line, counted from 1; the line before the gap where there is none, as in unified diffs.
    pub start: usize,
    /// How many lines.
    pub count: usize,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where the line stands.
    pub kind: LineKind,
    /// Its text, without the line's end.
    pub segments: Vec<Segment>,
}

/// In which of the two texts a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// In both.
    Context,
    /// In the text before only.
    Removed,
    /// In the text after only.
    Added,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The text.
    pub text: String,
    /// Whether these words are what sets the line apart from the one that it replaces or is replaced by.
    pub emphasised: bool,
}

/// Compares two documents as people read them: JSON is laid out in lines first, other text is taken as it is.
///
/// An empty text stands for a document that does not exist. In JSON a comma at the end of a line is no
/// difference, since it only says that something follows; lines in both are shown as they are after.
pub fn difference(before: &str, after: &str) -> Difference {
    let (before_json, after_json) = (pretty(before), pretty(after));
    let commas_count = [(before, &before_json), (after, &after_json)]
        .iter()
        .any(|(text, json)| json.is_none() && !text.is_empty());
    let before = Side::new(before_json.as_deref().unwrap_or(before), commas_count);
    let after = Side::new(after_json.as_deref().unwrap_or(after), commas_count);
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_slices(&before.keys, &after.keys);
    let hunks = diff.grouped_ops(CONTEXT).iter().map(|ops| hunk(&diff, ops, &before, &after)).collect();
    Difference { hunks }
}

/// One text in lines, and what of each line is compared.
struct Side<'a> {
    lines: Vec<&'a str>,
    keys: Vec<&'a str>,
}

impl<'a> Side<'a> {
    fn new(text: &'a str, commas_count: bool) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let key = |line: &&'a str| if commas_count { line } else { line.strip_suffix(',').unwrap_or(line) };
        let keys = lines.iter().map(key).collect();
        Self { lines, keys }
    }

    /// What the comparison left out at the end of a line.
    fn rest(&self, index: usize) -> &'a str {
        match (self.lines.get(index), self.keys.get(index)) {
            (Some(line), Some(key)) => line.strip_prefix(key).unwrap_or_default(),
            _ => "",
        }
    }

    /// The Sid of the statement that a line stands in, if it is written further up.
    fn sid_above(&self, index: usize) -> Option<String> {
        let above = self.keys.get(..index)?.iter().rev();
        above
            .take_while(|line| **line != "    {")
            .find_map(|line| line.strip_prefix("      \"Sid\": \"")?.strip_suffix('"'))
            .map(str::to_owned)
    }
}

fn hunk(diff: &TextDiff<'_, '_, str>, ops: &[DiffOp], before: &Side<'_>, after: &Side<'_>) -> Hunk {
    // Without a deadline, which would make the emphasis depend on the machine's speed.
    let mut options = InlineChangeOptions::new();
    options.mode(InlineChangeMode::Words).min_ratio(0.3);
    let lines = ops
        .iter()
        .flat_map(|op| diff.iter_inline_changes_with_options_deadline(op, options, None))
        .map(|change| line(&change, before, after))
        .collect();
    let first_after = ops.first().map_or(0, |op| op.new_range().start);
    Hunk {
        before: line_range(ops, DiffOp::old_range),
        after: line_range(ops, DiffOp::new_range),
        heading: after.sid_above(first_after),
        lines,
    }
}

fn line_range(ops: &[DiffOp], range: impl Fn(&DiffOp) -> std::ops::Range<usize>) -> LineRange {
    let start = ops.first().map_or(0, |op| range(op).start);
    let end = ops.last().map_or(0, |op| range(op).end);
    let count = end - start;
    LineRange { start: if count == 0 { start } else { start + 1 }, count }
}

fn line(change: &InlineChange<'_, str>, before: &Side<'_>, after: &Side<'_>) -> Line {
    let kind = match change.tag() {
        ChangeTag::Equal => LineKind::Context,
        ChangeTag::Delete => LineKind::Removed,
        ChangeTag::Insert => LineKind::Added,
    };
    let rest = match (change.new_index(), change.old_index()) {
        (Some(index), _) => after.rest(index),
        (None, Some(index)) => before.rest(index),
        (None, None) => "",
    };
    let mut segments = Vec::new();
    for (emphasised, text) in change.values() {
        let words = text.trim_start();
        let (space, words) = text.split_at(text.len() - words.len());
        push(&mut segments, space, false);
        push(&mut segments, words, *emphasised);
    }
    push(&mut segments, rest, false);
    Line { kind, segments }
}

fn push(segments: &mut Vec<Segment>, text: &str, emphasised: bool) {
    match segments.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.emphasised == emphasised => last.text.push_str(text),
        _ => segments.push(Segment { text: text.to_owned(), emphasised }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The difference as a unified diff, with emphasised words between `[` and `]`.
    fn shown(before: &str, after: &str) -> String {
        let mut out = String::new();
        for Hunk { before, after, heading, lines } in difference(before, after).hunks {
            let heading = heading.map(|sid| format!(" {sid}")).unwrap_or_default();
            let (old, new) =
                (format!("{},{}", before.start, before.count), format!("{},{}", after.start, after.count));
            out.extend(["@@ -", &old, " +", &new, " @@", &heading, "\n"]);
            for line in lines {
                out.push(match line.kind {
                    LineKind::Context => ' ',
                    LineKind::Removed => '-',
                    LineKind::Added => '+',
                });
                for Segment { text, emphasised } in line.segments {
                    out.extend(if emphasised { ["[", &text, "]"] } else { ["", &text, ""] });
                }
                out.push('\n');
            }
        }
        out
    }

    const ROOT: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Root","Effect":"Allow",
        "Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}"#;

    #[test]
    fn layout_is_no_difference() {
        let spread = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(ROOT).unwrap());
        assert_eq!(difference(ROOT, &spread.unwrap()).hunks, []);
        assert_eq!(difference("", "").hunks, []);
    }

    #[test]
    fn a_new_statement_is_one_block_and_its_comma_is_no_change() {
        let after = ROOT.replace("}]}", r#"},{"Sid":"New","Effect":"Deny"}]}"#);
        insta::assert_snapshot!(shown(ROOT, &after), @r#"
        @@ -10,5 +10,9 @@ Root
               "Action": "kms:*",
               "Resource": "*"
             },
        +    {
        +      "Sid": "New",
        +      "Effect": "Deny"
        +    }
           ]
         }
        "#);
    }

    #[test]
    fn words_that_differ_are_emphasised() {
        let after = ROOT.replace(
            r#""arn:aws:iam::111122223333:root""#,
            r#"["arn:aws:iam::111122223333:root","arn:aws:iam::444455556666:root"]"#,
        );
        insta::assert_snapshot!(shown(ROOT, &after), @r#"
        @@ -5,7 +5,10 @@
               "Sid": "Root",
               "Effect": "Allow",
               "Principal": {
        -        "AWS": "arn:aws:iam::111122223333:root"
        +        "AWS": [[]
        +          "arn:aws:iam::111122223333:root",
        +          ["arn:aws:iam::444455556666:root"]
        +        []]
               },
               "Action": "kms:*",
               "Resource": "*"
        "#);
    }

    #[test]
    fn what_comes_to_be_is_added_and_what_goes_is_removed() {
        insta::assert_snapshot!(shown("", "{\"a\": [1]}"), @r#"
        @@ -0,0 +1,5 @@
        +{
        +  "a": [
        +    1
        +  ]
        +}
        "#);
        insta::assert_snapshot!(shown("{\"a\": [1]}", ""), @r#"
        @@ -1,5 +0,0 @@
        -{
        -  "a": [
        -    1
        -  ]
        -}
        "#);
    }

    #[test]
    fn text_that_is_not_json_is_compared_line_by_line() {
        insta::assert_snapshot!(shown("{\n  broken,\n}", "{\n  broken\n}"), @"
        @@ -1,3 +1,3 @@
         {
        -  [broken,]
        +  [broken]
         }
        ");
    }

    #[test]
    fn distant_changes_have_hunks_of_their_own() {
        let statement = |sid: &str, action: &str| {
            format!(
                r#"{{"Sid":"{sid}","Effect":"Allow","Principal":"*","Action":"{action}","Resource":"*","X":1,"Y":2}}"#
            )
        };
        let policy = |first: &str, last: &str| {
            format!(
                r#"{{"Statement":[{},{},{}]}}"#,
                statement("A", first),
                statement("B", "b"),
                statement("C", last)
            )
        };
        insta::assert_snapshot!(shown(&policy("kms:a", "kms:c"), &policy("kms:x", "kms:y")), @r#"
        @@ -4,7 +4,7 @@
               "Sid": "A",
               "Effect": "Allow",
               "Principal": "*",
        -      "Action": ["kms:a"],
        +      "Action": ["kms:x"],
               "Resource": "*",
               "X": 1,
               "Y": 2
        @@ -22,7 +22,7 @@
               "Sid": "C",
               "Effect": "Allow",
               "Principal": "*",
        -      "Action": ["kms:c"],
        +      "Action": ["kms:y"],
               "Resource": "*",
               "X": 1,
               "Y": 2
        "#);
    }
}
