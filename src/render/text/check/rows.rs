//! What a check found, a line for each grantee and key.

use std::io::{self, Write};

use super::reasons;
use crate::access::Grantee;
use crate::arn::Members;
use crate::plan::conclusion::{Checked, Conclusion};
use crate::render::Styles;
use crate::render::text::table::table;

const HEADING: [&str; 7] = ["ACCESS", "GRANTEE", "ACCOUNT", "KEY", "KEY-ACCOUNT", "REGION", "BECAUSE"];

/// Writes whether each grantee can launch with each key, and why; only the last column has blanks in it.
///
/// # Errors
/// What the writer returns.
pub fn checks_table(out: &mut dyn Write, styles: &Styles, checked: &[Checked]) -> io::Result<()> {
    let rows: Vec<[String; HEADING.len()]> = checked.iter().map(row).collect();
    table(out, styles, HEADING, &rows)
}

fn row(checked: &Checked) -> [String; HEADING.len()] {
    let assessment = &checked.assessment;
    let access = match checked.conclusion {
        Conclusion::CanLaunch => "yes",
        Conclusion::Unknown => "unknown",
        Conclusion::Missing => "missing",
        Conclusion::Blocked => "blocked",
    };
    let because = match checked.conclusion {
        Conclusion::CanLaunch => assessment.by_what(),
        _ => reasons::in_the_way(assessment).join("; "),
    };
    let key = &assessment.key;
    let account = assessment.grantee.account().map(|account| account.to_string()).unwrap_or_default();
    [
        access.to_owned(),
        name(&assessment.grantee),
        account,
        key.id.clone(),
        key.account.to_string(),
        key.region.clone(),
        because,
    ]
}

/// `role/app`, and its account stands in a column of its own.
fn name(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Account { .. } => "account".to_owned(),
        Grantee::Members(Members::Organization(id)) => id.to_string(),
        Grantee::Members(Members::Unit(unit)) => unit.to_string(),
        Grantee::MembersRole(role) => role.to_string(),
        Grantee::Entity(_) | Grantee::ServiceLinkedRole(_) => {
            let entity = grantee.as_entity().map(|entity| format!("{}/{}", entity.kind, entity.name));
            entity.unwrap_or_default()
        }
    }
}
