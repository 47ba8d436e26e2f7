//! Tells of calls that are made again, while they are: whoever waits knows why, and what to look at.

use std::collections::BTreeMap;
use std::error::Error;
use std::iter::successors;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::time::Instant;

use crate::cloud::codes::kind_of;
use crate::cloud::{CloudErrorKind, RETRIED};
use crate::escape::Escaped;

/// What came of the same kind is told so often at most.
const BETWEEN: Duration = Duration::from_secs(10);

/// Calls that failed once and may be made again are forgotten from so many on: they have been told of for long.
const MOST: usize = 10_000;

/// Why an attempt failed, as far as it matters to whoever waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// AWS answers that it is asked too often; with its code.
    Throttled(String),
    /// The server answers that it can't; with a code or status.
    Failing(String),
    /// Nothing came in time.
    Silent,
    /// There is no connection.
    Unreachable(String),
}

impl Trouble {
    /// What was wrong with an answer, if something was that passes.
    fn of_answer(answer: &HttpResponse) -> Option<Self> {
        let status = answer.status().as_u16();
        if status < 400 {
            return None;
        }
        let code = code(answer);
        let is_throttled =
            code.as_deref().is_some_and(|code| kind_of(code, "", Some(status)) == CloudErrorKind::Throttled);
        let told = code.unwrap_or_else(|| format!("HTTP status {status}"));
        match status {
            _ if is_throttled => Some(Self::Throttled(told)),
            429 => Some(Self::Throttled(told)),
            500.. => Some(Self::Failing(told)),
            _ => None,
        }
    }

    fn of_error(error: &ConnectorError) -> Self {
        if error.is_timeout() {
            return Self::Silent;
        }
        let innermost = successors(Some(error as &(dyn Error + 'static)), |cause| (*cause).source()).last();
        Self::Unreachable(innermost.map(ToString::to_string).unwrap_or_default())
    }

    fn what(&self) -> String {
        match self {
            Self::Throttled(code) => format!("AWS is asked too often ({code})"),
            Self::Failing(code) => format!("the server fails ({code})"),
            Self::Silent => "no answer in time".to_owned(),
            Self::Unreachable(why) => format!("no connection: {why}"),
        }
    }

    /// What to do while it lasts.
    fn check(&self) -> &'static str {
        match self {
            Self::Throttled(_) => "it goes on by itself, more slowly",
            Self::Failing(_) => {
                "if it lasts, check --endpoint-url and the profile's endpoints, and AWS's health page"
            }
            Self::Silent | Self::Unreachable(_) => {
                "check the network and its proxy, --endpoint-url, --region and the profile; --connect-timeout and --read-timeout \
                 say how long is waited"
            }
        }
    }
}

/// Whether AWS answers that it is asked too often.
pub(super) fn is_throttled(answer: &HttpResponse) -> bool {
    matches!(Trouble::of_answer(answer), Some(Trouble::Throttled(_)))
}

/// AWS's code in an answer, as its protocols have it: a header, JSON or XML.
fn code(answer: &HttpResponse) -> Option<String> {
    let is_code = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let tidy = |text: &str| {
        let text = text.rsplit('#').next()?.split(':').next()?.trim();
        is_code(text).then(|| text.to_owned())
    };
    if let Some(code) = answer.headers().get("x-amzn-errortype").and_then(tidy) {
        return Some(code);
    }
    let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
    let after = |start: &str, end: char| tidy(body.split_once(start)?.1.split(end).next()?);
    after("<Code>", '<').or_else(|| {
        let (_, rest) = body.split_once("\"__type\"")?;
        tidy(rest.split('"').nth(1)?)
    })
}

/// An attempt of a call, by what the SDK says of it on its way.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The same for all attempts of one call.
    call: String,
    number: u32,
    most: Option<u32>,
    /// Which call it is, and where it goes.
    what: String,
    host: String,
}

impl Attempt {
    pub(super) fn of(request: &HttpRequest, operation: Option<&str>) -> Option<Self> {
        let call = request.headers().get("amz-sdk-invocation-id")?.to_owned();
        let said = request.headers().get("amz-sdk-request")?;
        let number = |name: &str| {
            let values = said.split(';').filter_map(|pair| pair.trim().split_once('='));
            values.filter(|(own, _)| *own == name).find_map(|(_, value)| value.parse().ok())
        };
        let host = request.uri().split_once("://").map_or("", |(_, rest)| rest).split(['/', '?']).next();
        Some(Self {
            call,
            number: number("attempt")?,
            most: number("max"),
            what: operation.unwrap_or("a call").to_owned(),
            host: host.unwrap_or_default().to_owned(),
        })
    }
}

/// The calls that have failed once, and what was told of such.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since when a call has been tried, and what was wrong last.
    failed: BTreeMap<String, (Instant, Trouble)>,
    /// When a kind was told of, and how many more there were since.
    told: BTreeMap<Trouble, (Instant, usize)>,
}

