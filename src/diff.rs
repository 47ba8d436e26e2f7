//! The difference of two policy texts, as data: nothing here knows colours or terminals.

mod fold;
mod pretty;
mod replacements;

use similar::{Algorithm, ChangeTag, InlineChange, InlineChangeMode, InlineChangeOptions, TextDiff};

pub use pretty::pretty;
pub use replacements::{Replacement, replacements};

/// Unchanged lines that are kept on either side of a change.
const CONTEXT: usize = 3;

/// Two documents as one, line by line: what both have, what goes and what comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    lines: Vec<Line>,
    /// Whether both are JSON, laid out.
    is_json: bool,
}

/// How much room a difference has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The columns of a line; lists and objects that fit are written on one.
    pub columns: usize,
    /// How many elements of a list that comes or goes as a whole are shown; all where it is nothing.
    pub elements: Option<usize>,
}

/// Neighbouring changed lines with some unchanged ones around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// How many unchanged lines are left out before it.
    pub skipped: usize,
    /// The Sid of the statement that the hunk starts in, where the hunk itself does not show it.
    pub within: Option<String>,
    /// The lines, removed ones before those that replace them.
    pub lines: Vec<Line>,
}

/// One line of a difference.
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
    let is_json = [(before, &before_json), (after, &after_json)]
        .iter()
        .all(|(text, json)| json.is_some() || text.is_empty());
    let before = Side::new(before_json.as_deref().unwrap_or(before), is_json);
    let after = Side::new(after_json.as_deref().unwrap_or(after), is_json);
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_slices(&before.keys, &after.keys);
    // Without a deadline, which would make the emphasis depend on the machine's speed.
    let mut options = InlineChangeOptions::new();
    options.mode(InlineChangeMode::Words).min_ratio(0.3);
    let changes =
        diff.ops().iter().flat_map(|op| diff.iter_inline_changes_with_options_deadline(op, options, None));
    Difference { lines: changes.map(|change| line(&change, &before, &after)).collect(), is_json }
}

impl Difference {
    /// The places that differ, from top to bottom; none where both texts say the same.
    pub fn hunks(&self, room: Room) -> Vec<Hunk> {
        let folded = self.is_json.then(|| fold::folded(&self.lines, room));
        let lines = folded.as_deref().unwrap_or(&self.lines);
        let changed = |line: &Line| line.kind != LineKind::Context;
        let mut hunks = Vec::new();
        let mut shown_to = 0;
        let mut rest = 0;
        while let Some(offset) = lines.get(rest..).and_then(|rest| rest.iter().position(changed)) {
            let first = rest + offset;
            let start = first.saturating_sub(CONTEXT).max(shown_to);
            let mut last = first;
            let near = |last: usize| lines.iter().enumerate().skip(last + 1).take(2 * CONTEXT + 1);
            while let Some((next, _)) = near(last).find(|(_, line)| changed(line)) {
                last = next;
            }
            let end = (last + 1 + CONTEXT).min(lines.len());
            hunks.push(Hunk {
                skipped: start - shown_to,
                within: sid_above(lines, start),
                lines: lines.get(start..end).unwrap_or_default().to_vec(),
            });
            (shown_to, rest) = (end, end);
        }
        hunks
    }
}

/// The Sid of the statement that a line stands in, if it is written further up.
fn sid_above(lines: &[Line], index: usize) -> Option<String> {
    let above = lines.get(..index)?.iter().rev().filter(|line| line.kind != LineKind::Removed);
    above.map(Line::text).take_while(|text| text.trim_end_matches(',') != "    {").find_map(|text| {
        let sid = text.trim_end_matches(',').strip_prefix("      \"Sid\": \"")?.strip_suffix('"')?;
        Some(sid.to_owned())
    })
}

