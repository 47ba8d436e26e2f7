
# Runs, profiles and worlds, which the program knows itself; all else as above.
_keymend_known() {
    local value
    COMPREPLY=()
    while IFS= read -r value; do
        COMPREPLY+=("$value")
        [[ $value != */ ]] || compopt -o nospace 2>/dev/null
    done < <(command keymend __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -gt 0 ]] || _keymend "$@"
}
complete -F _keymend_known -o bashdefault -o default keymend
