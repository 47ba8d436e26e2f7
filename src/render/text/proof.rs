//! What evaluation tells of access.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::names;
use crate::access::assessment::{Assessment, Verdict};
use crate::render::Styles;
use crate::render::prose::Prose;

/// Writes for each grantee and key whether what reads back lets it launch, and what was not considered.
///
/// # Errors
/// What the writer returns.
pub fn proof(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    assessments: &[Assessment],
) -> io::Result<()> {
    if assessments.is_empty() {
        return Ok(());
    }
    Prose::new().styled(styles.strong, "By the policies as they read back:").write(out, width, 0)?;
    for assessment in assessments {
        let verdict = assessment.verdict();
        let style = match verdict {
            Verdict::Able => styles.added,
            Verdict::Unknown => styles.warning,
            Verdict::Missing | Verdict::Blocked => styles.blocked,
        };
        let line = Prose::new()
            .text(&format!("{} ", names::grantee(&assessment.grantee)))
            .styled(style, &verdict.to_string())
            .text(&format!(" with {}", names::key(&assessment.key)));
        line.write(out, width, 2)?;
    }
    let gaps: BTreeSet<&str> =
        assessments.iter().flat_map(|assessment| &assessment.not_considered).map(String::as_str).collect();
    if gaps.is_empty() {
        return Ok(());
    }
    let text = format!("Not considered, so nothing is proven: {}.", names::list(gaps));
    Prose::new().styled(styles.dim, &text).write(out, width, 2)
}