impl Hunk {
    /// What is left out before it, in words.
    pub fn position(&self) -> Option<String> {
        let lines = match self.skipped {
            0 => return None,
            1 => "1 line unchanged".to_owned(),
            several => format!("{several} lines unchanged"),
        };
        let within = self.within.as_ref().map(|sid| format!(", then statement {sid}"));
        Some(format!("{lines}{}", within.unwrap_or_default()))
    }
}

impl Line {
    /// Its text.
    pub(crate) fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect()
    }
}

/// One text in lines, and what of each line is compared.
struct Side<'a> {
    lines: Vec<&'a str>,
    keys: Vec<&'a str>,
}

impl<'a> Side<'a> {
    fn new(text: &'a str, is_json: bool) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let key = |line: &&'a str| if is_json { line.strip_suffix(',').unwrap_or(line) } else { line };
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
        shown_in(Room { columns: 0, elements: None }, before, after)
    }

    fn shown_in(room: Room, before: &str, after: &str) -> String {
        let mut out = String::new();
        for Hunk { skipped, within, lines } in difference(before, after).hunks(room) {
            out.extend(["@@ ", &skipped.to_string(), " ", &within.unwrap_or_default(), "\n"]);
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
        assert_eq!(shown(ROOT, &spread.unwrap()), "");
        assert_eq!(shown("", ""), "");
    }

    #[test]
    fn a_new_statement_is_one_block_and_its_comma_is_no_change() {
        let after = ROOT.replace("}]}", r#"},{"Sid":"New","Effect":"Deny"}]}"#);
        insta::assert_snapshot!(shown(ROOT, &after), @r#"
        @@ 9 Root
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
        @@ 4 
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
        @@ 0 
        +{
        +  "a": [
        +    1
        +  ]
        +}
        "#);
        insta::assert_snapshot!(shown("{\"a\": [1]}", ""), @r#"
        @@ 0 
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
        @@ 0 
         {
        -  [broken,]
        +  [broken]
         }
        ");
    }

    #[test]
    fn what_fits_is_on_one_line_and_what_changes_in_part_is_not() {
        let before =
            r#"{"Statement":[{"Sid":"A","Principal":{"AWS":["a","b"]},"Action":["kms:x","kms:y"]}]}"#;
        let after = before.replace(r#""b"]"#, r#""b","c"]"#).replace(
            "}]}",
            r#"},{"Sid":"New","Action":["kms:x","kms:y"],"Condition":{"Bool":{"k":"true"}}}]}"#,
        );
        let room = Room { columns: 44, elements: None };
        insta::assert_snapshot!(shown_in(room, before, &after), @r#"
        @@ 5 A
                 "AWS": [
                   "a",
                   "b",
        +          "c"
                 ]
               },
               "Action": ["kms:x", "kms:y"]
             },
        +    {
        +      "Sid": "New",
        +      "Action": ["kms:x", "kms:y"],
        +      "Condition": {"Bool": {"k": "true"}}
        +    }
           ]
         }
        "#);
    }

    #[test]
    fn a_long_list_that_comes_is_told_in_short() {
        let keys: Vec<String> = (0..40).map(|number| format!("\"arn:aws:kms:key/{number}\"")).collect();
        let after = format!(r#"{{"Statement":[{{"Resource":[{}]}}]}}"#, keys.join(","));
        let room = Room { columns: 60, elements: Some(2) };
        insta::assert_snapshot!(shown_in(room, "", &after), @r#"
        @@ 0 
        +{
        +  "Statement": [
        +    {
        +      "Resource": [
        +        "arn:aws:kms:key/0",
        +        "arn:aws:kms:key/1",
        +        ... 38 more
        +      ]
        +    }
        +  ]
        +}
        "#);
        assert!(shown_in(Room { elements: None, ..room }, "", &after).contains("key/39"));
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
        @@ 3 
               "Sid": "A",
               "Effect": "Allow",
               "Principal": "*",
        -      "Action": ["kms:a"],
        +      "Action": ["kms:x"],
               "Resource": "*",
               "X": 1,
               "Y": 2
        @@ 11 
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
