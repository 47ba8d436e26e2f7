//! The manual: one page for the program and every command with its options.

use std::io::{self, Write};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::config::{SETTINGS, VARIABLES};
use crate::cli::{
    CHECK_EXIT_STATUSES, Cli, EXAMPLES, EXIT_STATUSES, PATCH_EXIT_STATUSES, SURVEY_EXIT_STATUSES,
    WATCH_EXIT_STATUSES,
};

/// Writes the page as roff.
pub(super) fn write(out: &mut dyn Write) -> io::Result<()> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let page = Man::new(program.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        write_command(out, command)?;
    }
    exit_statuses("SH", &EXIT_STATUSES).to_writer(out)?;
    section("SH", "ENVIRONMENT", environment()).to_writer(out)?;
    section("SH", "FILES", FILES.map(told)).to_writer(out)?;
    section("SH", "EXAMPLES", EXAMPLES.map(told)).to_writer(out)?;
    see_also().to_writer(out)?;
    page.render_version_section(out)
}

/// What it reads or keeps, beside what is named on the command line.
const FILES: [(&str, &str); 4] = [
    (
        "$XDG_CONFIG_HOME/keymend/keymend.toml",
        "what is set once: the options under ENVIRONMENT, by their names",
    ),
    ("$XDG_STATE_HOME/keymend/RUN.json", "the record of a run, with every former text"),
    ("FILE.journal/RUN.json", "the record of a run with --sandbox=FILE"),
    ("~/.aws/config, ~/.aws/credentials", "profiles, as the AWS CLI has them"),
];

/// Where to read on.
const SEE_ALSO: [&str; 4] = [
    "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
    "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html",
    "https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html",
    "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/allow-org-ou-to-use-key.html",
];

fn told((name, about): (&str, &str)) -> (String, String) {
    (name.to_owned(), about.to_owned())
}

fn environment() -> impl Iterator<Item = (String, String)> {
    let settings = SETTINGS.iter().map(|setting| {
        let option = setting.name;
        (setting.variable(), format!("as --{option}, where it is not typed: {}", setting.about))
    });
    settings.chain(VARIABLES.map(told))
}

/// A section of names with what they are about.
fn section(heading: &str, title: &str, entries: impl IntoIterator<Item = (String, String)>) -> Roff {
    let mut section = Roff::new();
    section.control(heading, [title]);
    for (name, about) in entries {
        section.control("TP", []);
        section.text([bold(name)]);
        section.text([roman(about)]);
    }
    section
}

fn see_also() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["SEE ALSO"]);
    section.text([bold("aws"), roman("(1), "), bold("less"), roman("(1)")]);
    for page in SEE_ALSO {
        section.control("PP", []);
        section.text([roman(page)]);
    }
    section
}

fn write_command(out: &mut dyn Write, command: &Command) -> io::Result<()> {
    let mut heading = Roff::new();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    heading.control("SH", [name.to_uppercase().as_str()]);
    heading.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
    heading.to_writer(out)?;
    let page = Man::new(command.clone());
    let mut parts = Vec::new();
    page.render_synopsis_section(&mut parts)?;
    page.render_options_section(&mut parts)?;
    as_subsections(out, &parts)?;
    match command.get_name() {
        "check" => exit_statuses("SS", &CHECK_EXIT_STATUSES).to_writer(out)?,
        "survey" => exit_statuses("SS", &SURVEY_EXIT_STATUSES).to_writer(out)?,
        "watch" => exit_statuses("SS", &WATCH_EXIT_STATUSES).to_writer(out)?,
        "patch" => exit_statuses("SS", &PATCH_EXIT_STATUSES).to_writer(out)?,
        _ => {}
    }
    Ok(())
}

/// What is a section of a command's own page is a part of its section here.
fn as_subsections(out: &mut dyn Write, parts: &[u8]) -> io::Result<()> {
    for line in parts.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_prefix(b".SH ") {
            Some(title) => {
                out.write_all(b".SS ")?;
                out.write_all(title)?;
            }
            None => out.write_all(line)?,
        }
    }
    Ok(())
}

fn exit_statuses(heading: &str, statuses: &[(u8, &str)]) -> Roff {
    let entries = statuses.iter().map(|(status, meaning)| (status.to_string(), (*meaning).to_owned()));
    section(heading, "EXIT STATUS", entries)
}
