//! Commands for people to copy into a POSIX shell.

use std::borrow::Cow;

use crate::escape;

/// Quotes one argument so that a POSIX shell reads it back as the same text.
///
/// Plain words stay as they are; others stand in single quotes. Where that would put a control character or an
/// invisible one on the terminal (or let a pasted line end run the command early), the argument takes the form
/// `$'…'` with octal bytes, which POSIX has had since 2024 and bash, zsh and ksh always had.
///
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02>
pub fn quote(argument: &str) -> Cow<'_, str> {
    if argument.contains(escape::is_unsafe) {
        return Cow::Owned(quote_bytes(argument));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+:,./@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return Cow::Borrowed(argument);
    }
    Cow::Owned(format!("'{}'", argument.replace('\'', r"'\''")))
}

fn quote_bytes(argument: &str) -> String {
    let mut out = "$'".to_owned();
    for character in argument.chars() {
        match character {
            '\\' | '\'' => out.extend(['\\', character]),
            // Three digits end an octal escape whatever follows, which hexadecimal ones don't in every shell.
            _ if escape::is_unsafe(character) => {
                let mut bytes = [0; 4];
                let bytes = character.encode_utf8(&mut bytes).bytes();
                out.extend(bytes.map(|byte| format!("\\{byte:03o}")));
            }
            _ => out.push(character),
        }
    }
    out.push('\'');
    out
}

/// A command from its words, each quoted.
pub fn command<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(quote).collect::<Vec<Cow<'_, str>>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn quotes_only_where_needed() {
        assert_eq!(quote("arn:aws:iam::444455556666:role/app"), "arn:aws:iam::444455556666:role/app");
        assert_eq!(quote("file://policy.json"), "file://policy.json");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("=ls"), "'=ls'");
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quote("a\nb\u{202e}'\\"), r"$'a\012b\342\200\256\'\\'");
    }

    #[test]
    fn a_shell_reads_back_the_same_text() {
        let texts = [
            "",
            "plain",
            "a b",
            "~",
            "*",
            "$(touch x)",
            "`id`",
            "it's",
            "\"",
            "\\",
            "a\\'b",
            "#c",
            "!1",
            "-n",
            "é",
            "{a,b}",
            "a;b|c&d>e",
        ];
        let with_controls = ["a\nb", "\u{1b}[31m1", "a'\r\n'b\\n", "\u{202e}0", "\t", "\u{9b}7"];
        let read_back = |shell: &str, text: &str| {
            let script = format!("printf %s. {}", quote(text));
            let output = Command::new(shell).args(["-c", &script]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        for text in texts {
            assert_eq!(read_back("sh", text), format!("{text}."));
        }
        for text in texts.into_iter().chain(with_controls) {
            assert_eq!(read_back("bash", text), format!("{text}."));
        }
    }
}