impl Waits {
    /// An attempt begins: where it is not the first, that is told.
    pub(super) fn begins(&self, attempt: &Attempt) {
        if attempt.number < 2 {
            return;
        }
        let line = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.line(attempt, Instant::now())
        };
        if let Some(line) = line {
            tracing::info!(target: RETRIED, "{}", Escaped(&line));
        }
    }

    /// An attempt has failed, or has not.
    pub(super) fn ended(
        &self,
        attempt: &Attempt,
        begun: Instant,
        result: &Result<HttpResponse, ConnectorError>,
    ) {
        let trouble = match result {
            Ok(answer) => Trouble::of_answer(answer),
            Err(error) => Some(Trouble::of_error(error)),
        };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.failed.remove(&attempt.call).map_or(begun, |(since, _)| since);
        if let Some(trouble) = trouble {
            if state.failed.len() >= MOST {
                state.failed.clear();
            }
            state.failed.insert(attempt.call.clone(), (since, trouble));
        }
    }
}

impl State {
    /// What to tell of a call that is made again, if anything.
    fn line(&mut self, attempt: &Attempt, now: Instant) -> Option<String> {
        let (since, trouble) = self.failed.get(&attempt.call)?;
        let more = match self.told.get_mut(trouble) {
            Some((last, more)) if now.duration_since(*last) < BETWEEN => {
                *more += 1;
                return None;
            }
            Some((_, more)) => Some(*more),
            None => None,
        };
        self.told.insert(trouble.clone(), (now, 0));
        let Attempt { number, most, what, host, .. } = attempt;
        let of = most.map(|most| format!(" of {most}")).unwrap_or_default();
        let seconds = now.duration_since(*since).as_secs_f32();
        let again = format!(
            "{what} at {host} is tried again (attempt {number}{of}, after {seconds:.1} s): {}",
            trouble.what()
        );
        Some(match more {
            None => format!("{again}; {}", trouble.check()),
            Some(0) => again,
            Some(more) => format!("{again}; so were {more} more since"),
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn answer(status: u16, body: &'static str) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
    }

    fn attempt(call: &str, number: u32) -> Attempt {
        Attempt {
            call: call.to_owned(),
            number,
            most: Some(12),
            what: "kms:DescribeKey".to_owned(),
            host: "kms.eu-west-1.amazonaws.com".to_owned(),
        }
    }

    #[test]
    fn what_an_answer_says() {
        for (status, body, trouble) in [
            (200, "<Code>Throttling</Code>", None),
            (
                400,
                r#"{"__type":"ThrottlingException","message":"slow"}"#,
                Some(Trouble::Throttled("ThrottlingException".to_owned())),
            ),
            (
                400,
                "<Error><Code>Throttling</Code></Error>",
                Some(Trouble::Throttled("Throttling".to_owned())),
            ),
            (400, r#"{"__type":"com.amazonaws.kms#AccessDeniedException"}"#, None),
            (503, "", Some(Trouble::Failing("HTTP status 503".to_owned()))),
            (503, "<Code>Service\u{1b}[2J</Code>", Some(Trouble::Failing("HTTP status 503".to_owned()))),
            (429, "", Some(Trouble::Throttled("HTTP status 429".to_owned()))),
            (
                500,
                r#"{"__type": "a.b#InternalFailure"}"#,
                Some(Trouble::Failing("InternalFailure".to_owned())),
            ),
        ] {
            assert_eq!(Trouble::of_answer(&answer(status, body)), trouble, "{status} {body}");
        }
    }

    #[test]
    fn what_the_sdk_says_of_an_attempt() {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri("https://kms.eu-west-1.amazonaws.com/x?y").unwrap();
        assert_eq!(Attempt::of(&request, None), None);
        request.headers_mut().insert("amz-sdk-invocation-id", "1");
        request.headers_mut().insert("amz-sdk-request", "ttl=20261127T100000Z; attempt=3; max=12");
        let known = Attempt::of(&request, Some("kms:DescribeKey"));
        assert_eq!(known, Some(attempt("1", 3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_is_told_once_and_then_now_and_then() {
        let waits = Waits::default();
        let start = Instant::now();
        let fails = |call: &str, number| waits.ended(&attempt(call, number), start, &Ok(answer(503, "")));
        let line = |call: &str, number| waits.0.lock().unwrap().line(&attempt(call, number), Instant::now());
        assert_eq!(line("a", 2), None, "nobody knows why");
        for call in ["a", "b", "c"] {
            fails(call, 1);
        }
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(
            line("a", 2).unwrap(),
            "kms:DescribeKey at kms.eu-west-1.amazonaws.com is tried again (attempt 2 of 12, after 1.5 s): the server fails (HTTP \
             status 503); if it lasts, check --endpoint-url and the profile's endpoints, and AWS's health page"
        );
        let storm = (0..1000).filter_map(|_| line("b", 2)).count();
        assert_eq!(storm, 0);
        waits.ended(&attempt("d", 1), start, &Err(ConnectorError::timeout("late".into())));
        assert!(line("d", 2).unwrap().contains("no answer in time; check the network"), "another kind");
        tokio::time::advance(BETWEEN).await;
        assert!(
            line("c", 3).unwrap().ends_with("the server fails (HTTP status 503); so were 1000 more since")
        );
        waits.ended(&attempt("c", 3), start, &Ok(answer(200, "")));
        assert!(!waits.0.lock().unwrap().failed.contains_key("c"), "what passed is forgotten");
    }
}
