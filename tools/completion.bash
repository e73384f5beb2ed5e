# bash completion for fusion_bench: subcommands, flags, and the options of the three main groups.
_fusion_bench() {
    local cur=${COMP_WORDS[COMP_CWORD]} commands='list describe inspect diff convert tokenize dataset'
    case ${COMP_WORDS[1]}:$cur in
        dataset:-*) COMPREPLY=($(compgen -W '--help --split --data-dir --limit --prompts --task' -- "$cur")) ;;
        convert:-*) COMPREPLY=($(compgen -W '--help --base --dtype --force' -- "$cur")) ;;
        *:-*) COMPREPLY=($(compgen -W '--help --version --cfg --resolve --package --info --multirun
            --config-path --config-name --config-dir' -- "$cur")) ;;
        *)
            if [ "$COMP_CWORD" -eq 1 ]; then
                COMPREPLY=($(compgen -W "$commands method= modelpool= taskpool=" -- "$cur"))
            else
                case ${COMP_WORDS[1]} in
                    inspect | diff | convert | tokenize | dataset) COMPREPLY=($(compgen -f -- "$cur")) ;;
                    *) COMPREPLY=($(compgen -W 'method= modelpool= taskpool= report_save_path=
                        merged_model_save_path= predictions_save_path= fast_dev_run= dry_run=' -- "$cur")) ;;
                esac
            fi
            compopt -o nospace 2>/dev/null
            ;;
    esac
}
complete -F _fusion_bench fusion_bench
