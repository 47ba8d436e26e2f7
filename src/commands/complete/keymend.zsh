
# Runs, profiles and worlds, which the program knows itself; all else as above.
_keymend_known() {
    local -a values folders
    values=("${(@f)$(command keymend __complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    values=(${values:#})
    (( $#values )) || { _keymend "$@"; return }
    compset -P '*='
    folders=(${(M)values:#*/})
    values=(${values:#*/})
    (( ! $#folders )) || compadd -S '' -- $folders
    (( ! $#values )) || compadd -- $values
}
compdef _keymend_known keymend
