//! Events in a stream of text: each on a line, or laid out over several as people read it; none longer than is read.

use std::io::{self, BufRead, Read as _};

use serde::de::IgnoredAny;

/// What stands in a stream for one reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its first line, counted from 1.
    pub(super) line: usize,
    /// Its text; none where that is longer than is read.
    pub(super) text: Option<Vec<u8>>,
}

/// A line, without what a log puts before its message.
struct Line {
    number: usize,
    /// None where it is longer than is read.
    text: Option<Vec<u8>>,
    /// Whether it goes on with what was begun before it: it is indented, or closes that.
    goes_on: bool,
    closes: bool,
}

/// How far a text of JSON has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    /// It ends before it is whole.
    Begun,
    /// It is none, whatever follows.
    Broken,
}

impl Extent {
    fn of(text: &[u8]) -> Self {
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
        values
            .find_map(Result::err)
            .map_or(Self::Whole, |error| if error.is_eof() { Self::Begun } else { Self::Broken })
    }
}

/// The entries of a stream.
///
/// One that is whole is given at once, whatever follows: who writes may wait.
pub(super) struct Entries<R> {
    source: R,
    /// The most bytes that an entry may have.
    most: u64,
    number: usize,
    /// What was begun, and lacks its end.
    begun: Option<Entry>,
    /// Whether lines that go on are the rest of what was given as broken.
    is_broken: bool,
    /// A line that begins something new, read to see what was begun before ended.
    next: Option<Line>,
    is_over: bool,
}

impl<R: BufRead> Entries<R> {
    pub(super) fn of(source: R, most: u64) -> Self {
        Self { source, most, number: 0, begun: None, is_broken: false, next: None, is_over: false }
    }

    /// The next line; none at the end.
    fn line(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        let most = self.most.saturating_add(1);
        if self.source.by_ref().take(most).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let is_longer = text.len() as u64 > self.most;
        if is_longer && !text.ends_with(b"\n") {
            skip_line(&mut self.source)?;
        }
        let text = message(&text);
        let first = text.first();
        let closes = matches!(first, Some(b'}' | b']'));
        let goes_on = closes || first.is_none_or(u8::is_ascii_whitespace);
        let text = (!is_longer).then(|| text.to_vec());
        Ok(Some(Line { number: self.number, text, goes_on, closes }))
    }

    /// What is whole with this line, or can't become so.
    fn take(&mut self, line: Line) -> Option<Entry> {
        let Some(mut begun) = self.begun.take() else {
            return self.begin(line);
        };
        if !line.goes_on {
            self.next = Some(line);
            return Some(begun);
        }
        begun.text = match (begun.text, line.text) {
            (Some(own), Some(more)) if (own.len() + more.len()) as u64 <= self.most => {
                Some([own, more].concat())
            }
            _ => None,
        };
        if line.closes { self.unless_begun(begun) } else { self.begin_with(begun) }
    }

    fn begin(&mut self, line: Line) -> Option<Entry> {
        let text = line.text.as_deref();
        if text.is_some_and(|text| text.iter().all(u8::is_ascii_whitespace)) {
            return None;
        }
        // An event by itself may be indented, too.
        let is_object =
            |text: &[u8]| text.trim_ascii_start().starts_with(b"{") && Extent::of(text) == Extent::Whole;
        if self.is_broken && line.goes_on && !text.is_some_and(is_object) {
            return None;
        }
        self.is_broken = false;
        self.unless_begun(Entry { line: line.number, text: line.text })
    }

    fn begin_with(&mut self, entry: Entry) -> Option<Entry> {
        self.begun = Some(entry);
        None
    }

    fn unless_begun(&mut self, entry: Entry) -> Option<Entry> {
        match entry.text.as_deref().map(Extent::of) {
            Some(Extent::Begun) => return self.begin_with(entry),
            Some(Extent::Whole) => {}
            Some(Extent::Broken) | None => self.is_broken = true,
        }
        Some(entry)
    }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        while !self.is_over {
            let line = match self.next.take().map_or_else(|| self.line(), |line| Ok(Some(line))) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            };
            if let Some(entry) = self.take(line) {
                return Some(Ok(entry));
            }
        }
        self.is_over = true;
        self.begun.take().map(Ok)
    }
}

/// `aws logs tail` writes a moment, and mostly the stream's name, before each message: on its line, or on one before it.
/// A message that has no JSON tells nothing.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/logs/tail.html>
fn message(line: &[u8]) -> &[u8] {
    // Some editors and PowerShell put a mark before a file.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let is_moment = line.len() > 19
        && line.iter().zip(b"0000-00-00T00:00:00").all(|(byte, sign)| match sign {
            b'0' => byte.is_ascii_digit(),
            sign => byte == sign,
        });
    if !is_moment {
        return line;
    }
    line.iter().position(|byte| *byte == b'{').and_then(|at| line.get(at..)).unwrap_or_default()
}

