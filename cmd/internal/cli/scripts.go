package cli

// The scripts find the command among the words up to the cursor: the first that is no
// option.

const bashScript = `# Completion of bulkhead-cli, and of "bulkhead cli", for bash:
#     source <(bulkhead-cli -completion=bash)

_bulkhead_cli_parameters() {
    local names=
    case "$1" in
@parameters@
    esac
    echo "$names"
}

_bulkhead_cli() {
    local line="${COMP_LINE:0:COMP_POINT}" current= command= named= list= word
    local -a words
    read -ra words <<< "$line"
    COMPREPLY=()
    if [[ $line != *[[:space:]] ]]; then
        current="${words[${#words[@]}-1]}"
        words=("${words[@]:0:${#words[@]}-1}")
    fi
    local program="${words[0]##*/}"
    words=("${words[@]:1}")
    if [[ $program == bulkhead ]]; then
        if [[ ${#words[@]} == 0 ]]; then
            COMPREPLY=($(compgen -W "cli" -- "$current"))
            return
        fi
        [[ ${words[0]} == cli ]] || return
        words=("${words[@]:1}")
    fi
    for word in "${words[@]}"; do
        case "$word" in
        -named) named=1 ;;
        -*) ;;
        *) command="$word"; break ;;
        esac
    done
    if [[ -z $command && $current == -*=* ]]; then
        list="@values@"
    elif [[ -z $command && $current == -* ]]; then
        list="@options@"
    elif [[ -z $command || $command == help ]]; then
        list="@commands@"
    elif [[ -n $named && $current != *=* ]]; then
        list="$(_bulkhead_cli_parameters "$command")"
    fi
    COMPREPLY=($(compgen -W "$list" -- "$current"))
    if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then
        # bash replaces only what follows the sign.
        COMPREPLY=("${COMPREPLY[@]#"${current%%=*}="}")
    fi
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2> /dev/null
    fi
}

complete -o default -F _bulkhead_cli bulkhead-cli bulkhead
`

const zshScript = `#compdef bulkhead-cli bulkhead
# Completion of bulkhead-cli, and of "bulkhead cli", for zsh: write it to a file
# _bulkhead-cli in a folder of $fpath, or, after compinit:
#     source <(bulkhead-cli -completion=zsh)

_bulkhead_cli_parameters() {
    local names=
    case "$1" in
@parameters@
    esac
    echo "$names"
}

_bulkhead_cli() {
    local command= named=
    local -a commands
    local -i at=2
    if [[ ${words[1]:t} == bulkhead ]]; then
        if (( CURRENT == 2 )); then
            compadd -- cli
            return
        fi
        if [[ $words[2] != cli ]]; then
            _files
            return
        fi
        at=3
    fi
    for (( ; at < CURRENT; at++ )); do
        case "$words[at]" in
        -named) named=1 ;;
        -*) ;;
        *) command="$words[at]"; break ;;
        esac
    done
    if [[ -z $command && $PREFIX == -*=* ]]; then
        compadd -- ${(s: :):-"@values@"}
    elif [[ -z $command && $PREFIX == -* ]]; then
        local -a all=(${(s: :):-"@options@"})
        compadd -S '' -- ${(M)all:#*=}
        compadd -- ${all:#*=}
    elif [[ -z $command || $command == help ]]; then
        commands=(
@described@
        )
        _describe command commands
    elif [[ -n $named && $PREFIX != *=* ]]; then
        compadd -S '' -- ${(s: :):-"$(_bulkhead_cli_parameters "$command")"}
    else
        _files
    fi
}

if [[ $funcstack[1] == _bulkhead-cli ]]; then
    _bulkhead_cli "$@"
else
    compdef _bulkhead_cli bulkhead-cli bulkhead
fi
`

const fishScript = `# Completion of bulkhead-cli, and of "bulkhead cli", for fish:
#     bulkhead-cli -completion=fish | source

function __bulkhead_cli_parameters
    switch $argv[1]
@parameters@
    end
end

function __bulkhead_cli
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '.*/' '' -- $words[1])
    set -e words[1]
    if test "$program" = bulkhead
        if test (count $words) -eq 0
            echo cli
            return
        end
        test "$words[1]" = cli; or return
        set -e words[1]
    end
    set -l command
    set -l named
    for word in $words
        switch $word
            case -named
                set named 1
            case '-*'
            case '*'
                set command $word
                break
        end
    end
    if test -z "$command"; and string match -q -- '-*=*' "$current"
        string split ' ' -- '@values@'
    else if test -z "$command"; and string match -q -- '-*' "$current"
        string split ' ' -- '@options@'
    else if test -z "$command"; or test "$command" = help
@described@
    else if test -n "$named"
        __bulkhead_cli_parameters $command
    end
end

complete -c bulkhead-cli -f -a '(__bulkhead_cli)'
complete -c bulkhead -f -a '(__bulkhead_cli)'
`
