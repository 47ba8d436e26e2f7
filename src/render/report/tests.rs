use super::*;
use crate::access::Request;
use crate::observation::{KeyObservation, Observation, RamPolicy, Reading};
use crate::plan::Operation;
use crate::plan::Plan;
use crate::render::testing;

const NOW: &str = "2026-01-02T03:04:05Z";

/// What a report of a plan says of the key as its first change found it.
fn shown(plan: &Plan, request: &Request, render: fn(&Report<'_>) -> String) -> String {
    let mut observation = Observation::default();
    let policy = plan.changes.iter().find_map(|change| match &change.operation {
        Operation::PruneOrphans(update) | Operation::UpdateKeyPolicy(update) => Some(update.before.clone()),
        _ => None,
    });
    let policy = policy.map_or_else(Reading::default, Reading::Read);
    let observed = KeyObservation {
        metadata: Reading::default(),
        policy,
        ram_policy: RamPolicy::Absent,
        grants: Reading::default(),
    };
    observation.keys.extend(request.keys.iter().map(|key| (key.clone(), observed.clone())));
    render(&Report {
        made_at: NOW,
        case: &Case { chain: testing::chain(), request: request.clone(), observation, plan: plan.clone() },
        fates: Vec::new(),
        left: None,
        run: None,
        origin: Vec::new(),
        site: Vec::new(),
        journal: Vec::new(),
    })
}

fn everything() -> Plan {
    Plan {
        changes: testing::every_operation(),
        findings: testing::every_severity(),
        handovers: vec![testing::identity_handover()],
        ..testing::empty_plan()
    }
}

#[test]
fn every_kind_as_markdown() {
    let request = testing::request(&[testing::OTHER_ROOT, testing::USER, testing::ROLE]);
    insta::assert_snapshot!(shown(&everything(), &request, markdown));
}

#[test]
fn every_kind_as_html() {
    let request = testing::request(&[testing::OTHER_ROOT, testing::USER, testing::ROLE]);
    let page = shown(&everything(), &request, html);
    let (_, body) = page.split_once("<body>").unwrap();
    insta::assert_snapshot!(body);
}

#[test]
fn what_the_accounts_of_an_organization_need_is_told_whole() {
    let request = testing::request(&["o-a1b2c3d4e5", "o-b1b2c3d4e5/r-ab12/ou-ab12-11111111/"]);
    let text = shown(&testing::empty_plan(), &request, markdown);
    let (_, others) = text.split_once("## For other accounts").unwrap();
    insta::assert_snapshot!(others);
    let page = shown(&testing::empty_plan(), &request, html);
    assert!(page.contains("AllowAttachmentOfPersistentResources"), "{page}");
    let both = Plan { handovers: vec![testing::identity_handover()], ..testing::empty_plan() };
    let text = shown(&both, &request, markdown);
    assert!(
        text.contains("account 444455556666:\n") && text.contains("each account of `o-a1b2c3d4e5`"),
        "{text}"
    );
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = shown(&everything(), &testing::request(&[testing::ROLE]), html);
    for forbidden in
        ["<script", "<link", "<img", "<iframe", "@import", "url(", "src=", "href=", "http://", "https://"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
}

/// A plan whose texts would be markup.
fn hostile() -> Plan {
    const EVIL: &str = "</pre><script>alert(1)</script><!--\"'&``` [x](javascript:1) |a| *b*\n# c";
    let mut plan = testing::hostile_plan();
    let document = |sid: &str| testing::key_policy(&[(sid, &[testing::USER])]);
    plan.changes.push(testing::update_key_policy(document("a"), document(EVIL)));
    plan.changes[0].reason = EVIL.to_owned();
    plan.findings.push(testing::finding(crate::plan::FindingCode::DenyStatement, EVIL, EVIL, Some(EVIL)));
    plan
}

#[test]
fn nothing_from_outside_is_markup() {
    let request = testing::request(&[testing::ROLE]);
    let page = shown(&hostile(), &request, html);
    assert!(!page.contains("<script") && !page.contains("<!--") && !page.contains('\u{1b}'), "{page}");
    assert_eq!(page.matches("<pre").count(), page.matches("</pre>").count());
    let text = shown(&hostile(), &request, markdown);
    assert!(!text.contains('\u{1b}') && !text.contains("\n# c"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn fences_outlast_what_they_hold() {
    let mut outside = true;
    let text = shown(&hostile(), &testing::request(&[testing::ROLE]), markdown);
    let mut fence = "";
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        if outside && ticks >= 3 {
            fence = &line[..ticks];
            outside = false;
        } else if !outside && line == fence {
            outside = true;
        } else if outside {
            assert!(
                !line.contains("<script>alert") || line.contains("\\<script\\>") || line.contains('`'),
                "{line}"
            );
        }
    }
    assert!(outside, "the last fence is closed");
}
