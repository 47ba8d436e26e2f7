//! Lists and objects that fit on a line are written on one, and long lists in short.

use super::{Line, LineKind, Room, Segment, pretty, push};

/// What stands at least so far from the left is a member of a statement, which is folded; statements stay lines.
const MEMBER: usize = 6;
/// A list that is not much longer than what is shown of it is shown whole.
const TOLERANCE: usize = 2;

/// The same lines, with what comes, goes or stays as a whole on one line where it fits, innermost first.
pub(super) fn folded(lines: &[Line], room: Room) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        out.push(line.clone());
        let Some(opening) = opening_of_last(&out) else { continue };
        let whole = joined(out.get(opening..).unwrap_or_default());
        if whole.text().chars().count() <= room.columns {
            out.truncate(opening);
            out.push(whole);
        } else if let Some(elements) = room.elements {
            shorten(&mut out, opening, elements);
        }
    }
    out
}

/// Where the list or object begins that the last line closes: nothing where it is no member of a statement, or where
/// its lines are not all in the same of the two texts.
fn opening_of_last(lines: &[Line]) -> Option<usize> {
    let (closing, above) = lines.split_last()?;
    let text = closing.text();
    let indent = indent(&text);
    if indent < MEMBER || !text.trim_start().starts_with([']', '}']) {
        return None;
    }
    for (index, line) in above.iter().enumerate().rev() {
        let text = line.text();
        if line.kind != closing.kind {
            return None;
        }
        if self::indent(&text) <= indent {
            return text.ends_with(['[', '{']).then_some(index);
        }
    }
    None
}

/// Several lines as one.
fn joined(lines: &[Line]) -> Line {
    let mut segments: Vec<Segment> = Vec::new();
    let mut is_inside = false;
    for line in lines {
        let mut at_start = !segments.is_empty();
        let is_closing = line.text().trim_start().starts_with([']', '}']);
        if at_start && is_inside && !is_closing {
            push(&mut segments, " ", false);
        }
        for Segment { text, emphasised } in &line.segments {
            let text = if at_start { text.trim_start() } else { text };
            at_start &= text.is_empty();
            push(&mut segments, text, *emphasised);
        }
        is_inside = line.text().ends_with(',');
    }
    Line { kind: lines.first().map_or(LineKind::Context, |line| line.kind), segments }
}

/// Leaves of a list of texts only the first, and says how many more there are.
fn shorten(lines: &mut Vec<Line>, opening: usize, elements: usize) {
    let (first, closing) = (opening + 1, lines.len() - 1);
    let own = lines.get(first..closing).unwrap_or_default();
    let is_text = |line: &Line| pretty::is_string(line.text().trim().trim_end_matches(','));
    if own.len() <= elements + TOLERANCE || !own.iter().all(is_text) {
        return;
    }
    let more = own.len() - elements;
    let Some(line) = own.first() else { return };
    let text = format!("{:1$}... {more} more", "", indent(&line.text()));
    let rest = Line { kind: line.kind, segments: vec![Segment { text, emphasised: false }] };
    lines.splice(first + elements..closing, [rest]);
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}
