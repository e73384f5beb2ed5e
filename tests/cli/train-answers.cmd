train --model tests/seed/t5/base --train-file tests/cli/train-answers.jsonl --eval-file tests/cli/train-answers.jsonl --output-dir $TMP/x --epochs 2 --batch-size 4 --learning-rate 1e-2 --gradient-accumulation-steps 2 --warmup-ratio 0.5 --weight-decay 0.01
then inspect $TMP/x/last/model.safetensors