/// Passes over the rest of a line.
fn skip_line(source: &mut impl BufRead) -> io::Result<()> {
    loop {
        let filled = source.fill_buf()?;
        let (taken, is_over) = match memchr::memchr(b'\n', filled) {
            Some(end) => (end + 1, true),
            None => (filled.len(), filled.is_empty()),
        };
        source.consume(taken);
        if is_over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str, most: u64) -> Vec<(usize, Option<String>)> {
        let shown = |entry: io::Result<Entry>| {
            let Entry { line, text } = entry.unwrap();
            (line, text.map(|text| String::from_utf8(text).unwrap().split_whitespace().collect()))
        };
        // Whatever a reader has at a time, the same comes of it.
        let at_once: Vec<_> = Entries::of(text.as_bytes(), most).map(shown).collect();
        let piecemeal = io::BufReader::with_capacity(3, text.as_bytes());
        assert_eq!(Entries::of(piecemeal, most).map(shown).collect::<Vec<_>>(), at_once, "{text}");
        at_once
    }

    fn told(text: &str) -> Vec<(usize, Option<String>)> {
        entries(text, 1000)
    }

    fn some(line: usize, text: &str) -> (usize, Option<String>) {
        (line, Some(text.to_owned()))
    }

    #[test]
    fn an_event_is_a_line_or_several() {
        for (text, expected) in [
            ("{\"a\":1}\n{\"a\":2}", vec![some(1, "{\"a\":1}"), some(2, "{\"a\":2}")]),
            ("\n  \r\n{\"a\":1}\r\n\n", vec![some(3, "{\"a\":1}")]),
            (
                "{\n  \"a\": [\n    1\n  ]\n}\n{\n\"a\": 2}\n",
                vec![some(1, "{\"a\":[1]}"), some(6, "{"), some(7, "\"a\":2}")],
            ),
            ("[\n\t{\"a\": 1},\n\n\t{}\n]\n", vec![some(1, "[{\"a\":1},{}]")]),
            // A line that was cut does not take the next one with it.
            ("{\"a\": \n{\"a\": 2}\n", vec![some(1, "{\"a\":"), some(2, "{\"a\":2}")]),
            ("{\"a\": 1", vec![some(1, "{\"a\":1")]),
            ("nonsense\n{}\n", vec![some(1, "nonsense"), some(2, "{}")]),
            // What is no JSON is told once, with all that belongs to it.
            ("{\n  oops\n  \"a\": {\n  }\n}\n{}\n", vec![some(1, "{oops\"a\":{}}"), some(6, "{}")]),
            (
                "{oops\n  1,\n  {\"a\": 1}\n}\n{}\n",
                vec![some(1, "{oops"), some(3, "{\"a\":1}"), some(4, "}"), some(5, "{}")],
            ),
            ("\u{feff}{\n  \"a\": 1\n}\n", vec![some(1, "{\"a\":1}")]),
            (" {\"a\": 1}\n", vec![some(1, "{\"a\":1}")]),
            ("{} {}\n", vec![some(1, "{}{}")]),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_log_puts_before_a_message_is_taken_off() {
        let json = "2026-11-20T09:00:01.123000+00:00 stream \n{\n    \"a\": 1\n}\n";
        let short = "2026-11-20T09:00:01 {\"a\": 1}\n";
        let detailed = "2026-11-20T09:00:01.123000+00:00 111122223333_CloudTrail_eu-west-1 {\"a\": 1}\n";
        let text = "2026-11-20T09:00:02 no event\n";
        assert_eq!(
            told(&[json, short, detailed, text].concat()),
            [some(2, "{\"a\":1}"), some(5, "{\"a\":1}"), some(6, "{\"a\":1}"),]
        );
        assert_eq!(told("2026-11-20 no\n"), [some(1, "2026-11-20no")]);
    }

    #[test]
    fn nothing_longer_than_is_read_is_held() {
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(100));
        assert_eq!(entries(&format!("{long}\n{{}}\n{long}"), 50), [(1, None), some(2, "{}"), (3, None)]);
        let laid_out = format!("{{\n{}}}\n{{}}\n", "  \"a\": 1,\n".repeat(20));
        assert_eq!(entries(&laid_out, 50), [(1, None), some(23, "{}")]);
        assert_eq!(entries(&laid_out[..150], 50), [(1, None)]);
        assert_eq!(entries(&format!("{{\n{long}\n}}\n{{}}\n"), 50), [some(1, "{"), (2, None), some(4, "{}")]);
        assert_eq!(entries(&format!("{{\n  {long}\n}}\n{{}}\n"), 50), [(1, None), some(4, "{}")]);
        assert_eq!(entries("{\"a\": 1}\n", 9), [some(1, "{\"a\":1}")]);
        assert_eq!(entries("{\"a\": 1}\n", 8), [(1, None)]);
    }

    #[test]
    fn what_is_whole_does_not_wait_for_more() {
        struct Stream(Vec<&'static str>);
        impl io::Read for Stream {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let text = self.0.remove(0);
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                Ok(text.len())
            }
        }
        // A read of what did not come yet would panic.
        let stream = io::BufReader::new(Stream(vec!["{\"a\": 1}\n", "{\n  \"a\": 2\n", "}\n"]));
        let mut entries = Entries::of(stream, 1000);
        assert_eq!(entries.next().unwrap().unwrap().line, 1);
        assert_eq!(entries.next().unwrap().unwrap().line, 2);
    }

    #[test]
    fn a_stream_that_fails_ends() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut entries = Entries::of(io::BufReader::new(Broken), 1000);
        assert!(entries.next().unwrap().is_err());
        assert!(entries.next().is_none());
    }
}
