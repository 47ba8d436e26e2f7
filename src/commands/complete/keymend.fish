
# Runs, profiles and worlds, which the program knows itself.
function __fish_keymend_known
    command keymend __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null
end
function __fish_keymend_profile_of_account
    string replace -r '^(.*=)?' (string match -r '^.*=' -- (commandline -ct); or echo '') (__fish_keymend_known)
end
complete -c keymend -n '__fish_seen_subcommand_from rollback' -x -a '(__fish_keymend_known)'
for name in profile as-profile sandbox forget
    complete -c keymend -n 'not __fish_use_subcommand' -l $name -x -a '(__fish_keymend_known)'
end
complete -c keymend -n 'not __fish_use_subcommand' -l account-profile -x -a '(__fish_keymend_profile_of_account)'
