//! What covers each side of each grantee's access.

use std::io::{self, Write};

use super::names;
use crate::plan::{Coverage, Side};
use crate::render::Styles;
use crate::render::prose::Prose;
use crate::render::styles::paint;

/// Writes for each grantee and key which statement or policy covers each side.
///
/// # Errors
/// What the writer returns.
pub fn coverage(out: &mut dyn Write, styles: &Styles, width: usize, coverage: &[Coverage]) -> io::Result<()> {
    for Coverage { grantee, key, key_policy, identity } in coverage {
        Prose::new().styled(styles.strong, &names::grantee(grantee)).write(out, width, 2)?;
        let key = format!("{} ({}, {})", key.id, key.account, key.region);
        row(out, styles, width, "key", &Prose::new().text(&key))?;
        row(out, styles, width, "key policy", &side(styles, key_policy))?;
        row(out, styles, width, "IAM", &side(styles, identity))?;
    }
    Ok(())
}

fn side(styles: &Styles, side: &Side) -> Prose {
    match side {
        Side::Covered(by) => Prose::new().text(&names::list(by)),
        Side::Planned => Prose::new().text("by the plan's changes in another account"),
        Side::NotNeeded => Prose::new().styled(styles.dim, "nothing needed"),
        Side::Missing => Prose::new().styled(styles.left_over, "missing"),
        Side::Elsewhere => Prose::new().styled(styles.dim, "by the part of its own account"),
    }
}

fn row(out: &mut dyn Write, styles: &Styles, width: usize, label: &str, text: &Prose) -> io::Result<()> {
    const TEXT: usize = 16;
    write!(out, "    {}", paint(styles.dim, format_args!("{label:<12}")))?;
    text.write_at(out, width, TEXT, TEXT)
}
