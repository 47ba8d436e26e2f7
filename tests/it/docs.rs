//! What the documentation says: every command in it is known to the program, and every example is run, on a copy of a
//! world that has what the examples name (`fixtures/docs`), so that none writes to a fixture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{CommandFactory as _, Parser as _};
use keymend::cli::Cli;

use crate::scene::{Ran, Scene};

/// Commands that read or write a world.
const ON_A_WORLD: [&str; 7] = ["fix", "plan", "check", "survey", "watch", "apply", "rollback"];
/// Options with a value that a world has no use for: it has callers of its own.
const OF_CREDENTIALS: [&str; 5] =
    ["--profile", "--account-profile", "--assume-role-name", "--as-profile", "--region"];
/// A run to go back from.
const RUN: &str = "fix --sandbox=world.json --yes --account 444455556666 \
    --key arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page of the documentation.
struct Page {
    name: String,
    text: String,
}

/// A block of code.
struct Block<'a> {
    language: &'a str,
    lines: Vec<&'a str>,
}

impl Page {
    fn read(name: &str) -> Self {
        Self { name: name.to_owned(), text: fs::read_to_string(root().join(name)).unwrap() }
    }

    /// All of them.
    fn all() -> Vec<Self> {
        let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> = docs
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .map(|path| format!("docs/{}", path.file_name().unwrap().to_str().unwrap()))
            .collect();
        names.sort();
        names.extend(["README.md", "README.ja.md", "CONTRIBUTING.md"].map(str::to_owned));
        names.iter().map(|name| Self::read(name)).collect()
    }

    fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let lines = lines.by_ref().take_while(|line| *line != "```").collect();
                blocks.push(Block { language, lines });
            }
        }
        blocks
    }

    /// The text outside of blocks.
    fn prose(&self) -> String {
        self.text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
    }

    /// What stands between backticks in the text.
    fn spans(&self) -> Vec<String> {
        self.prose().split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn headings(&self) -> Vec<(usize, String)> {
        let heading = |line: &str| {
            let title = line.trim_start_matches('#');
            title.strip_prefix(' ').map(|text| (line.len() - title.len(), text.to_owned()))
        };
        self.prose().lines().filter(|line| line.starts_with('#')).filter_map(heading).collect()
    }

    /// Where its links lead to.
    fn links(&self) -> Vec<String> {
        let prose = self.prose();
        prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
    }

    fn examples(&self) -> Vec<String> {
        self.blocks().iter().flat_map(Block::commands).collect()
    }

    /// What examples mean by `$KEY` and the like.
    fn variables(&self) -> BTreeMap<String, String> {
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
        let blocks = self.blocks();
        let lines = blocks.iter().filter(|block| block.language == "sh").flat_map(|block| &block.lines);
        let pairs = lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| is_name(name));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Block<'_> {
    /// The program's commands, each on one line and without its comment.
    fn commands(&self) -> Vec<String> {
        let whole = self.lines.join("\n").replace("\\\n", " ");
        // In a console what is not typed is printed.
        let typed = if self.language == "console" { "$ " } else { "" };
        let lines = whole.lines().filter_map(|line| line.strip_prefix(typed));
        let bare = |line: &str| {
            line.replace("cargo run -- ", "keymend ").split(" #").next().unwrap().trim().to_owned()
        };
        lines.map(bare).filter(|line| line.starts_with("keymend ")).collect()
    }
}

/// The words of a command as a shell gives them to the program.
fn words(command: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let mut text = command.to_owned();
    for (name, value) in variables {
        text = text.replace(&format!("${name}"), value);
    }
    let words = text.split_whitespace().take_while(|word| !["|", "<", ">"].contains(word));
    let mut given = Vec::<String>::new();
    for word in words {
        // What stands for more, and for the value of an option.
        if word != "…" || given.last().is_some_and(|last| last.starts_with("--")) {
            given.push(word.trim_matches(['"', '\'']).replace("SHELL", "bash"));
        }
    }
    given
}

