//! What is added to a journal, and what stands in the file whatever happens meanwhile.

use super::*;

#[test]
fn it_is_on_the_disk_before_it_has_its_name_and_each_change_takes_two_flushes() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("journal");
    let disk = Watched::default();
    let mut journal = begin(disk.clone(), &folder);
    let above = root.path().file_name().unwrap().to_string_lossy().into_owned();
    let begun = [
        "make journal".to_owned(),
        format!("flush {above}"),
        "write and flush beside RUN.json".to_owned(),
        "name new RUN.json".to_owned(),
        "flush journal".to_owned(),
    ];
    assert_eq!(*disk.calls.borrow(), begun);
    disk.calls.borrow_mut().clear();
    for index in 0..3 {
        at_once(journal.intend(index)).unwrap();
        at_once(journal.conclude(index, &applied())).unwrap();
    }
    at_once(journal.end()).unwrap();
    assert_eq!(*disk.calls.borrow(), ["add and flush RUN.json"; 2 * 3 + 1]);
}

/// How many bytes a run of so many changes writes.
fn bytes_written(changes: usize) -> u64 {
    let root = tempfile::tempdir().unwrap();
    let watched = Watched::default();
    let mut journal = begin_with(watched.clone(), root.path(), plan_of(changes));
    for index in 0..changes {
        at_once(journal.intend(index)).unwrap();
        at_once(journal.conclude(index, &applied())).unwrap();
    }
    at_once(journal.end()).unwrap();
    let bytes = watched.bytes.get();
    assert_eq!(std::fs::metadata(journal.path()).unwrap().len(), bytes, "nothing is written twice");
    bytes
}

#[test]
fn a_change_costs_the_same_whatever_a_run_carries_out() {
    // What they differ by has numbers of as many digits.
    let [few, more, most] = [100, 110, 140].map(bytes_written);
    assert_eq!((most - more) / 30, (more - few) / 10);
    assert!((more - few) / 10 < 1_000, "{few} {more} {most}");
}

/// A record of which the last change was just told to be refused, and the lines of its file.
fn with_lines(folder: &Path) -> (Journal, Vec<String>) {
    let mut journal = begin(RealDisk, folder);
    at_once(journal.intend(0)).unwrap();
    at_once(journal.conclude(0, &applied())).unwrap();
    at_once(journal.intend(2)).unwrap();
    at_once(journal.conclude(2, &refused("nö"))).unwrap();
    let text = std::fs::read_to_string(journal.path()).unwrap();
    (journal, text.split_inclusive('\n').map(str::to_owned).collect())
}

#[test]
fn a_note_that_was_not_written_to_its_end_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let (mut journal, lines) = with_lines(root.path());
    let whole = only_record(root.path());
    let (last, before) = lines.split_last().unwrap();
    let before = before.concat();
    std::fs::write(journal.path(), &before).unwrap();
    let former = only_record(root.path());
    assert_eq!((former.steps[2].outcome, whole.steps[2].outcome), (None, Some(Fate::Failed)));
    for length in 1..last.len() {
        // Somewhere amid a character, too.
        let torn = &last.as_bytes()[..length];
        std::fs::write(journal.path(), [before.as_bytes(), torn].concat()).unwrap();
        assert_eq!(only_record(root.path()), former, "{length}");
        // A machine stopped, and the file system had not written the beginning.
        let unwritten = [before.as_bytes(), &vec![0; length], &last.as_bytes()[length..]].concat();
        std::fs::write(journal.path(), unwritten).unwrap();
        assert_eq!(only_record(root.path()), former, "{length}");
    }
    std::fs::write(journal.path(), before.clone() + last).unwrap();
    assert_eq!(only_record(root.path()), whole);
    // Whoever goes on with it writes over what is torn.
    std::fs::write(journal.path(), before.clone() + last + &last.repeat(2)).unwrap();
    at_once(journal.end()).unwrap();
    assert_eq!(only_record(root.path()), Record { ended: journal.record.ended.clone(), ..whole });
}

