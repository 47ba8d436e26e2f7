//! A fleet as HTML: a page with all of its accounts, and one for each, so that none grows with the fleet.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::report::html::{self, page, prose, text};
use super::text::names;
use crate::access::Grantee;
use crate::arn::{AccountId, KeyArn};
use crate::plan::{Coverage, Plan, Severity, Side, Told};

/// Where an account stands.
#[derive(Debug, Clone)]
pub struct AccountRow<'a> {
    /// The account.
    pub account: AccountId,
    /// Its state, in words.
    pub state: &'a str,
    /// Whether everything is as it is to be.
    pub is_well: bool,
    /// How many changes its plan has.
    pub changes: usize,
    /// What is in the way, or left, and how often.
    pub causes: Vec<(&'a str, usize)>,
}

/// Equal changes or causes, over all accounts.
#[derive(Debug, Clone)]
pub struct MergedRow<'a> {
    /// What it is, in words.
    pub what: &'a str,
    /// How many there are.
    pub count: usize,
    /// In how many accounts.
    pub accounts: usize,
}

/// A line of the manifest that is left out.
#[derive(Debug, Clone)]
pub struct LineRow<'a> {
    /// The line, counted from 1.
    pub line: usize,
    /// What became of it, in words.
    pub state: &'a str,
    /// Why.
    pub cause: &'a str,
}

/// What the first page shows.
#[derive(Debug)]
pub struct FleetOverview<'a> {
    /// What was done last: `plan`, `apply`, `rollback`.
    pub step: &'a str,
    /// How many accounts are in each state.
    pub states: Vec<(&'a str, usize)>,
    /// What is changed.
    pub changes: Vec<MergedRow<'a>>,
    /// What is in the way, or left.
    pub causes: Vec<MergedRow<'a>>,
    /// What of the manifest is left out.
    pub lines: Vec<LineRow<'a>>,
    /// The accounts.
    pub rows: Vec<AccountRow<'a>>,
    /// The name of the folder, beside the page, that those of the accounts are in.
    pub folder: &'a str,
}

/// The first page: counts, causes, and where each account stands.
pub fn overview(fleet: &FleetOverview<'_>) -> String {
    let title = format!("A fleet of {}: {}", names::counted(fleet.rows.len(), "account"), fleet.step);
    let mut out = format!("<header>\n<h1>{}</h1>\n<dl>\n", text(&title));
    for (state, count) in &fleet.states {
        _ = writeln!(out, "<dt>{}</dt>\n<dd>{count}</dd>", text(state));
    }
    _ = writeln!(out, "</dl>\n</header>");
    merged(&mut out, "In the way, or left", &fleet.causes);
    left_lines(&mut out, &fleet.lines);
    merged(&mut out, "Changes", &fleet.changes);
    _ = writeln!(out, "<section>\n<h2>Accounts</h2>\n<div class=\"wide\"><table>");
    head(&mut out, &["Account", "State", "Changes", "In the way, or left"]);
    for row in &fleet.rows {
        let causes: Vec<String> = row.causes.iter().map(|(what, count)| cause(what, *count)).collect();
        _ = writeln!(
            out,
            "<tr><th scope=\"row\"><a href=\"{}/{account}.html\">{account}</a></th><td class=\"{}\">{}</td><td>{}</td>\
             <td>{}</td></tr>",
            in_address(fleet.folder),
            class(row.is_well),
            text(row.state),
            row.changes,
            causes.join("<br>"),
            account = row.account,
        );
    }
    _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
    page(&text(&title), &out)
}

/// What the page of an account shows.
#[derive(Debug)]
pub struct AccountPage<'a> {
    /// Where it stands.
    pub row: AccountRow<'a>,
    /// The run that wrote there, and the digest of its journal.
    pub run: Option<(&'a str, &'a str)>,
    /// Its plan, where there is one; or why it can't be shown.
    pub plan: Result<Option<&'a Plan<Told>>, &'a str>,
    /// The name of the first page.
    pub first: &'a str,
}

