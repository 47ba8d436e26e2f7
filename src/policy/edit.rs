//! Edits to a document as splices into its source: what is not edited stays byte for byte.

use super::PolicyError;
use super::document::{PolicyDocument, Statement, StatementElement, StringList};
use super::layout::quote;
use super::tree::Span;

/// A text that keymend made of a policy, or as one, and that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a bug of keymend: the patched policy is no policy: {0}")]
pub struct BrokenEdit(#[from] PolicyError);

/// A replacement of a range of bytes; an empty range inserts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    at: Span,
    text: String,
}

/// Collects edits to one document. Every edit refers to the document as it was at the start.
#[derive(Debug)]
pub struct Editor<'d> {
    document: &'d PolicyDocument,
    splices: Vec<Splice>,
    new_statements: Vec<serde_json::Value>,
}

impl<'d> Editor<'d> {
    /// Starts editing.
    pub fn new(document: &'d PolicyDocument) -> Self {
        Self { document, splices: Vec::new(), new_statements: Vec::new() }
    }

    /// Adds values at the end of a list; a scalar becomes a list.
    pub fn append_to_list(&mut self, list: &StringList, values: &[String]) {
        if values.is_empty() {
            return;
        }
        let quoted: Vec<String> = values.iter().map(|value| quote(value)).collect();
        let indent = self.line_indent(list.span.start).to_owned();
        let (open, separator, close) = self.document.layout.list_parts(&indent);
        if !list.is_array {
            self.insert(list.span.start, format!("[{open}"));
            self.insert(list.span.end, format!("{separator}{}{close}]", quoted.join(&separator)));
            return;
        }
        match list.item_spans().as_slice() {
            [] => {
                let text = self.document.layout.wrap(&quoted, &indent);
                self.splices.push(Splice { at: list.span.clone(), text });
            }
            [only] => {
                let before = self.gap(list.span.start + 1, only.start);
                let separator = if before.contains('\n') { format!(",{before}") } else { separator };
                self.insert(only.end, format!("{separator}{}", quoted.join(&separator)));
            }
            [.., last_but_one, last] => {
                let separator = self.gap(last_but_one.end, last.start).to_owned();
                self.insert(last.end, format!("{separator}{}", quoted.join(&separator)));
            }
        }
    }

    /// Adds a statement after the last one; its members keep their order.
    pub fn append_statement(&mut self, statement: serde_json::Value) {
        self.new_statements.push(statement);
    }

    /// Takes principals out of a statement's `AWS` list, the whole list with its name where none is left,
    /// and the whole statement where no other principal is left.
    pub fn remove_principals(&mut self, removals: &[(usize, Vec<String>)]) {
        let mut dropped = Vec::new();
        for (index, gone) in removals {
            let Some(statement) = self.document.statements.get(*index) else {
                continue;
            };
            if !self.shrink_principal(statement, gone) {
                dropped.push(*index);
            }
        }
        self.remove_statements(&dropped);
    }

    /// Takes members out of a list, by their texts; one of them has to stay.
    pub fn remove_from_list(&mut self, list: &StringList, gone: &[String]) {
        let at = list.iter().enumerate().filter(|(_, value)| gone.iter().any(|text| text == value));
        let at: Vec<usize> = at.map(|(index, _)| index).collect();
        if at.len() < list.items.len() {
            let items = list.item_spans();
            self.remove_items(&items, &at);
        }
    }

    /// Takes whole statements out, by their indices.
    pub fn remove_statements(&mut self, dropped: &[usize]) {
        let StatementElement { span, is_array } = &self.document.statement_element;
        if !is_array && !dropped.is_empty() {
            self.splices.push(Splice { at: span.clone(), text: "[]".to_owned() });
            return;
        }
        let spans: Vec<Span> =
            self.document.statements.iter().map(|statement| statement.span.clone()).collect();
        self.remove_items(&spans, dropped);
    }

    /// Whether the statement keeps a principal.
    fn shrink_principal(&mut self, statement: &Statement, gone: &[String]) -> bool {
        let types = statement.principal.iter().filter_map(|principal| principal.types.as_ref()).flatten();
        let members: Vec<(Span, bool)> =
            types.map(|kind| (kind.member_span.clone(), kind.name == "AWS")).collect();
        let Some(list) = statement.principal.as_ref().and_then(|principal| principal.aws_list()) else {
            return true;
        };
        let gone_at: Vec<usize> = list
            .iter()
            .enumerate()
            .filter(|(_, value)| gone.iter().any(|id| id == value))
            .map(|(at, _)| at)
            .collect();
        if gone_at.len() < list.items.len() {
            let items = list.item_spans();
            self.remove_items(&items, &gone_at);
            return true;
        }
        if members.len() < 2 {
            return false;
        }
        let spans: Vec<Span> = members.iter().map(|(span, _)| span.clone()).collect();
        let aws: Vec<usize> =
            members.iter().enumerate().filter(|(_, (_, is_aws))| *is_aws).map(|(at, _)| at).collect();
        self.remove_items(&spans, &aws);
        true
    }

