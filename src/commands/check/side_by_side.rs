//! Requests that several threads answer, in their order.

use std::io::{self, BufRead, Write};
use std::num::NonZeroUsize;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use crate::authz::requests::{Batch, Summary, answer, read_line};

/// How many bytes of lines a thread is given at once, where so many are at hand.
const PORTION: usize = 64 << 10;

/// How many portions wait for a thread, and how many of its answers to be written.
const WAITING: usize = 2;

/// As [`answer`], on several threads: each has lines of its own, and no more than a few portions of them wait.
///
/// The output is flushed whenever the next answer is not there yet.
///
/// # Errors
/// As [`answer`].
pub(super) fn answer_side_by_side(
    input: impl BufRead + Send,
    output: impl Write,
    jobs: NonZeroUsize,
) -> io::Result<Summary> {
    if jobs.get() == 1 {
        return answer(input, output);
    }
    thread::scope(|scope| {
        let (mut portions, mut answers, mut threads) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..jobs.get() {
            let (portions_in, portions_out) = sync_channel(WAITING);
            let (answers_in, answers_out) = sync_channel(WAITING);
            threads.push(scope.spawn(move || work(&portions_out, &answers_in)));
            portions.push(portions_in);
            answers.push(answers_out);
        }
        let reading = scope.spawn(move || hand_out(input, &portions));
        let written = write_in_turn(&answers, output);
        // Where nothing more can be written nobody has to go on.
        drop(answers);
        let read = joined(reading);
        let mut summary = Summary::default();
        for thread in threads {
            summary += joined(thread)?;
        }
        written.and(read).map(|()| summary)
    })
}

/// What a thread found; its panic is this one's.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Lines that one thread answers.
struct Portion {
    text: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Portion {
    /// With room for as many as a thread is given at once, mostly: nothing is moved as they come.
    fn new() -> Self {
        Self { text: Vec::with_capacity(PORTION + PORTION / 8), ends: Vec::new() }
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.text.get(start..*end))
    }
}

/// Gives the lines of the input to the threads, in turn: at the latest when the input has nothing more at hand.
fn hand_out(mut input: impl BufRead, threads: &[SyncSender<Portion>]) -> io::Result<()> {
    for thread in threads.iter().cycle() {
        let mut portion = Portion::new();
        let read = loop {
            match read_line(&mut input, &mut portion.text) {
                Ok(Some(is_used_up)) => {
                    portion.ends.push(portion.text.len());
                    if is_used_up || portion.text.len() >= PORTION {
                        break Ok(true);
                    }
                }
                Ok(None) => break Ok(false),
                Err(error) => break Err(error),
            }
        };
        // A thread that takes no more has nobody to tell.
        let is_taken = thread.send(portion).is_ok();
        if !(read? && is_taken) {
            break;
        }
    }
    Ok(())
}

/// Answers portions until there are no more.
fn work(portions: &Receiver<Portion>, answers: &SyncSender<Vec<u8>>) -> io::Result<Summary> {
    let mut batch = Batch::default();
    for portion in portions {
        let mut answered = Vec::with_capacity(PORTION / 4);
        for line in portion.lines() {
            batch.answer_line(line, &mut answered)?;
        }
        if answers.send(answered).is_err() {
            break;
        }
    }
    Ok(batch.summary)
}

/// Writes what the threads answer, in turn, up to the first that has no more.
fn write_in_turn(threads: &[Receiver<Vec<u8>>], mut output: impl Write) -> io::Result<()> {
    for thread in threads.iter().cycle() {
        let answered = match thread.try_recv() {
            Err(TryRecvError::Empty) => {
                output.flush()?;
                thread.recv().ok()
            }
            at_once => at_once.ok(),
        };
        let Some(answered) = answered else { break };
        output.write_all(&answered)?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    /// The request of a root user, who may do anything.
    fn request(id: &str) -> String {
        format!(
            "{{\"id\":{id},\"principal\":\"111122223333\",\"action\":\"kms:Decrypt\",\
             \"key\":\"arn:aws:kms:eu-west-1:111122223333:key/1\",\"key_policy\":{{\"Statement\":\
             {{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}}}}}}\n"
        )
    }

    fn jobs(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    /// Fails once it has given all.
    struct Torn<'t>(&'t [u8]);

    impl Read for Torn<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() { Err(io::ErrorKind::ConnectionReset.into()) } else { self.0.read(buffer) }
        }
    }

    #[test]
    fn threads_answer_the_same_in_the_same_order() {
        let mut lines = String::new();
        for id in 0..3000 {
            match id % 7 {
                0 => lines.push_str("{\"id\": 1}\n"),
                1 => lines.push_str("\n  \n"),
                2 => lines.push_str(&request(&format!("\"{}\"", "x".repeat(id)))),
                _ => lines.push_str(&request(&id.to_string())),
            }
        }
        lines.push_str(request("\"last\"").trim_end());
        let mut alone = Vec::new();
        let expected = answer(lines.as_bytes(), &mut alone).unwrap();
        for count in [1, 2, 3, 8] {
            for at_once in [100, 8 << 10, 1 << 20] {
                let mut output = Vec::new();
                let input = BufReader::with_capacity(at_once, lines.as_bytes());
                assert_eq!(answer_side_by_side(input, &mut output, jobs(count)).unwrap(), expected);
                assert!(output == alone, "{count} threads, {at_once} bytes at once");
            }
            let mut output = Vec::new();
            let input = BufReader::new(Torn(lines.as_bytes()));
            let error = answer_side_by_side(input, &mut output, jobs(count)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            // What was there before is answered, but for the line that was torn.
            let last = alone.iter().rev().skip(1).position(|byte| *byte == b'\n').unwrap();
            assert!(output == alone[..alone.len() - 1 - last], "{count} threads");
        }
    }

    /// Gives a line only when the answers to those before have come out.
    struct Dialogue<'d>(usize, &'d AtomicUsize);

    impl Read for Dialogue<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let started = Instant::now();
            while self.1.load(Ordering::SeqCst) < self.0 {
                assert!(started.elapsed() < Duration::from_mins(1), "the answer is held back");
                thread::sleep(Duration::from_millis(1));
            }
            self.0 += 1;
            if self.0 > 3 { Ok(0) } else { request("1").as_bytes().read(buffer) }
        }
    }

    struct Answers<'d>(&'d AtomicUsize);

    impl Write for Answers<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.fetch_add(bytes.split(|byte| *byte == b'\n').skip(1).count(), Ordering::SeqCst);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_waits_for_an_answer_gets_it_of_a_thread() {
        let answered = AtomicUsize::new(0);
        let input = BufReader::new(Dialogue(0, &answered));
        answer_side_by_side(input, io::BufWriter::new(Answers(&answered)), jobs(3)).unwrap();
        assert_eq!(answered.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn an_output_that_is_closed_ends_the_threads() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let lines = request("1").repeat(5000);
        let error = answer_side_by_side(lines.as_bytes(), Closed, jobs(2)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
