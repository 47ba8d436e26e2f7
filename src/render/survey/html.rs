//! The survey as one HTML page: the causes with their keys, every pair that can't launch, and what was not looked at.

use std::fmt::Write as _;

use super::{besides, counted, gaps, party, summary, verdict};
use crate::plan::survey::{LackingGroup, Survey};
use crate::render::report::html::{page, prose, text};
use crate::render::text::{names, remedy};

const TITLE: &str = "Encrypted AMIs that are shared, and who can't launch them";

/// The page; like reports it runs nothing and loads nothing.
pub fn html(survey: &Survey, made_at: &str) -> String {
    let mut body = String::new();
    _ = writeln!(body, "<header>\n<h1>{TITLE}</h1>");
    for (index, line) in summary(survey).iter().enumerate() {
        let class = if index == 0 { " class=\"summary\"" } else { "" };
        _ = writeln!(body, "<p{class}>{}</p>", text(line));
    }
    _ = writeln!(body, "<dl>\n<dt>Made</dt>\n<dd>{}</dd>\n</dl>\n</header>", text(made_at));
    for group in survey.groups() {
        one_group(&mut body, &group);
    }
    not_looked_at(&mut body, survey);
    places(&mut body, survey);
    page(TITLE, &body)
}

fn one_group(out: &mut String, group: &LackingGroup<'_>) {
    let (who, is_several) = counted(&group.parties());
    let verdict = verdict(group, is_several);
    let keys = names::counted(group.rows.len(), "key");
    _ = writeln!(out, "<section>\n<h2>{}</h2>", text(&format!("{who} {verdict}: {keys}")));
    for other in group.others() {
        _ = writeln!(out, "<p>{}</p>", prose(other));
    }
    if let Some(says) = remedy(group.conclusion, group.remedy) {
        _ = writeln!(out, "<p class=\"hint\">{}.</p>", text(says));
    }
    _ = writeln!(out, "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Key</th>");
    _ = writeln!(out, "<th scope=\"col\">For</th><th scope=\"col\">AMIs</th></tr></thead>\n<tbody>");
    for row in &group.rows {
        let parties: Vec<String> = row.parties.keys().map(|own| text(&party(own))).collect();
        let images: Vec<String> = row.images().into_iter().map(text).collect();
        _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            text(&names::key(row.key)),
            parties.join("<br>"),
            images.join("<br>")
        );
    }
    _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
}

fn not_looked_at(out: &mut String, survey: &Survey) {
    let besides = besides(survey);
    if survey.gaps.is_empty() && besides.is_empty() {
        return;
    }
    _ = writeln!(out, "<section>\n<h2>Not looked at</h2>\n<ul class=\"findings\">");
    for gap in gaps(survey) {
        _ = writeln!(
            out,
            "<li class=\"warning\"><p><strong>{}</strong> {}</p></li>",
            text(&gap.what()),
            prose(&gap.why())
        );
    }
    for other in besides {
        _ = writeln!(out, "<li class=\"note\"><p>{}</p></li>", prose(&other));
    }
    _ = writeln!(out, "</ul>\n</section>");
}

fn places(out: &mut String, survey: &Survey) {
    if survey.places.is_empty() {
        return;
    }
    _ = writeln!(out, "<section>\n<h2>Looked at</h2>\n<div class=\"wide\"><table>\n<thead><tr>");
    _ = writeln!(
        out,
        "<th scope=\"col\">Account</th><th scope=\"col\">Region</th><th scope=\"col\">Encrypted AMIs</th>\
         <th scope=\"col\">Shared</th><th scope=\"col\">As</th></tr></thead>\n<tbody>"
    );
    for place in &survey.places {
        _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            place.account,
            text(&place.region),
            place.encrypted,
            place.shared,
            text(&place.caller)
        );
    }
    _ = writeln!(out, "</tbody>\n</table></div>\n</section>");
}
