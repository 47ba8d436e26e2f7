//! In which other forms a plan is wanted.

use std::path::{Path, PathBuf};

use super::Mode;
use crate::cli::{EmitFormat, HandoverArgs};
use crate::error::UsageError;

/// In which other forms a plan is wanted.
#[derive(Debug)]
pub struct HandoverSettings {
    /// As code, in a folder.
    pub emit: Option<(EmitFormat, PathBuf)>,
    /// As reports.
    pub reports: Vec<(ReportFormat, PathBuf)>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// Markdown.
    Markdown,
    /// One HTML file.
    Html,
}

impl HandoverSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// A report's file name tells no known form, or code is wanted of a run that writes itself.
    pub fn resolve(args: &HandoverArgs, mode: Mode) -> Result<Self, UsageError> {
        if args.emit.is_some() {
            only_planned("--emit", mode)?;
        }
        let reports = args.report.iter().map(|file| Ok((report_format(file)?, file.clone())));
        Ok(Self {
            emit: args.emit.zip(args.emit_dir.clone()),
            reports: reports.collect::<Result<_, UsageError>>()?,
        })
    }
}

/// What is handed over is not written here as well.
pub(super) fn only_planned(flag: &str, mode: Mode) -> Result<(), UsageError> {
    if mode == Mode::DryRun {
        return Ok(());
    }
    Err(UsageError::new(format!("{flag} is for a plan that is not applied here")).hint("add --dry-run"))
}

/// A report's file, of what is reported as HTML alone.
pub(super) fn html_report(file: &Path, what: &str, others: &str) -> Result<PathBuf, UsageError> {
    match report_format(file)? {
        ReportFormat::Html => Ok(file.to_owned()),
        ReportFormat::Markdown => Err(UsageError::new(format!("{what} is reported as HTML alone"))
            .hint(format!("give a name that ends in .html; {others} for other programs"))),
    }
}

/// The form of a report, by the end of its name.
pub(super) fn report_format(file: &Path) -> Result<ReportFormat, UsageError> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("md" | "markdown") => Ok(ReportFormat::Markdown),
        Some("html" | "htm") => Ok(ReportFormat::Html),
        _ => Err(UsageError::new(format!("`{}` tells no form for a report", file.display()))
            .hint("give a name that ends in .md or .html")),
    }
}