    /// Removes members of a comma-separated run, each with the comma that it leaves over.
    fn remove_items(&mut self, items: &[Span], gone: &[usize]) {
        let mut kept_one = false;
        let mut previous_end = None;
        for (index, item) in items.iter().enumerate() {
            let next_start = items.get(index + 1).map_or(item.end, |next| next.start);
            if !gone.contains(&index) {
                kept_one = true;
            } else if kept_one {
                self.splices
                    .push(Splice { at: previous_end.unwrap_or(item.start)..item.end, text: String::new() });
            } else {
                self.splices.push(Splice { at: item.start..next_start, text: String::new() });
            }
            previous_end = Some(item.end);
        }
    }

    /// The edited document.
    ///
    /// # Errors
    /// The edited text is no policy.
    pub fn finish(self) -> Result<PolicyDocument, BrokenEdit> {
        Ok(PolicyDocument::parse(self.text())?)
    }

    fn text(mut self) -> String {
        self.insert_new_statements();
        self.splices.sort_by_key(|splice| (splice.at.start, splice.at.end));
        let source = self.document.text();
        let mut text = String::with_capacity(source.len() + 1024);
        let mut position = 0;
        for splice in &self.splices {
            text.push_str(source.get(position..splice.at.start).unwrap_or_default());
            text.push_str(&splice.text);
            position = splice.at.end;
        }
        text.push_str(source.get(position..).unwrap_or_default());
        text
    }

    fn insert_new_statements(&mut self) {
        let new: Vec<String> = self
            .new_statements
            .iter()
            .map(|statement| self.document.layout.render_statement(statement))
            .collect();
        if new.is_empty() {
            return;
        }
        let StatementElement { span: list, is_array } = self.document.statement_element.clone();
        let spans: Vec<&Span> = self.document.statements.iter().map(|statement| &statement.span).collect();
        let fallback = self.document.layout.statement_separator();
        match spans.as_slice() {
            [] => {
                let (open, close) = self.document.layout.empty_list_parts();
                let text = format!("[{open}{}{close}]", new.join(&fallback));
                self.splices.push(Splice { at: list, text });
            }
            [only] if !is_array => {
                let (start, end) = (only.start, only.end);
                self.insert(start, "[".to_owned());
                self.insert(end, format!("{fallback}{}]", new.join(&fallback)));
            }
            [only] => {
                let before = self.gap(list.start + 1, only.start);
                let separator = if before.contains('\n') { format!(",{before}") } else { fallback };
                self.insert(only.end, format!("{separator}{}", new.join(&separator)));
            }
            [.., last_but_one, last] => {
                let separator = self.gap(last_but_one.end, last.start).to_owned();
                self.insert(last.end, format!("{separator}{}", new.join(&separator)));
            }
        }
    }

    fn insert(&mut self, at: usize, text: String) {
        self.splices.push(Splice { at: at..at, text });
    }

