//! What may import what, what stays pure, and how large a module may grow.

mod circles;
mod names;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// Each module with what it may import. Everything it may import stands further up, so there are no circles.
const MODULES: [(&str, &str); 24] = [
    ("alike", ""),
    ("escape", ""),
    ("shell", "escape"),
    ("files", ""),
    ("arn", ""),
    ("policy", "arn"),
    ("authz", "arn policy"),
    ("observation", "arn policy"),
    ("diff", "arn policy"),
    ("access", "shell arn policy authz observation diff"),
    ("plan", "arn policy authz observation diff access"),
    ("permissions", "arn policy access"),
    ("render", "escape shell arn policy authz observation diff access plan"),
    ("cloud", "escape files arn policy authz observation access plan permissions"),
    ("launch", "shell arn policy authz observation access plan cloud"),
    ("survey", "arn access observation plan render cloud launch"),
    ("apply", "files arn policy authz observation diff access plan cloud"),
    ("fleet", "files arn policy observation access plan cloud launch apply"),
    ("prompt", "escape arn policy observation diff access plan render"),
    ("error", "shell arn policy observation access plan render cloud launch apply fleet prompt"),
    ("cli", "shell arn policy observation access plan permissions cloud launch fleet error"),
    (
        "commands",
        "alike escape shell files arn policy authz observation diff access plan permissions render cloud launch \
         survey apply fleet prompt error cli",
    ),
    ("main", "error cli commands"),
    ("lambda", "commands"),
];

/// The modules that decide: they know no world outside.
const PURE: [&str; 12] = [
    "alike",
    "escape",
    "shell",
    "arn",
    "policy",
    "authz",
    "observation",
    "diff",
    "access",
    "plan",
    "permissions",
    "render",
];

/// What the pure part may not use: crates, by the beginning of their name, and parts of the standard library.
const IMPURE_CRATES: [&str; 6] = ["aws_", "tokio", "clap", "dialoguer", "futures", "tracing"];
const IMPURE_STD: [&str; 7] = ["env", "fs", "net", "os", "process", "thread", "time"];
const IMPURE_WORDS: [&str; 5] = ["async", "await", "now_utc", "now_local", "set_var"];
const IMPURE_MACROS: [&str; 5] = ["dbg", "eprint", "eprintln", "print", "println"];

const MOST_CODE_LINES: usize = 400;

/// Everything wrong with a file, given by its path under `src`, such as `plan/planner.rs`.
fn offences(file: &str, text: &str) -> Vec<String> {
    if module_path(file).iter().any(|part| part == "tests") {
        // Tests may use what they like; they are held to the size of modules by their own readers.
        return Vec::new();
    }
    let source = Source::parse(&module_path(file), text);
    let module = module_path(file).first().cloned().unwrap_or_else(|| "lib".to_owned());
    let mut offences = Vec::new();
    if module != "lib" {
        offences.extend(wrong_imports(&module, &source));
    }
    if PURE.contains(&module.as_str()) {
        offences.extend(impurities(&source));
    }
    if module != "prompt" && source.external_paths().any(|path| path[0] == "dialoguer") {
        offences.push("only `prompt` uses dialoguer".to_owned());
    }
    if source.code_lines > MOST_CODE_LINES {
        offences.push(format!("{} code lines", source.code_lines));
    }
    if source.allows {
        offences.push("`allow` instead of `expect`".to_owned());
    }
    offences.into_iter().map(|offence| format!("{file}: {offence}")).collect()
}

fn wrong_imports(module: &str, source: &Source) -> Vec<String> {
    let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
        return vec![format!("module `{module}` has no row in the table")];
    };
    let is_allowed = |name: &str| name == module || allowed.split(' ').any(|allowed| allowed == name);
    let imports = source.crate_paths().map(|path| path.join("::"));
    imports
        .filter(|path| !is_allowed(path.split("::").next().unwrap_or_default()))
        .map(|path| format!("`{module}` may not import `{path}`"))
        .collect()
}

fn impurities(source: &Source) -> Vec<String> {
    let is_impure = |path: &&[String]| match path {
        [root, part, ..] if root == "std" => IMPURE_STD.contains(&part.as_str()),
        [name, ..] => IMPURE_CRATES.iter().any(|start| name.starts_with(start)),
        [] => false,
    };
    let paths = source.external_paths().filter(is_impure).map(|path| path.join("::"));
    let words = source.words.iter().filter(|word| IMPURE_WORDS.contains(&word.as_str())).cloned();
    let macros = source.macros.iter().filter(|name| IMPURE_MACROS.contains(&name.as_str())).cloned();
    paths.chain(words).chain(macros).map(|what| format!("`{what}` in the pure part")).collect()
}

/// `["plan", "planner"]` for `plan/planner.rs`; nothing for `lib.rs`.
fn module_path(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    stem.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.chain(directories.iter().flat_map(|directory| rust_files(directory))).collect()
}

