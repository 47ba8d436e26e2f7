//! The survey for programs: a record a line, as JSON or CSV.

use std::collections::BTreeSet;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{conclusion_word, party_id, party_kind};
use crate::escape::{Escaped, EscapedJson};
use crate::plan::conclusion::{Conclusion, Remedy};
use crate::plan::survey::{Cause, Gap, GapReason, LackingGroup, Pair, SharedImage, Survey, SurveyedPlace};

/// One of those whom an AMI is shared with, and one of the AMI's keys.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SurveyedPair")]
pub(in crate::render) struct PairOutput<'s> {
    /// The account that owns the AMI.
    account: String,
    /// The AMI's region.
    region: &'s str,
    /// The AMI's id.
    ami: &'s str,
    /// The AMI's name.
    name: &'s str,
    /// The key's ARN.
    key: String,
    /// An account's root by its ARN, an organization's id, an OU's path; `*` where the AMI is public.
    grantee: String,
    /// `account`, `organization`, `ou`, `everybody` or `other`.
    grantee_kind: &'static str,
    /// Whether they can launch.
    conclusion: Conclusion,
    /// What `keymend fix` would do about it.
    remedy: Remedy,
    /// Why they can't, or why nobody can tell; empty where they can.
    causes: &'s BTreeSet<Cause>,
}

/// An account and a region of which the AMIs were listed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SurveyedPlace")]
pub(in crate::render) struct PlaceOutput<'s> {
    /// The account.
    account: String,
    /// The region.
    region: &'s str,
    /// How many AMIs it owns of which something is encrypted, or may be.
    encrypted: usize,
    /// How many of them are shared.
    shared: usize,
}

/// Something that was not looked at.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SurveyGap")]
pub(in crate::render) struct GapOutput<'s> {
    /// The account.
    account: String,
    /// The region; null where the account as a whole was not looked at.
    region: Option<&'s str>,
    /// The id or ARN of what was not looked at; null where it is the account, or the account in the region.
    resource: Option<&'s str>,
    /// Why.
    reason: GapReason,
    /// Why, for people.
    message: &'s str,
}

/// Everybody who can't launch for the same causes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SurveyGroup")]
pub(in crate::render) struct GroupOutput<'s> {
    /// What is concluded.
    conclusion: Conclusion,
    /// What `keymend fix` would do about it.
    remedy: Remedy,
    /// Why.
    causes: &'s BTreeSet<Cause>,
    /// Who, as in pairs.
    grantees: Vec<String>,
    /// The keys, by ARN.
    keys: Vec<String>,
}

/// A line.
#[derive(Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum RecordOutput<'s> {
    Place(PlaceOutput<'s>),
    Pair(PairOutput<'s>),
    Gap(GapOutput<'s>),
}

impl<'s> PairOutput<'s> {
    pub(in crate::render) fn of(image: &'s SharedImage, pair: &'s Pair) -> Self {
        Self {
            account: image.owner.to_string(),
            region: &image.region,
            ami: &image.id,
            name: &image.name,
            key: pair.key.to_string(),
            grantee: party_id(&pair.party),
            grantee_kind: party_kind(&pair.party),
            conclusion: pair.conclusion,
            remedy: pair.remedy,
            causes: &pair.causes,
        }
    }
}

impl<'s> From<&'s SurveyedPlace> for PlaceOutput<'s> {
    fn from(place: &'s SurveyedPlace) -> Self {
        let SurveyedPlace { account, region, encrypted, shared, caller: _ } = place;
        Self { account: account.to_string(), region, encrypted: *encrypted, shared: *shared }
    }
}

impl<'s> From<&'s Gap> for GapOutput<'s> {
    fn from(gap: &'s Gap) -> Self {
        Self {
            account: gap.account.to_string(),
            region: gap.region.as_deref(),
            resource: gap.resource.as_deref(),
            reason: gap.reason,
            message: &gap.message,
        }
    }
}

impl<'s> From<LackingGroup<'s>> for GroupOutput<'s> {
    fn from(group: LackingGroup<'s>) -> Self {
        Self {
            conclusion: group.conclusion,
            remedy: group.remedy,
            causes: group.causes,
            grantees: group.parties().into_iter().map(party_id).collect(),
            keys: group.rows.iter().map(|row| row.key.to_string()).collect(),
        }
    }
}

