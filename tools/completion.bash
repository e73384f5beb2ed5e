# bash completion for fusion_bench: subcommands and their options, flags, the options of the three
# main groups (asked of the program), and file names after '='. Readline gives '=' as a word of its own.
_fusion_bench_flags() {
    case $1 in
        list) echo --help --json ;;
        describe) echo --help --json ;;
        inspect) echo --help --json --sha256 ;;
        diff) echo --help --json ;;
        convert) echo --help --base --dtype --force ;;
        tokenize) echo --help --tokenizer --max-length --no-special --decode ;;
        dataset) echo --help --split --data-dir --limit --prompts --task ;;
        train) echo --help; "${COMP_WORDS[0]}" train --help 2>/dev/null | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' ;;
        *) echo --help --hydra-help --version --cfg --resolve --package --run --multirun --config-path \
            --config-name --config-dir --info --fast_dev_run --quiet --verbose ;;
    esac
}

_fusion_bench_options() {
    "${COMP_WORDS[0]}" list "$1s" 2>/dev/null | sed -n '/^shipped options/,$ s/^  //p'
}

_fusion_bench() {
    local cur=${COMP_WORDS[COMP_CWORD]} at=$((COMP_CWORD - 1)) command=${COMP_WORDS[1]}
    local keys='method= modelpool= taskpool= report_save_path= merged_model_save_path=
        predictions_save_path= fast_dev_run= dry_run= print_config= threads='
    [ "$cur" = = ] && cur='' at=$COMP_CWORD
    COMPREPLY=()
    if [ "${COMP_WORDS[at]}" = = ]; then
        case ${COMP_WORDS[at - 1]} in
            method | modelpool | taskpool)
                COMPREPLY=($(compgen -W "$(_fusion_bench_options "${COMP_WORDS[at - 1]}")" -- "$cur")) ;;
            *path) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
            fast_dev_run | dry_run | print_config) COMPREPLY=($(compgen -W 'true false' -- "$cur")) ;;
        esac
        return
    fi
    case $COMP_CWORD:$command:$cur in
        *:-*) COMPREPLY=($(compgen -W "$(_fusion_bench_flags "$command")" -- "$cur")); return ;;
        1:*) COMPREPLY=($(compgen -W "list describe inspect diff convert tokenize dataset train $keys" -- "$cur")) ;;
        *:list:*) COMPREPLY=($(compgen -W 'methods modelpools taskpools models' -- "$cur")) ;;
        *:inspect:* | *:diff:* | *:convert:* | *:tokenize:* | *:dataset:* | *:train:*)
            compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
        *:describe:*) ;;
        *) COMPREPLY=($(compgen -W "$keys" -- "$cur")) ;;
    esac
    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -F _fusion_bench fusion_bench
