# bash completion for fusion_bench: subcommands, flags, and the options of the three main groups.
_fusion_bench() {
    local cur=${COMP_WORDS[COMP_CWORD]} commands='list describe inspect diff tokenize dataset train'
    case ${COMP_WORDS[1]}:$cur in
        dataset:-*) COMPREPLY=($(compgen -W '--help --split --data-dir --limit --prompts --task' -- "$cur")) ;;
        train:-*) COMPREPLY=($(compgen -W '--help --model --config --tokenizer --output-dir --objective --task
            --data-dir --train-file --eval-file --text-columns --label-column --max-train-samples
            --max-eval-samples --max-length --max-target-length --block-size --num-train-epochs --max-steps
            --per-device-train-batch-size --gradient-accumulation-steps --learning-rate --lr-scheduler-type
            --warmup-ratio --warmup-steps --weight-decay --adam-beta1 --adam-beta2 --adam-epsilon
            --max-grad-norm --dropout --lora-r --lora-alpha --lora-dropout --target-modules --seed --no-shuffle
            --logging-steps --save-steps --resume-from-checkpoint --overwrite-output-dir --batch-tokens' -- "$cur")) ;;
        *:-*) COMPREPLY=($(compgen -W '--help --version --cfg --resolve --package --info --multirun
            --config-path --config-name --config-dir' -- "$cur")) ;;
        *)
            if [ "$COMP_CWORD" -eq 1 ]; then
                COMPREPLY=($(compgen -W "$commands method= modelpool= taskpool=" -- "$cur"))
            else
                case ${COMP_WORDS[1]} in
                    inspect | diff | tokenize | dataset | train) COMPREPLY=($(compgen -f -- "$cur")) ;;
                    *) COMPREPLY=($(compgen -W 'method= modelpool= taskpool= report_save_path=
                        merged_model_save_path= predictions_save_path= fast_dev_run= dry_run=' -- "$cur")) ;;
                esac
            fi
            compopt -o nospace 2>/dev/null
            ;;
    esac
}
complete -F _fusion_bench fusion_bench