#[test]
fn every_command_is_one_that_the_program_knows() {
    let (mut wrong, mut count) = (String::new(), 0);
    for page in Page::all() {
        let variables = page.variables();
        let spans = page.spans();
        let mentioned = spans.iter().filter(|span| span.starts_with("keymend ")).cloned();
        for command in page.examples().into_iter().chain(mentioned) {
            let parsed = Cli::try_parse_from(words(&command, &variables));
            if let Err(error) = parsed
                && ![
                    clap::error::ErrorKind::MissingRequiredArgument,
                    clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
                ]
                .contains(&error.kind())
            {
                writeln!(wrong, "{}: {command}: {error}", page.name).unwrap();
            }
            count += 1;
        }
    }
    assert_eq!(wrong, "");
    assert!(count > 100, "{count} were found");
}

#[test]
fn every_option_in_the_text_exists() {
    let program = Cli::command();
    let mut known: BTreeSet<String> = ["help", "version"].map(str::to_owned).into();
    let nested = program.get_subcommands().flat_map(clap::Command::get_subcommands);
    for command in program.get_subcommands().chain(nested) {
        known.extend(command.get_arguments().filter_map(|option| option.get_long()).map(str::to_owned));
    }
    known.extend(program.get_arguments().filter_map(|option| option.get_long()).map(str::to_owned));
    let mut count = 0;
    for page in Page::all() {
        for span in page.spans() {
            let Some(option) = span.strip_prefix("--") else { continue };
            let name = option.split([' ', '=', '[', '|']).next().unwrap();
            // By itself it is what options begin with.
            assert!(name.is_empty() || known.contains(name), "{}: `{span}`", page.name);
            count += 1;
        }
    }
    assert!(count > 80, "{count} were found");
}

/// What a translation has in common with what it is made of.
fn skeleton(page: &Page) -> impl PartialEq + std::fmt::Debug + use<> {
    let levels: Vec<usize> = page.headings().iter().map(|(level, _)| *level).collect();
    let rows = page.prose().lines().filter(|line| line.starts_with('|') || line.starts_with("- ")).count();
    let mut spans: Vec<String> = page.spans();
    spans.sort();
    (levels, page.examples(), page.variables(), rows, spans)
}

#[test]
fn the_japanese_readme_has_the_headings_commands_and_links_of_the_english_one() {
    let (english, japanese) = (Page::read("README.md"), Page::read("README.ja.md"));
    assert_eq!(skeleton(&japanese), skeleton(&english));
    // Each links to the other; headings of their own have names of their own.
    let links = |page: &Page, other: &str| {
        let mut links = page.links();
        assert!(links.contains(&other.to_owned()), "{}", page.name);
        links.retain(|link| link != other && !link.starts_with('#'));
        links.sort();
        links
    };
    assert_eq!(links(&japanese, "README.md"), links(&english, "README.ja.md"));
    assert_eq!(contents(&japanese, "目次"), sections(&japanese));
}

/// A folder with a copy of all that examples name, and the program where a shell finds it.
fn desk() -> Scene {
    let scene = Scene::with_text("{}");
    copy(&root().join("fixtures/docs"), &scene.path(""));
    copy(&root().join("fixtures/worlds"), &scene.path("fixtures/worlds"));
    fs::create_dir(scene.path("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_keymend"), scene.path("bin/keymend")).unwrap();
    scene
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target: PathBuf = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// An example as it is run: on the world instead of AWS.
fn on_the_world(example: &str, scene: &Scene) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut rest = example.split_whitespace();
    while let Some(word) = rest.next() {
        if OF_CREDENTIALS.contains(&word) {
            rest.next();
        } else {
            words.push(word);
        }
    }
    let has_own = ["--sandbox", "--key-policy", "--requests"];
    let is_elsewhere = words.iter().any(|word| has_own.iter().any(|option| word.starts_with(option)));
    if ON_A_WORLD.contains(&words[1]) && !is_elsewhere {
        words.insert(2, "--sandbox=world.json");
    }
    if words[1] == "fleet" && words[2] != "status" {
        words.insert(3, "--sandbox=world.json");
    }
    if words[1] == "rollback" && scene.journals().is_empty() {
        assert_eq!(scene.run(RUN).status, 0);
    }
    let run = scene.journals().last().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    words
        .into_iter()
        .map(|word| if word == "RUN" { run.as_deref().unwrap() } else { word })
        .map(|word| word.strip_prefix("s3://").unwrap_or(word))
        .collect::<Vec<_>>()
        .join(" ")
}

