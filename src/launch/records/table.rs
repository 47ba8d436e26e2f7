//! Rows of tables: as CloudWatch Logs Insights, CloudTrail Lake and Athena give them.

use serde_json::{Map, Value};

/// How deep a struct of SQL may be.
const MOST_STRUCTS: usize = 16;

/// A row that is a list of its cells: `{"field": NAME, "value": VALUE}` of Insights, `{NAME: VALUE}` of CloudTrail
/// Lake. Anything else is given back.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html>,
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html>
pub(super) fn row(items: Vec<Value>) -> Result<Map<String, Value>, Vec<Value>> {
    let cells: Option<Vec<(String, Value)>> = items.iter().map(cell).collect();
    let Some(cells) = cells else { return Err(items) };
    let count = cells.len();
    let row: Map<String, Value> = cells.into_iter().collect();
    // Of lists whose items happen to have one member, none is lost.
    if row.len() == count && count > 0 { Ok(row) } else { Err(items) }
}

fn cell(item: &Value) -> Option<(String, Value)> {
    let members = item.as_object()?;
    if let (2, Some(Value::String(name)), Some(value)) =
        (members.len(), members.get("field"), members.get("value"))
    {
        return Some((name.clone(), value.clone()));
    }
    let mut cells = members.iter();
    let (name, value) = cells.next()?;
    let is_plain = cells.next().is_none() && !value.is_array() && !value.is_object();
    is_plain.then(|| (name.clone(), value.clone()))
}

/// The rows of `{"Rows": [{"Data": [{"VarCharValue": …}]}]}`, by the names in its first row. Anything else is given
/// back.
///
/// <https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultSet.html>
pub(super) fn rows(members: Map<String, Value>) -> Result<Vec<Map<String, Value>>, Map<String, Value>> {
    let rows: Option<Vec<Vec<Value>>> = members
        .get("Rows")
        .and_then(Value::as_array)
        .and_then(|rows| rows.iter().map(|row| data(row.get("Data")?)).collect());
    let Some(rows) = rows else { return Err(members) };
    let columns =
        members.get("ResultSetMetadata").and_then(|metadata| metadata.get("ColumnInfo")?.as_array());
    let columns: Option<Vec<String>> =
        columns.and_then(|columns| columns.iter().map(|column| text(column.get("Name")?)).collect());
    let mut rows = rows.into_iter().peekable();
    let first: Option<Vec<String>> = rows.peek().and_then(|row| row.iter().map(text).collect());
    let names = match (columns, first) {
        // Pages after the first have no row of names.
        (Some(columns), first) if first.as_ref() != Some(&columns) => columns,
        (_, first) => {
            rows.next();
            first.unwrap_or_default()
        }
    };
    Ok(rows.map(|row| names.iter().cloned().zip(row).collect()).collect())
}

fn data(cells: &Value) -> Option<Vec<Value>> {
    let cells = cells.as_array()?.iter();
    Some(cells.map(|cell| cell.get("VarCharValue").cloned().unwrap_or(Value::Null)).collect())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The structure that a text stands for: JSON, or a struct or list as SQL prints it, `{type=Role, arn=arn:aws:iam::…}`.
pub(super) fn structure(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let (value, rest) = value(text, 0, false)?;
    rest.trim().is_empty().then_some(value)
}

/// A value at the beginning of a text, and what follows it.
fn value(text: &str, depth: usize, is_listed: bool) -> Option<(Value, &str)> {
    if depth > MOST_STRUCTS {
        return None;
    }
    if let Some(rest) = text.strip_prefix('{') {
        return members(rest, depth);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return items(rest, depth);
    }
    let ends = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        let is_next = rest.strip_prefix(", ").is_some_and(|rest| is_listed || name(rest).is_some());
        is_next || rest.starts_with(if is_listed { ']' } else { '}' })
    };
    let end = text.char_indices().map(|(at, _)| at).find(|at| ends(*at))?;
    let (plain, rest) = text.split_at_checked(end)?;
    let plain = if plain == "null" { Value::Null } else { Value::from(plain) };
    Some((plain, rest))
}

fn members(mut rest: &str, depth: usize) -> Option<(Value, &str)> {
    let mut members = Map::new();
    while !rest.starts_with('}') {
        let (name, behind) = name(rest)?;
        let (value, behind) = value(behind, depth + 1, false)?;
        members.insert(name.to_owned(), value);
        rest = behind.strip_prefix(", ").unwrap_or(behind);
    }
    Some((Value::Object(members), rest.strip_prefix('}')?))
}

fn items(mut rest: &str, depth: usize) -> Option<(Value, &str)> {
    let mut items = Vec::new();
    while !rest.starts_with(']') {
        let (item, behind) = value(rest, depth + 1, true)?;
        items.push(item);
        rest = behind.strip_prefix(", ").unwrap_or(behind);
    }
    Some((Value::Array(items), rest.strip_prefix(']')?))
}

/// `NAME=` at the beginning of a text, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))?;
    let (name, rest) = text.split_at_checked(end)?;
    let rest = rest.strip_prefix('=')?;
    (!name.is_empty()).then_some((name, rest))
}