/// The page of an account: its keys with those who need them, what each gains, what can't be mended, and why.
pub fn account(shown: &AccountPage<'_>) -> String {
    let AccountPage { row, run, plan, first } = shown;
    let title = format!("Account {}: {}", row.account, row.state);
    let mut out = format!(
        "<header>\n<p><a href=\"../{}\">All accounts</a></p>\n<h1>{}</h1>\n",
        in_address(first),
        text(&title)
    );
    if let Some((run, digest)) = run {
        _ = writeln!(out, "<dl>\n<dt>Run</dt>\n<dd>{}</dd>", text(run));
        _ = writeln!(out, "<dt>Digest of its journal</dt>\n<dd>{}</dd>\n</dl>", text(digest));
    }
    _ = writeln!(out, "</header>");
    if !row.causes.is_empty() {
        _ = writeln!(out, "<section>\n<h2>In the way, or left</h2>\n<ul class=\"findings\">");
        for (what, count) in &row.causes {
            _ = writeln!(out, "<li class=\"left\"><p>{}</p></li>", cause(what, *count));
        }
        _ = writeln!(out, "</ul>\n</section>");
    }
    match plan {
        Err(why) => _ = writeln!(out, "<section>\n<p>{}</p>\n</section>", prose(why)),
        Ok(None) => {}
        Ok(Some(plan)) => {
            keys(&mut out, plan);
            html::findings(&mut out, &plan.findings);
        }
    }
    page(&text(&title), &out)
}

/// Each key with those who need it.
fn keys(out: &mut String, plan: &Plan<Told>) {
    if plan.coverage.is_empty() {
        return;
    }
    let mut gains: BTreeMap<(&KeyArn, &Grantee), Vec<&str>> = BTreeMap::new();
    for gain in plan.changes.iter().flat_map(|change| &change.gains) {
        let known = gains.entry((&gain.key, &gain.grantee)).or_default();
        known.extend(gain.purposes.iter().map(String::as_str));
        known.sort_unstable();
        known.dedup();
    }
    let mut whys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for told in &plan.findings {
        if matches!(told.code.severity(), Severity::Blocking | Severity::LeftOver) {
            whys.entry(&told.subject).or_default().push(&told.message);
        }
    }
    _ = writeln!(out, "<section>\n<h2>Keys</h2>");
    let mut last = None;
    for covered in &plan.coverage {
        if last != Some(&covered.key) {
            if last.is_some() {
                _ = writeln!(out, "</tbody>\n</table></div>");
            }
            let key = text(&names::key(&covered.key));
            _ = writeln!(out, "<div class=\"wide\"><table>\n<caption>{key}</caption>");
            head(out, &["Grantee", "Key policy", "IAM", "Gains", "Why not"]);
            last = Some(&covered.key);
        }
        let gained = gains.get(&(&covered.key, &covered.grantee)).map(|purposes| purposes.join(" and "));
        _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th>{}{}<td>{}</td><td>{}</td></tr>",
            text(&names::grantee(&covered.grantee)),
            side(&covered.key_policy),
            side(&covered.identity),
            text(&gained.unwrap_or_default()),
            why(covered, &whys)
        );
    }
    _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
}

fn side(side: &Side) -> String {
    let (class, words) = match side {
        Side::Covered(by) => ("held", format!("is there: {}", by.join(", "))),
        Side::Planned => ("gained", "by this plan".to_owned()),
        Side::NotNeeded => ("held", "not needed".to_owned()),
        Side::Missing => ("lacks", "missing".to_owned()),
        Side::Elsewhere => ("lacks", "in another account's plan".to_owned()),
    };
    format!("<td class=\"{class}\">{}</td>", text(&words))
}

/// What is found of the key, of the grantee or of an account of theirs, where a side is missing.
fn why(covered: &Coverage, whys: &BTreeMap<&str, Vec<&str>>) -> String {
    if ![&covered.key_policy, &covered.identity].contains(&&Side::Missing) {
        return String::new();
    }
    let Coverage { key, grantee, .. } = covered;
    let accounts = [Some(key.account), grantee.account()].into_iter().flatten();
    let subjects = [key.to_string(), grantee.to_string()].into_iter();
    let subjects: std::collections::BTreeSet<String> =
        subjects.chain(accounts.map(|id| id.to_string())).collect();
    let found = subjects.iter().filter_map(|subject| whys.get(subject.as_str())).flatten();
    found.map(|message| prose(message)).collect::<Vec<_>>().join("<br>")
}