fn carried_out(example: &str, page: &Page, scene: &Scene) -> Ran {
    let line = on_the_world(example, scene);
    let direct = scene.command("");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(scene.path("")).env_clear().stdin(Stdio::null());
    shell.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", format!("{}:/usr/bin:/bin", scene.path("bin").display())).envs(page.variables());
    scene.ran(shell.output().unwrap(), line.trim_start_matches("keymend "))
}

/// Done, or something is left or nobody is there to ask: neither an error, nor wrong usage, nor blocked.
const WORKS: [i32; 3] = [0, 3, 5];

#[test]
fn every_example_works() {
    let (mut wrong, mut count) = (String::new(), 0);
    for page in Page::all() {
        let scene = desk();
        for block in page.blocks().iter().filter(|block| block.language != "console") {
            for example in block.commands() {
                let ran = carried_out(&example, &page, &scene);
                if !WORKS.contains(&ran.status) {
                    writeln!(wrong, "{}: {ran}", page.name).unwrap();
                }
                count += 1;
            }
        }
    }
    assert_eq!(wrong, "");
    assert!(count > 30, "{count} were found");
}

#[test]
fn what_examples_show_is_what_the_program_prints() {
    let mut count = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| block.language == "console") {
            let scene = desk();
            let shown = block.lines[1..].join("\n");
            let ran = carried_out(&block.commands()[0], &page, &scene);
            assert!(![1, 2].contains(&ran.status) && !shown.is_empty(), "{}: {ran}", page.name);
            assert!(ran.stdout.contains(&shown), "{} shows\n{shown}\n{ran}", page.name);
            count += 1;
        }
    }
    assert!(count > 1, "{count} were found");
}

#[test]
fn what_is_answered_to_a_request_is_what_the_page_shows() {
    let page = Page::read("docs/check.md");
    let blocks = page.blocks();
    let [request, answer] =
        [0, 1].map(|n| blocks.iter().filter(|block| block.language == "json").nth(n).unwrap());
    let requests = fs::read_to_string(root().join("fixtures/docs/requests.jsonl")).unwrap();
    assert_eq!(requests.lines().collect::<Vec<_>>(), request.lines);
    let ran = desk().run("check --requests requests.jsonl");
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), answer.lines);
}

/// A heading's name in an address, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

#[test]
fn every_link_leads_somewhere() {
    let mut linked = BTreeSet::new();
    for page in Page::all() {
        for link in page.links().iter().filter(|link| !link.starts_with("http")) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let path = root().join(&page.name).parent().unwrap().join(file);
            let path = if file.is_empty() { root().join(&page.name) } else { path };
            assert!(path.exists(), "{}: {link}", page.name);
            let name =
                path.canonicalize().unwrap().strip_prefix(root().canonicalize().unwrap()).unwrap().to_owned();
            if !place.is_empty() {
                let target = Page::read(name.to_str().unwrap());
                let anchors: Vec<String> = target.headings().iter().map(|(_, text)| anchor(text)).collect();
                assert!(anchors.contains(&place.to_owned()), "{}: {link}: {anchors:?}", page.name);
            }
            if page.name == "README.md" {
                linked.insert(name.to_str().unwrap().to_owned());
            }
        }
    }
    let unlinked: Vec<String> = Page::all()
        .into_iter()
        .map(|page| page.name)
        .filter(|name| name != "README.md" && !linked.contains(name))
        .collect();
    assert_eq!(unlinked, Vec::<String>::new(), "nobody finds them");
}

#[test]
fn the_contents_of_the_readme_are_its_headings() {
    let page = Page::read("README.md");
    assert_eq!(contents(&page, "Contents"), sections(&page));
}

/// The table of contents under a title.
fn contents(page: &Page, title: &str) -> Vec<String> {
    let (_, contents) = page.text.split_once(&format!("**{title}**\n\n")).unwrap();
    contents.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The sections, as a table of contents has them.
fn sections(page: &Page) -> Vec<String> {
    let headings = page.headings();
    let sections = headings.iter().filter(|(level, _)| *level == 2);
    sections.map(|(_, text)| format!("- [{text}](#{})", anchor(text))).collect()
}