fn records(survey: &Survey) -> impl Iterator<Item = RecordOutput<'_>> {
    let places = survey.places.iter().map(|place| RecordOutput::Place(place.into()));
    let pairs = survey.pairs().map(|(image, pair)| RecordOutput::Pair(PairOutput::of(image, pair)));
    places.chain(pairs).chain(survey.gaps.iter().map(|gap| RecordOutput::Gap(gap.into())))
}

/// Writes JSON Lines: what was looked at, each pair, and what was not looked at.
///
/// # Errors
/// What the writer returns.
pub fn json_lines(out: &mut dyn Write, survey: &Survey) -> io::Result<()> {
    for record in records(survey) {
        writeln!(out, "{}", EscapedJson(&serde_json::to_string(&record)?))?;
    }
    Ok(())
}

const COLUMNS: [&str; 12] = [
    "record",
    "account",
    "region",
    "ami",
    "name",
    "key",
    "grantee",
    "conclusion",
    "remedy",
    "because",
    "resource",
    "reason",
];

/// A row, in the order of the columns.
#[derive(Default)]
struct Row<'s> {
    record: &'static str,
    account: &'s str,
    region: &'s str,
    ami: &'s str,
    name: &'s str,
    key: &'s str,
    grantee: &'s str,
    conclusion: &'static str,
    remedy: String,
    because: String,
    resource: &'s str,
    reason: String,
}

impl<'s> Row<'s> {
    fn of(record: &'s RecordOutput<'_>) -> io::Result<Self> {
        Ok(match record {
            RecordOutput::Place(PlaceOutput { account, region, encrypted, shared }) => Self {
                record: "place",
                account,
                region,
                because: format!("encrypted AMIs: {encrypted}, shared: {shared}"),
                ..Self::default()
            },
            RecordOutput::Pair(pair) => Self {
                record: "pair",
                account: &pair.account,
                region: pair.region,
                ami: pair.ami,
                name: pair.name,
                key: &pair.key,
                grantee: &pair.grantee,
                conclusion: conclusion_word(pair.conclusion),
                remedy: word(&pair.remedy)?,
                because: because(pair.causes),
                ..Self::default()
            },
            RecordOutput::Gap(GapOutput { account, region, resource, reason, message }) => Self {
                record: "gap",
                account,
                region: region.unwrap_or_default(),
                because: (*message).to_owned(),
                resource: resource.unwrap_or_default(),
                reason: word(reason)?,
                ..Self::default()
            },
        })
    }

    fn fields(&self) -> [&str; COLUMNS.len()] {
        [
            self.record,
            self.account,
            self.region,
            self.ami,
            self.name,
            self.key,
            self.grantee,
            self.conclusion,
            &self.remedy,
            &self.because,
            self.resource,
            &self.reason,
        ]
    }
}

/// Writes the same as comma-separated values, with a heading.
///
/// # Errors
/// What the writer returns.
pub fn csv(out: &mut dyn Write, survey: &Survey) -> io::Result<()> {
    writeln!(out, "{}", COLUMNS.join(","))?;
    for record in records(survey) {
        writeln!(out, "{}", Row::of(&record)?.fields().map(field).join(","))?;
    }
    Ok(())
}

/// The word that JSON has for it.
fn word(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_value(value)?.as_str().unwrap_or_default().to_owned())
}

fn because(causes: &BTreeSet<Cause>) -> String {
    let words = causes.iter().map(|cause| match cause {
        Cause::Lacks { statement } => format!("the key policy lacks \"{statement}\""),
        Cause::Policy { message } | Cause::Finding { message, .. } => message.clone(),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// A field as RFC 4180 has it. What a spreadsheet would take for a formula begins with an apostrophe.
///
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn field(text: &str) -> String {
    let shown = Escaped(text).to_string();
    let harmless = if shown.starts_with(['=', '+', '-', '@']) { format!("'{shown}") } else { shown };
    if harmless.contains([',', '"', '\'']) || harmless.starts_with(' ') || harmless.ends_with(' ') {
        return format!("\"{}\"", harmless.replace('"', "\"\""));
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_no_formulas_and_stay_in_their_column() {
        for (text, written) in [
            ("golden-2026", "golden-2026"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(\"http://evil\")", "\"'=HYPERLINK(\"\"http://evil\"\")\""),
            ("+1", "\"'+1\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("a\nb", "a\\nb"),
            ("\t=1", "\\t=1"),
            ("\r=1", "\\r=1"),
            ("\u{202e}=1", "\\u{202e}=1"),
            (" =1", "\" =1\""),
        ] {
            assert_eq!(field(text), written, "{text:?}");
        }
    }
}