fn merged(out: &mut String, title: &str, rows: &[MergedRow<'_>]) {
    if rows.is_empty() {
        return;
    }
    _ = writeln!(out, "<section>\n<h2>{title}</h2>\n<div class=\"wide\"><table>");
    head(out, &["What", "Times", "Accounts"]);
    for MergedRow { what, count, accounts } in rows {
        let what = prose(what);
        _ = writeln!(out, "<tr><th scope=\"row\">{what}</th><td>{count}</td><td>{accounts}</td></tr>");
    }
    _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
}

fn left_lines(out: &mut String, lines: &[LineRow<'_>]) {
    if lines.is_empty() {
        return;
    }
    _ = writeln!(
        out,
        "<section>\n<h2>Lines of the manifest that are left out</h2>\n<div class=\"wide\"><table>"
    );
    head(out, &["Line", "State", "Why"]);
    for LineRow { line, state, cause } in lines {
        let (state, cause) = (text(state), prose(cause));
        _ = writeln!(
            out,
            "<tr><th scope=\"row\">{line}</th><td class=\"lacks\">{state}</td><td>{cause}</td></tr>"
        );
    }
    _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
}

fn head(out: &mut String, columns: &[&str]) {
    _ = write!(out, "<thead><tr>");
    for column in columns {
        _ = write!(out, "<th scope=\"col\">{column}</th>");
    }
    _ = writeln!(out, "</tr></thead>\n<tbody>");
}

fn cause(what: &str, count: usize) -> String {
    let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
    prose(what) + &times
}

fn class(is_well: bool) -> &'static str {
    if is_well { "held" } else { "lacks" }
}

/// A file's name as a part of an address.
///
/// <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
fn in_address(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::FindingCode;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn row(causes: Vec<(&str, usize)>) -> AccountRow<'_> {
        let account = "111122223333".parse().unwrap();
        AccountRow { account, state: "blocked", is_well: false, changes: 2, causes }
    }

    #[test]
    fn the_first_page_leads_to_each_account_and_escapes_what_it_shows() {
        let shown = overview(&FleetOverview {
            step: "apply",
            states: vec![("blocked", 1)],
            changes: vec![MergedRow { what: "update the key policy", count: 2, accounts: 1 }],
            causes: vec![MergedRow { what: "a `<b>` is in the way", count: 3, accounts: 1 }],
            lines: vec![LineRow { line: 7, state: "refused", cause: "the image `ami-<b>` does not exist" }],
            rows: vec![row(vec![("a `<b>` is in the way", 3)])],
            folder: "my fleet\"><",
        });
        assert!(
            shown.contains("<a href=\"my%20fleet%22%3E%3C/111122223333.html\">111122223333</a>"),
            "{shown}"
        );
        assert!(shown.contains("a <code>&lt;b&gt;</code> is in the way (3 times)"), "{shown}");
        assert!(shown.contains("<th scope=\"row\">7</th>") && shown.contains("ami-&lt;b&gt;"), "{shown}");
        assert!(!shown.contains("<b>"), "{shown}");
    }

    #[test]
    fn the_page_of_an_account_tells_who_gains_what_and_why_not() {
        let grantee = |text: &str| text.parse::<Grantee>().unwrap();
        let covered = |text: &str, key_policy: Side| Coverage {
            grantee: grantee(text),
            key: KEY.parse().unwrap(),
            key_policy,
            identity: Side::Elsewhere,
        };
        let refused = "arn:aws:iam::444455556666:role/app";
        let plan = Plan {
            findings: vec![
                Told {
                    code: FindingCode::Unread,
                    subject: refused.to_owned(),
                    message: "left out: <script>".to_owned(),
                    hint: Some("let it be read".to_owned()),
                },
                Told {
                    code: FindingCode::MultiRegionKey,
                    subject: KEY.to_owned(),
                    message: "a note".to_owned(),
                    hint: None,
                },
            ],
            changes: Vec::new(),
            coverage: vec![
                covered(refused, Side::Missing),
                covered("arn:aws:iam::444455556666:role/web", Side::Planned),
            ],
            handovers: Vec::new(),
        };
        let shown = account(&AccountPage {
            row: row(vec![("left out", 1)]),
            run: Some(("a run", "a digest")),
            plan: Ok(Some(&plan)),
            first: "fleet.html",
        });
        let table = shown.split_once("<h2>Keys</h2>").unwrap().1.split_once("</section>").unwrap().0;
        assert_eq!(table.matches("left out: &lt;script&gt;").count(), 1, "{table}");
        assert_eq!(table.matches("by this plan").count(), 1, "{table}");
        assert!(!table.contains("a note"), "a note is no reason: {table}");
        assert!(shown.contains("a note") && shown.contains("let it be read"), "{shown}");
        assert!(!shown.contains("<script"), "{shown}");
        assert!(shown.contains("<a href=\"../fleet.html\">"), "{shown}");
    }
}
