#!/usr/bin/env bash
# The GitHub Action's second step: runs keymend, and writes what it says into the step's summary and, where that is asked for, a
# comment of the pull request.
#
# Everything comes by variables of the environment, see action.yml, and nothing of it is ever run. It does with the bash 3.2
# of macOS.
set -euo pipefail
shopt -s nullglob

# What GitHub takes: a comment has 65,536 characters, a summary 1 MiB.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
most_in_comment=65000 most_in_summary=1000000

wrong() {
  echo "::error::keymend: $1"
  exit 2
}

unset CDPATH
workspace=$PWD
case $INPUT_PROGRAM in */*) INPUT_PROGRAM=$(cd -- "$(dirname -- "$INPUT_PROGRAM")" && pwd)/${INPUT_PROGRAM##*/} ;; esac
directory=${INPUT_DIRECTORY:-.}
[ -d "$directory" ] || wrong "working-directory is no folder"
report=$RUNNER_TEMP/keymend-report.md sarif=''
output=$RUNNER_TEMP/keymend-output.txt
rm -f "$report" "$output" "$RUNNER_TEMP/keymend.sarif"

words=()
while IFS= read -r word; do
  if [ -n "$word" ]; then words+=("$word"); fi
done <<<"$INPUT_ARGS"

case $INPUT_COMMAND in
  patch)
    sarif=$RUNNER_TEMP/keymend.sarif
    line=(patch --check --diff --sarif "$sarif" ${words[@]+"${words[@]}"} --)
    while IFS= read -r pattern; do
      [ -n "$pattern" ] || continue
      found=0
      # A pattern becomes names, and no name is ever taken for words or for a pattern.
      while IFS= read -r -d '' file; do
        found=1
        if [ "$directory" != . ]; then file=${directory%/}/$file; fi
        case $file in -*) file=./$file ;; esac
        line+=("$file")
      done < <(cd -- "$directory" && IFS='' && for file in $pattern; do printf '%s\0' "$file"; done)
      [ "$found" = 1 ] || wrong "no file matches a pattern of the input files"
    done <<<"$INPUT_FILES"
    [ "${line[${#line[@]} - 1]}" != -- ] || wrong "the input files names no file"
    ;;
  check) line=(check ${words[@]+"${words[@]}"}) && cd -- "$directory" ;;
  fix) line=(fix --dry-run --detailed-exitcode --report "$report" ${words[@]+"${words[@]}"}) && cd -- "$directory" ;;
  *) wrong "the input command is none of patch, check and fix" ;;
esac
case $INPUT_FAIL_ON in
  any) ;;
  '' | *[!0-9\ ]*) wrong "the input fail-on is neither any nor numbers" ;;
esac

status=0
"$INPUT_PROGRAM" "${line[@]}" </dev/null >"$output" 2>&1 || status=$?
cd "$workspace"

# What is printed may hold lines that the runner would take for commands.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
cat "$output"
echo "::$token::"

if [ ! -s "$report" ]; then
  # A fence that is longer than any in what it holds.
  fence=$(awk 'BEGIN { longest = 2 }
    { while (match($0, /`+/)) { if (RLENGTH > longest) longest = RLENGTH; $0 = substr($0, RSTART + RLENGTH) } }
    END { for (i = 0; i <= longest; i++) printf "`" }' "$output")
  {
    printf '## keymend %s\n\nExit status %s.\n\n%s%s\n' "$INPUT_COMMAND" "$status" "$fence" text
    cat "$output"
    # The fence begins a line of its own.
    if [ -n "$(tail -c 1 "$output")" ]; then echo; fi
    printf '%s\n' "$fence"
  } >"$report"
fi

# As much of the report as there is room for, in whole lines, and what is left out. A fence that is open then is closed.
shortened() {
  LC_ALL=C awk -v most="$1" -v where="$2" '
    { size += length($0) + 1 }
    cut || size > most { cut++; next }
    {
      print
      text = $0
      sub(/^ */, "", text)
      if (match(text, /^```+/)) {
        if (!open) { open = RLENGTH; indent = substr($0, 1, length($0) - length(text)) }
        else if (RLENGTH >= open && RLENGTH == length(text)) open = 0
      }
    }
    END {
      if (cut) {
        if (open) { printf "%s", indent; for (i = 0; i < open; i++) printf "`"; print "" }
        printf "\n**Left out: the last %d lines of %d, for which there is no room here. %s**\n", cut, NR, where
      }
    }' "$report"
}

shortened "$most_in_summary" "The file that the output report names has them." >>"$GITHUB_STEP_SUMMARY"
[ -s "$sarif" ] || sarif=''
{
  echo "exit-status=$status"
  printf 'report<<%s\n%s\n%s\n' "$token" "$report" "$token"
  printf 'sarif<<%s\n%s\n%s\n' "$token" "$sarif" "$token"
} >>"$GITHUB_OUTPUT"

# The comment of this very step is known by its first line, and by its author: anybody can write such a line.
commented() {
  local comments=repos/$GITHUB_REPOSITORY/issues/$INPUT_PULL_REQUEST/comments body=$RUNNER_TEMP/keymend-comment.md id
  INPUT_MARKER="<!-- keymend $(printf '%s\n' "$GITHUB_WORKFLOW" "$GITHUB_JOB" "$GITHUB_ACTION" | git hash-object --stdin) -->" || return
  export INPUT_MARKER
  {
    echo "$INPUT_MARKER"
    shortened "$most_in_comment" "The summary of the run has them: $GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
  } >"$body"
  id=$(gh api --paginate "$comments" --jq '.[]
    | select(.user.login == env.INPUT_COMMENT_AUTHOR and (.body | startswith(env.INPUT_MARKER))) | .id') || return
  id=${id%%$'\n'*}
  if [ -n "$id" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$body"
  else
    gh api --silent --method POST "$comments" -F "body=@$body"
  fi
}
if [ "$INPUT_COMMENT" = true ]; then
  if [ -z "$INPUT_PULL_REQUEST" ]; then
    echo "keymend: this run is of no pull request, and there is no comment"
  elif ! commented; then
    echo "::warning::keymend: the comment could not be written; the permission pull-requests: write is needed, and runs for forks do not have it"
  fi
fi

case " $INPUT_FAIL_ON " in
  ' any ' | *" $status "*) exit "$status" ;;
esac
