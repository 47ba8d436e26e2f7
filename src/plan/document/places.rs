//! Where in a document's text that stands which a finding speaks of.

use crate::access::assessment::{DecidingStatement, DocumentName};
use crate::plan::finding::{DocumentFinding, EvaluationFinding, FindingKind, KeyPolicyFinding, Unsavable};
use crate::plan::judgement;
use crate::policy::document::{StringList, label};
use crate::policy::{PolicyDocument, PolicyError, PrincipalElement, Span, Statement};

/// A document in which places are looked for.
#[derive(Debug)]
pub struct Places<'t> {
    text: &'t str,
    document: Result<PolicyDocument, PolicyError>,
}

impl<'t> Places<'t> {
    /// Of a document's text, which need not be a policy.
    pub fn of(text: &'t str) -> Self {
        Self { text, document: PolicyDocument::parse(text) }
    }

    /// What of the text a finding speaks of, each place by its bytes, in source order; nothing where it speaks of the whole.
    pub fn spoken_of(&self, found: &FindingKind) -> Vec<Span> {
        let document = match &self.document {
            Ok(document) => document,
            Err(error) => {
                let at = is_unreadable(found).then_some(error.offset..error.offset);
                return at.into_iter().collect();
            }
        };
        match found {
            FindingKind::KeyPolicy(
                KeyPolicyFinding::Inert { statement }
                | KeyPolicyFinding::OpenToAnyone { statement, .. }
                | KeyPolicyFinding::LacksGrants { statement, .. }
                | KeyPolicyFinding::Broader { statement, .. }
                | KeyPolicyFinding::Wider { statement, .. },
            ) => statements(document, |index, known| known.label(index) == *statement),
            FindingKind::KeyPolicy(KeyPolicyFinding::RepeatedSid { sid })
            | FindingKind::Document(DocumentFinding::Refused(Unsavable::RefusedSid(sid))) => {
                statements(document, |_, known| known.sid.as_ref() == Some(sid))
            }
            FindingKind::KeyPolicy(KeyPolicyFinding::Orphans { orphans, .. }) => {
                principals(document, |text| orphans.iter().any(|id| id == text))
            }
            FindingKind::Document(DocumentFinding::Template { placeholder }) => {
                let found = self.text.find(placeholder.as_str());
                found.map(|at| at..at + placeholder.len()).into_iter().collect()
            }
            FindingKind::KeyPolicy(KeyPolicyFinding::RefusedCharacters)
            | FindingKind::Document(DocumentFinding::Refused(Unsavable::RefusedCharacters)) => {
                let refused = |character: char| !judgement::is_allowed_character(character);
                self.text.match_indices(refused).map(|(at, text)| at..at + text.len()).take(1).collect()
            }
            FindingKind::Evaluation(found) => deciding(found)
                .map(|deciding| {
                    let called = label(deciding.sid.as_deref(), deciding.number);
                    statements(document, |index, known| known.label(index) == called)
                })
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

fn is_unreadable(found: &FindingKind) -> bool {
    matches!(
        found,
        FindingKind::KeyPolicy(KeyPolicyFinding::Unreadable { .. })
            | FindingKind::Document(DocumentFinding::Unreadable { .. })
    )
}

/// The statement of the key policy that a finding of evaluation speaks of.
fn deciding(found: &EvaluationFinding) -> Option<&DecidingStatement> {
    let statement = match found {
        EvaluationFinding::Denied { statement, .. }
        | EvaluationFinding::PerhapsDenied { statement, .. }
        | EvaluationFinding::DeniedBeside { statement, .. }
        | EvaluationFinding::InstanceDenied { statement, .. }
        | EvaluationFinding::InstancePerhapsDenied { statement, .. } => statement,
        EvaluationFinding::NearMiss { missed, .. } => &missed.statement,
        _ => return None,
    };
    matches!(statement.document, DocumentName::KeyPolicy { .. }).then_some(statement)
}

/// The statements that are meant. One without a Sid is known by its number alone, which may be another one once principals
/// that no longer exist are gone, with their statements: where there are any, it is not told.
fn statements(document: &PolicyDocument, is_meant: impl Fn(usize, &Statement) -> bool) -> Vec<Span> {
    let is_numbered_anew = !document.orphans().is_empty();
    let statements = document.statements.iter().enumerate();
    let meant = statements.filter(|(index, known)| is_meant(*index, known));
    meant
        .filter(|(_, known)| known.sid.is_some() || !is_numbered_anew)
        .map(|(_, known)| known.span())
        .collect()
}

fn principals(document: &PolicyDocument, is_meant: impl Fn(&str) -> bool) -> Vec<Span> {
    let elements = document.statements.iter().filter_map(|statement| statement.principal.as_ref());
    let listed = elements.filter_map(PrincipalElement::aws_list).flat_map(StringList::placed);
    listed.filter(|(text, _)| is_meant(text)).map(|(_, span)| span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"Statement": [
        {"Sid": "Gone", "Effect": "Allow", "Principal": {"AWS": ["AIDAEXAMPLEEXAMPLE12", "111122223333"]}},
        {"Effect": "Allow", "Principal": {"AWS": "AIDAEXAMPLEEXAMPLE12"}},
        {"Sid": "Twice", "Effect": "Deny", "Principal": "*"},
        {"Sid": "Twice", "Effect": "Allow", "Principal": "*"}
    ]}"#;

    fn spoken_of(text: &str, found: impl Into<FindingKind>) -> Vec<&str> {
        let spans = Places::of(text).spoken_of(&found.into());
        spans.into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn a_finding_is_where_what_it_speaks_of_stands() {
        let inert = |statement: &str| KeyPolicyFinding::Inert { statement: statement.to_owned() };
        let [one, twice] =
            [spoken_of(POLICY, inert("statement \"Gone\"")), spoken_of(POLICY, inert("statement \"Twice\""))];
        assert!(
            one.len() == 1 && one[0].starts_with("{\"Sid\": \"Gone\"") && one[0].ends_with("]}}"),
            "{one:?}"
        );
        assert_eq!(twice.len(), 2, "nobody can tell which one is meant");
        let repeated = KeyPolicyFinding::RepeatedSid { sid: "Twice".to_owned() };
        assert_eq!(spoken_of(POLICY, repeated), twice);
        let refused = DocumentFinding::Refused(Unsavable::RefusedSid("Twice".to_owned()));
        assert_eq!(spoken_of(POLICY, refused), twice);
        let orphans = vec!["AIDAEXAMPLEEXAMPLE12".to_owned()];
        let orphans = KeyPolicyFinding::Orphans { orphans, can_be_pruned: true };
        assert_eq!(spoken_of(POLICY, orphans), ["\"AIDAEXAMPLEEXAMPLE12\""; 2]);
        assert_eq!(spoken_of(POLICY, KeyPolicyFinding::NoStatement), Vec::<&str>::new());
        let refused = POLICY.replace("Gone", "é😀ā");
        assert_eq!(spoken_of(&refused, KeyPolicyFinding::RefusedCharacters), ["😀"]);
    }

    #[test]
    fn a_number_tells_nothing_where_statements_go() {
        let inert = || KeyPolicyFinding::Inert { statement: "statement 2".to_owned() };
        assert_eq!(spoken_of(POLICY, inert()), Vec::<&str>::new());
        let kept = POLICY.replace("AIDAEXAMPLEEXAMPLE12", "444455556666");
        assert_eq!(
            spoken_of(&kept, inert()),
            [r#"{"Effect": "Allow", "Principal": {"AWS": "444455556666"}}"#]
        );
    }

    #[test]
    fn what_is_no_policy_is_told_where_it_ends_to_be_one() {
        let text = "{\n  \"Statement\": [{\"Effect\": \"allow\"}]\n}";
        let unreadable = || DocumentFinding::Unreadable { error: String::new() };
        let spans = Places::of(text).spoken_of(&unreadable().into());
        assert_eq!(spans.len(), 1);
        assert!(text[spans[0].start..].starts_with("\"allow\""), "{spans:?}");
        assert!(Places::of(text).spoken_of(&KeyPolicyFinding::NoStatement.into()).is_empty());
        let template = POLICY.replace("111122223333", "${account}");
        let found = DocumentFinding::Template { placeholder: "${account}".to_owned() };
        assert_eq!(spoken_of(&template, found), ["${account}"]);
    }
}
