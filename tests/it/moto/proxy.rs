//! A proxy that makes every call take as long as over a real network, and remembers the calls.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::Moto;

/// How long a call takes at least. Far more than over most networks, so that calls which are made at the same time
/// overlap on a busy machine too.
const DELAY: Duration = Duration::from_millis(300);

/// One call that went through.
#[derive(Debug)]
struct Call {
    /// The API's name for it, such as `GetRole`.
    action: String,
    begun: Instant,
    ended: Instant,
}

/// An answer in moto's place, by the action: HTTP status and body.
pub(crate) type Answer = fn(action: &str) -> Option<(u16, String)>;

/// The same by the action and the whole request.
type AnswerToRequest = dyn Fn(&str, &str) -> Option<(u16, String)> + Send + Sync;

/// A proxy before moto. It ends with the process.
pub(crate) struct Proxy {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Proxy {
    /// Delays each request; moto's own time comes on top.
    pub(crate) fn new(moto: &Moto) -> Self {
        Self::start(moto, DELAY, Arc::new(|_, _| None))
    }

    /// Answers by itself what moto does not know.
    pub(crate) fn answering(moto: &Moto, answer: Answer) -> Self {
        Self::start(moto, Duration::ZERO, Arc::new(move |action, _| answer(action)))
    }

    /// Answers some requests by itself.
    pub(crate) fn refusing(
        moto: &Moto,
        answer: impl Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        Self::start(moto, Duration::ZERO, Arc::new(move |_, request| answer(request)))
    }

    /// Delays each request, and answers some by itself: by action, or by action and an id that the request names.
    pub(crate) fn telling(moto: &Moto, own: BTreeMap<String, String>) -> Self {
        let answer = move |action: &str, request: &str| {
            let is_asked = |key: &str| match key.split_once(' ') {
                Some((of, id)) => of == action && request.contains(id),
                None => key == action,
            };
            own.iter().find(|(key, _)| is_asked(key)).map(|(_, body)| (200, body.clone()))
        };
        Self::start(moto, DELAY, Arc::new(answer))
    }

    fn start(moto: &Moto, delay: Duration, answer: Arc<AnswerToRequest>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, upstream) = (listener.local_addr().unwrap().port(), moto.port());
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let log = Arc::clone(&calls);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // A client that hangs up is no concern of the proxy's.
                thread::spawn(move || _ = relay(&client, upstream, delay, &*answer, &log));
            }
        });
        Self { port, calls }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The calls since the last time, by name, in alphabetical order, with how many had to wait for others: the
    /// longest row of calls of which each began after the one before had ended.
    pub(crate) fn take(&self) -> (Vec<String>, usize) {
        let mut calls = std::mem::take(&mut *self.calls.lock().unwrap());
        calls.sort_by_key(|call| call.ended);
        let mut round_trips = 0;
        let mut last_ended = None;
        for call in &calls {
            if last_ended.is_none_or(|ended| call.begun >= ended) {
                round_trips += 1;
                last_ended = Some(call.ended);
            }
        }
        let mut actions: Vec<String> = calls.into_iter().map(|call| call.action).collect();
        actions.sort();
        (actions, round_trips)
    }
}

/// moto closes the connection after each answer, so a connection is a call.
fn relay(
    client: &TcpStream,
    upstream: u16,
    delay: Duration,
    own_answer: &AnswerToRequest,
    log: &Mutex<Vec<Call>>,
) -> io::Result<()> {
    let request = read_request(client)?;
    let begun = Instant::now();
    thread::sleep(delay);
    let action = action(&request);
    let answer = match own_answer(&action, &String::from_utf8_lossy(&request)) {
        Some((status, body)) => format!(
            "HTTP/1.1 {status} .\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
        None => asked(upstream, &request)?,
    };
    log.lock().unwrap().push(Call { action, begun, ended: Instant::now() });
    { client }.write_all(&answer)
}

fn asked(upstream: u16, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
    server.write_all(request)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Reads a request to the end of its body.
pub(crate) fn read_request(client: &TcpStream) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(client);
    let mut request = Vec::new();
    let mut length = 0;
    loop {
        let start = request.len();
        if reader.read_until(b'\n', &mut request)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(request.get(start..).unwrap_or_default()).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.take(length).read_to_end(&mut request)?;
    Ok(request)
}

/// From the header of JSON services (`X-Amz-Target: TrentService.GetKeyPolicy`), or the body of query services.
fn action(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let after = |sign: &str, end: &[char]| {
        let (_, rest) = text.split_once(sign)?;
        rest.split(end).next().map(str::to_owned)
    };
    after("TrentService.", &['\r']).or_else(|| after("Action=", &['&'])).unwrap_or_default()
}
