//! The manual: one page for the program and every command with its options.

use std::io::{self, Write};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::{CHECK_EXIT_STATUSES, Cli, EXIT_STATUSES, PATCH_EXIT_STATUSES};

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
    for command in program.get_subcommands() {
        write_command(out, command)?;
    }
    exit_statuses("SH", &EXIT_STATUSES).to_writer(out)?;
    page.render_version_section(out)
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
    let mut section = Roff::new();
    section.control(heading, ["EXIT STATUS"]);
    for (status, meaning) in statuses {
        section.control("TP", []);
        section.text([bold(status.to_string())]);
        section.text([roman(*meaning)]);
    }
    section
}