#[test]
fn imports_run_one_way_and_the_core_is_pure() {
    let src = root().join("src");
    let files = rust_files(&src);
    assert!(files.len() > 10, "{files:?}");
    let offences: Vec<_> = files
        .iter()
        // Declared under `#[cfg(test)]`, in a file of their own.
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "tests"))
        .flat_map(|path| {
            let file = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
            offences(&file, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn lints_are_expected_and_never_allowed() {
    let directories = ["src", "tests", "benches"].map(|name| root().join(name));
    let files = directories.iter().flat_map(|directory| rust_files(directory));
    let offenders: Vec<_> =
        files.filter(|path| Source::parse(&[], &fs::read_to_string(path).unwrap()).allows).collect();
    assert!(offenders.is_empty(), "{offenders:#?}");
}

#[test]
fn the_table_has_no_circle() {
    for (row, (module, allowed)) in MODULES.iter().enumerate() {
        for name in allowed.split_whitespace() {
            assert!(MODULES[..row].iter().any(|(earlier, _)| *earlier == name), "{module} -> {name}");
        }
    }
    assert!(PURE.iter().all(|name| MODULES.iter().any(|(module, _)| module == name)));
}

#[test]
fn no_file_imports_another_in_a_circle() {
    let src = root().join("src");
    let files = rust_files(&src).into_iter().map(|path| {
        let file = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        (file, fs::read_to_string(path).unwrap())
    });
    assert_eq!(circles::circles(&files.collect()), Vec::<Vec<String>>::new());
}

#[test]
fn no_two_types_that_the_whole_crate_sees_have_one_name() {
    let src = root().join("src");
    let files: Vec<(String, String)> = rust_files(&src)
        .into_iter()
        .map(|path| (path.strip_prefix(&src).unwrap().to_string_lossy().into_owned(), path))
        .map(|(file, path)| (file, fs::read_to_string(path).unwrap()))
        .collect();
    assert_eq!(names::shared(&files), Vec::<String>::new());
}

#[test]
fn every_kind_of_offence_is_seen() {
    let offending = [
        ("arn.rs", "use crate::policy::ActionSet;"),
        ("arn.rs", "use crate::{access as other, arn::{self, AccountId}};"),
        ("policy/edit.rs", "use super::super::plan::Plan;"),
        ("policy/edit.rs", "mod inner { use super::super::super::plan::Plan; }"),
        ("policy.rs", "fn f() -> super::access::Request { todo!() }"),
        ("plan.rs", "fn f(client: &impl crate::cloud::Observe) {}"),
        ("cloud.rs", "use crate::render::Styles;"),
        ("plan.rs", "use crate::files;"),
        ("escape.rs", "use crate::shell::quote;"),
        ("render.rs", "macro_rules! m { () => { $crate::cloud::aws::f() } }"),
        ("cloud/aws.rs", "use crate::{arn::KeyArn, cloud::{Observe, Write}, apply};"),
        ("main.rs", "fn main() { keymend::plan::plan(); }"),
        ("surprise.rs", ""),
        ("plan/planner.rs", "async fn f() {}"),
        ("plan.rs", "use std::{collections::BTreeMap, env};"),
        ("diff.rs", "fn f() -> std::time::Duration { todo!() }"),
        ("observation.rs", "fn f() -> ::std::fs::File { todo!() }"),
        ("observation.rs", "fn f(error: aws_sdk_kms::Error) {}"),
        ("access.rs", "#[derive(clap::Parser)] struct Options {}"),
        ("access.rs", "use tokio;"),
        ("render/text.rs", "fn f() { println!(\"{}\", 1); }"),
        ("arn.rs", "fn f() { time::OffsetDateTime::now_utc(); }"),
        ("commands/fix.rs", "use dialoguer::Confirm;"),
        ("cli.rs", "#![allow(dead_code)]"),
        ("cli.rs", "#[cfg_attr(unix, allow(dead_code))] fn f() {}"),
    ];
    for (file, text) in offending {
        assert_eq!(offences(file, text).len(), 1, "{file}: {text}");
    }
}

#[test]
fn what_is_allowed_is_no_offence() {
    let fine = [
        ("lib.rs", "pub mod arn; pub mod plan;"),
        ("policy/edit.rs", "use super::document::{PolicyDocument, Statement}; use super::super::arn;"),
        ("plan.rs", "pub use planner::plan; use crate::arn::KeyArn; fn f() { self::planner::plan() }"),
        ("plan.rs", "#[cfg(test)] mod tests { use crate::cloud::Observe; use std::env; }"),
        ("plan.rs", "#[cfg(test)] use crate::{cloud::Observe}; use crate::arn::KeyArn;"),
        ("plan.rs", "/// See [`crate::cloud::Observe`].\nfn f() {} // std::env"),
        ("plan.rs", "const TEXT: &str = \"use crate::cloud::Observe;\";"),
        ("prompt.rs", "use dialoguer::Confirm;"),
        ("cloud/aws.rs", "async fn f(client: aws_sdk_kms::Client) { std::env::var(\"A\"); }"),
        ("main.rs", "use keymend::commands; fn main() {}"),
    ];
    for (file, text) in fine {
        assert_eq!(offences(file, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn code_lines_leave_out_comments_blanks_and_tests() {
    let counted = "//! Module.\n\nuse a::b;\n// why\n/// Doc.\nfn f() {\n    \"two\n    lines\"\n\n}\n";
    let tests = "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    assert_eq!(Source::parse(&[], &format!("{counted}{tests}")).code_lines, 5);
    let long = "fn f() {}\n".repeat(MOST_CODE_LINES + 1);
    assert_eq!(offences("arn.rs", &long), ["arn.rs: 401 code lines"]);
}