#[test]
fn what_is_no_journal_of_a_known_format_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (journal, lines) = with_lines(root.path());
    let with = |number: usize, line: &str| {
        let mut lines = lines.clone();
        lines[number - 1] = line.to_owned();
        lines.concat()
    };
    let head = |from: &str, to: &str| {
        assert!(lines[0].contains(from), "{from}");
        with(1, &lines[0].replace(from, to))
    };
    let after = |line: &str| lines.concat() + line + "\n";
    let twice = "it does not follow from what was said of change";
    for (text, message) in [
        (head("\"keymend_journal\":2", "\"keymend_journal\":3"), "has format 3, which is not known here"),
        (head("\"keymend_journal\":2", "\"keymend_journal\":-2"), "can't be read: invalid value"),
        (
            head("\"keymend_journal\":2", "\"keymend_journal\":1"),
            "can't be read: trailing characters at line 2",
        ),
        (head("\"keymend_journal\":2,", ""), "can't be read: missing field `keymend_journal`"),
        (head("\"plan\"", "\"plant\""), "can't be read: missing field `plan`"),
        (lines[0][..lines[0].len() / 2].to_owned(), "can't be read: EOF"),
        (lines[0].trim_end().to_owned(), "can't be read: its first line has no end"),
        (String::new(), "can't be read: EOF"),
        (with(3, &lines[2][10..]), "can't be read: line 3: "),
        (with(3, lines[2].trim_end()), "can't be read: line 3: trailing characters"),
        (with(3, "\n"), "can't be read: line 3: EOF while parsing a value"),
        (with(3, "\0\0\n"), "can't be read: line 3: expected value"),
        (with(5, &lines[4][10..]), "can't be read: line 5: "),
        (with(2, ""), twice),
        (with(4, &lines[1]), twice),
        (after(&lines[4]), "can't be read: line 6: it does not follow from what was said of change 3 before"),
        (after(r#"{"intended":{"step":3,"at":""}}"#), "can't be read: line 6: the plan has no change 4"),
        (
            after(r#"{"intended":{"step":18446744073709551615,"at":""}}"#),
            "the plan has no change 18446744073709551615",
        ),
        (after(r#"{"intended":{"step":-1,"at":""}}"#), "line 6: invalid value: integer `-1`, expected usize"),
        (after(r#"{"intended":{"at":""}}"#), "line 6: missing field `step`"),
        (after(r#"{"intended":{"step":1,"step":1,"at":""}}"#), "line 6: duplicate field `step`"),
        (after(r#"{"concluded":{"step":1,"outcome":"applied"}}"#), twice),
        (after(r#"{"concluded":{"step":1,"intended":"","concluded":"","outcome":"applied"}}"#), twice),
        (
            after(r#"{"concluded":{"step":1,"concluded":"","outcome":"done"}}"#),
            "line 6: unknown variant `done`",
        ),
        (after(r#"{"paused":{"at":""}}"#), "can't be read: line 6: unknown variant `paused`"),
        (
            after("{\"ended\":{\"at\":\"\"}}\n{\"ended\":{\"at\":\"\"}}"),
            "line 7: the run was at its end before",
        ),
        (
            after("{\"ended\":{\"at\":\"\"}}\n{\"intended\":{\"step\":1,\"at\":\"\"}}"),
            "line 7: the run was at its end",
        ),
    ] {
        std::fs::write(journal.path(), &text).unwrap();
        let errors = [
            History::read(root.path(), &Backend::Aws).unwrap_err().to_string(),
            Unfinished::read(root.path(), &Backend::Aws).unwrap_err().to_string(),
            History::written_lately(root.path(), &Backend::Aws, Duration::from_mins(1))
                .unwrap_err()
                .to_string(),
        ];
        for error in errors {
            assert!(error.contains(message), "{message}: {error}");
        }
    }
}

#[test]
fn a_note_that_could_not_be_read_again_is_not_written() {
    let root = tempfile::tempdir().unwrap();
    let (mut journal, lines) = with_lines(root.path());
    for (what, error) in [
        ("no such change", at_once(journal.intend(3)).unwrap_err()),
        ("begun before", at_once(journal.intend(0)).unwrap_err()),
        ("over before", at_once(journal.conclude(2, &applied())).unwrap_err()),
        ("no such change", at_once(journal.conclude(usize::MAX, &applied())).unwrap_err()),
    ] {
        assert!(error.to_string().contains("could not be written: "), "{what}: {error}");
    }
    assert_eq!(std::fs::read_to_string(journal.path()).unwrap(), lines.concat());
    at_once(journal.end()).unwrap();
    assert!(at_once(journal.end()).is_err() && at_once(journal.intend(1)).is_err());
    assert_eq!(only_record(root.path()), journal.record);
}

#[test]
fn a_disk_that_is_full_leaves_nothing_that_a_later_note_could_be_glued_to() {
    let at = |room: usize, does_recover: bool| {
        let root = tempfile::tempdir().unwrap();
        let disk = Watched::default();
        let mut journal = begin(disk.clone(), root.path());
        for index in [0, 1] {
            at_once(journal.intend(index)).unwrap();
        }
        disk.room.set(Some(room));
        assert!(matches!(at_once(journal.intend(2)), Err(JournalError::Unwritable { .. })));
        // It was under way, and did come to its end.
        assert!(matches!(at_once(journal.conclude(1, &applied())), Err(JournalError::Unwritable { .. })));
        if does_recover {
            disk.room.set(None);
        }
        assert_eq!(at_once(journal.conclude(0, &applied())).is_ok(), does_recover);
        assert_eq!(at_once(journal.end()).is_ok(), does_recover);
        let said = only_record(root.path());
        if does_recover {
            assert_eq!(said, journal.record, "after {room} bytes");
            let outcomes = said.steps.iter().map(|step| step.outcome);
            assert_eq!(outcomes.collect::<Vec<_>>(), [Some(Fate::Applied), Some(Fate::Applied), None]);
        }
        assert_eq!(said.steps[2], StepRecord::default(), "what was not recorded was not begun");
        assert!(said.steps[..2].iter().all(StepRecord::may_be_written));
    };
    for room in (0..250).step_by(7) {
        at(room, true);
    }
    for room in [0, 1, 60, 100, 200, 400] {
        at(room, false);
    }
}

#[test]
fn what_was_not_begun_is_not_told_where_less_is_told_in_its_place() {
    for room in 0..80 {
        let root = tempfile::tempdir().unwrap();
        let disk = Watched::default();
        let mut journal = begin(disk.clone(), root.path());
        disk.room.set(Some(room));
        assert!(at_once(journal.intend(0)).is_err());
        disk.room.set(None);
        at_once(journal.end()).unwrap();
        let text = std::fs::read_to_string(journal.path()).unwrap();
        let (_, told) = text.split_once('\n').unwrap();
        assert!(told.starts_with("{\"ended\"") && told.lines().count() == 1, "after {room} bytes: {told}");
        assert_eq!(only_record(root.path()), journal.record);
    }
}

#[test]
fn a_file_that_is_gone_or_shorter_than_it_was_is_not_written_to() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = begin(RealDisk, root.path());
    let text = std::fs::read_to_string(journal.path()).unwrap();
    std::fs::write(journal.path(), &text[..10]).unwrap();
    assert!(at_once(journal.intend(0)).unwrap_err().to_string().contains("only 10 are there"));
    std::fs::remove_file(journal.path()).unwrap();
    assert!(matches!(at_once(journal.intend(0)), Err(JournalError::Unwritable { .. })));
    assert!(!journal.path().exists());
}