    fn gap(&self, from: usize, to: usize) -> &'d str {
        self.document.text().get(from..to).unwrap_or_default()
    }

    /// The indentation of the line that an offset stands on.
    fn line_indent(&self, offset: usize) -> &'d str {
        let before = self.gap(0, offset);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.gap(line_start, offset);
        line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edit(text: &str, change: impl FnOnce(&PolicyDocument, &mut Editor<'_>)) -> String {
        let document = PolicyDocument::parse(text).unwrap();
        let mut editor = Editor::new(&document);
        change(&document, &mut editor);
        editor.finish().unwrap().text().to_owned()
    }

    fn statement() -> serde_json::Value {
        json!({"Sid": "new", "Effect": "Allow", "Principal": {"AWS": ["a", "b"]}, "Action": "kms:Decrypt"})
    }

    fn add_principal(document: &PolicyDocument, editor: &mut Editor<'_>) {
        let list = document.statements[0].principal.as_ref().unwrap().aws_list().unwrap();
        editor.append_to_list(list, &["x".to_owned(), "y".to_owned()]);
    }

    const COMPACT: &str = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"a"}}]}"#;
    const AWS: &str = "{\n  \"Statement\" : [ {\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {\n      \"AWS\" : [ \"a\", \"b\" ]\n    },\n    \"Resource\" : \"*\"\n  } ]\n}";
    const INDENTED: &str = "{\n    \"Statement\": [\n        {\n            \"Effect\": \"Allow\",\n            \"Principal\": {\n                \"AWS\": \"a\"\n            }\n        }\n    ]\n}\n";

    #[test]
    fn additions_follow_the_layout() {
        insta::assert_snapshot!(edit(COMPACT, add_principal), @r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["a","x","y"]}}]}"#);
        insta::assert_snapshot!(edit(COMPACT, |_, editor| editor.append_statement(statement())), @r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"a"}},{"Sid":"new","Effect":"Allow","Principal":{"AWS":["a","b"]},"Action":"kms:Decrypt"}]}"#);
        insta::assert_snapshot!(edit(AWS, add_principal), @r#"
        {
          "Statement" : [ {
            "Effect" : "Allow",
            "Principal" : {
              "AWS" : [ "a", "b", "x", "y" ]
            },
            "Resource" : "*"
          } ]
        }
        "#);
        insta::assert_snapshot!(edit(AWS, |_, editor| editor.append_statement(statement())), @r#"
        {
          "Statement" : [ {
            "Effect" : "Allow",
            "Principal" : {
              "AWS" : [ "a", "b" ]
            },
            "Resource" : "*"
          }, {
            "Sid" : "new",
            "Effect" : "Allow",
            "Principal" : {
              "AWS" : [ "a", "b" ]
            },
            "Action" : "kms:Decrypt"
          } ]
        }
        "#);
        insta::assert_snapshot!(edit(INDENTED, add_principal), @r#"
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": [
                            "a",
                            "x",
                            "y"
                        ]
                    }
                }
            ]
        }
        "#);
        insta::assert_snapshot!(edit(INDENTED, |_, editor| editor.append_statement(statement())), @r#"
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": "a"
                    }
                },
                {
                    "Sid": "new",
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": [
                            "a",
                            "b"
                        ]
                    },
                    "Action": "kms:Decrypt"
                }
            ]
        }
        "#);
    }

    #[test]
    fn a_lone_statement_and_an_empty_list_take_more() {
        let lone = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": []}}}"#;
        insta::assert_snapshot!(edit(lone, |_, editor| editor.append_statement(statement())), @r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": []}}, {"Sid": "new", "Effect": "Allow", "Principal": {"AWS": ["a", "b"]}, "Action": "kms:Decrypt"}]}"#);
        insta::assert_snapshot!(edit(lone, add_principal), @r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": ["x", "y"]}}}"#);
        insta::assert_snapshot!(edit("{\r\n\t\"Statement\": []\r\n}", |_, editor| editor.append_statement(statement())), @r#"
        {
        	"Statement": [
        		{
        			"Sid": "new",
        			"Effect": "Allow",
        			"Principal": {
        				"AWS": [
        					"a",
        					"b"
        				]
        			},
        			"Action": "kms:Decrypt"
        		}
        	]
        }
        "#);
        insta::assert_snapshot!(edit("{\"Statement\":[]}", |_, editor| editor.append_statement(statement())), @r#"{"Statement":[{"Sid":"new","Effect":"Allow","Principal":{"AWS":["a","b"]},"Action":"kms:Decrypt"}]}"#);
    }

    #[test]
    fn removals_take_their_comma() {
        let text = r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["a", "b", "c"]}},
 {"Effect": "Allow", "Principal": {"AWS": "a", "Service": "s"}}, {"Effect": "Allow", "Principal": {"AWS": ["a"]}}]}"#;
        let gone = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        insta::assert_snapshot!(edit(text, |_, editor| editor.remove_principals(&[
            (0, gone(&["a", "b"])), (1, gone(&["a"])), (2, gone(&["a"]))])), @r#"
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["c"]}},
         {"Effect": "Allow", "Principal": {"Service": "s"}}]}
        "#);
        insta::assert_snapshot!(edit(text, |_, editor| editor.remove_principals(&[(0, gone(&["a", "b", "c"]))])), @r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "a", "Service": "s"}}, {"Effect": "Allow", "Principal": {"AWS": ["a"]}}]}"#);
        let lone = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": ["a"]}}}"#;
        insta::assert_snapshot!(edit(lone, |_, editor| editor.remove_principals(&[(0, gone(&["a"]))])), @r#"{"Statement": []}"#);
        insta::assert_snapshot!(edit(text, |_, editor| editor.remove_principals(&[(0, gone(&["b"]))])), @r#"
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["a", "c"]}},
         {"Effect": "Allow", "Principal": {"AWS": "a", "Service": "s"}}, {"Effect": "Allow", "Principal": {"AWS": ["a"]}}]}
        "#);
    }
}
