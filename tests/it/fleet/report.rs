//! `fleet status --report`: a page with all accounts, and one for each.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::{CLEAR, Fleet, SMALL};

/// The pages that were made, by their names.
fn pages(fleet: &Fleet, name: &str) -> BTreeMap<String, String> {
    let ran = fleet.scene.run(&format!("fleet status --dir fleet --report {name}.html"));
    assert!(ran.stderr.contains(&format!("The report is in {name}.html")), "{ran}");
    let first = fs::read_to_string(fleet.scene.path(&format!("{name}.html"))).unwrap();
    let own = fs::read_dir(fleet.scene.path(&format!("{name}-accounts"))).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    own.chain([("first".to_owned(), first)]).collect()
}

#[test]
fn a_report_has_a_page_for_each_account_and_one_that_leads_to_them() {
    let fleet = Fleet::of(&format!("{SMALL} {CLEAR} --no-credentials 1"));
    let key = fleet.documents().into_keys().find(|name| name.contains(":key/")).unwrap();
    let owner = key.split(':').nth(4).unwrap();
    fleet.set_faults(json!([
        {"operation": "kms:GetKeyPolicy", "resource": key, "times": 100_000, "fault": "error",
         "code": "AccessDeniedException", "message": "<b>not</b> authorized"}
    ]));
    fleet.plan("");
    fleet.approved("apply");
    let pages = pages(&fleet, "my+report");
    let states = fleet.states();
    assert_eq!(pages.len(), states.len() + 1);
    let first = &pages["first"];
    for account in states.keys() {
        let link = format!("<a href=\"my%2Breport-accounts/{account}.html\">{account}</a>");
        assert_eq!(first.matches(&link).count(), 1, "{account}");
        assert!(pages[&format!("{account}.html")].contains("<a href=\"../my%2Breport.html\">"), "{account}");
    }
    assert!(first.contains("left out: kms:GetKeyPolicy as"), "{first}");
    let page = &pages[&format!("{owner}.html")];
    let id = key.rsplit_once('/').unwrap().1;
    let table = page.split_once(&format!("<caption>key {id}")).unwrap().1.split_once("</table>").unwrap().0;
    assert!(table.contains("<td class=\"lacks\">missing</td>"), "{table}");
    assert!(table.contains("left out, and nothing is planned for it: kms:GetKeyPolicy"), "{table}");
    assert!(table.contains("&lt;b&gt;not&lt;/b&gt; authorized"), "{table}");
    assert!(
        page.contains("<td>let AWS services use it for persistent resources and use the key</td>"),
        "{page}"
    );
    assert!(pages.values().all(|page| !page.contains("<b>not")), "it is escaped");
    assert_eq!(self::pages(&fleet, "my+report"), pages, "the same folder gives the same pages");
    let markdown = fleet.scene.run("fleet status --dir fleet --report fleet.md");
    assert_eq!(markdown.status, 2, "{markdown}");
    assert!(markdown.stderr.contains("a fleet is reported as HTML alone"), "{markdown}");
}

#[test]
fn lines_fit_the_terminal_and_hints_say_what_the_commands_need() {
    let fleet = Fleet::small();
    fleet.plan("");
    let mut command = fleet.scene.command("fleet status --dir fleet");
    let ran = fleet.scene.run_command(command.env("COLUMNS", "70"), "fleet status --dir fleet");
    let long = ran.stdout.lines().find(|line| line.chars().count() > 70);
    assert_eq!(long, None, "{ran}");
    assert!(ran.stdout.contains("Changes:"), "{ran}");
    assert!(ran.stderr.contains("`keymend fleet apply --dir fleet --sandbox=WORLD`"), "{ran}");
}
