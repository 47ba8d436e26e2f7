//! What exit statuses mean, for help and manual.

/// What the process's exit status means, for help and manual.
pub const EXIT_STATUSES: [(u8, &str); 9] = [
    (0, "done, or nothing to do"),
    (1, "error"),
    (2, "wrong usage"),
    (3, "something left to do, access missing or not known, or changes pending (--detailed-exitcode)"),
    (4, "blocked: no change of keymend's may mend it"),
    (5, "declined, or no terminal and no --yes"),
    (6, "stale: somebody else changed a document meanwhile"),
    (7, "incomplete: throttled, unreachable or a lease held; the same command may finish it"),
    (130, "interrupted"),
];

/// What the exit status of `keymend check` means.
pub const CHECK_EXIT_STATUSES: [(u8, &str); 5] = [
    (0, "every grantee can launch, or start, as far as what was considered tells; without grantees: listed"),
    (1, "error; with --requests: some line was no request"),
    (2, "wrong usage"),
    (3, "access is missing, or nobody can tell from what is known"),
    (4, "blocked: no change of keymend's may mend it"),
];

pub(super) fn exit_statuses(statuses: &[(u8, &str)]) -> String {
    let lines: Vec<String> =
        statuses.iter().map(|(status, meaning)| format!("  {status:>3}  {meaning}")).collect();
    format!("Exit status:\n{}", lines.join("\n"))
}
