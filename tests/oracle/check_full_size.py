"""Logits of full-size GPT-2 by transformers against a predictions file of the program.

    python tools/bench_pool.py POOL --experts 3 --tokenizer TOKENIZER
    fusion_bench ... predictions_save_path=P.jsonl     (dummy, the pool and tasks below)
    python tests/oracle/check_full_size.py --backbone POOL/_pretrained_ --pool POOL \\
        --tokenizer TOKENIZER --data GLUE --predictions P.jsonl [--rows 200] [--tasks cola,mrpc]

Of each task the first --rows rows are taken; the predictions file may hold more. Each row is one
check: every logit within --tolerance of transformers, and the same prediction unless the two
highest logits of the reference are closer than the tolerance.
"""

import argparse
import json
import pathlib
import sys

import pyarrow.parquet
import torch
from transformers import GPT2ForSequenceClassification, GPT2Model, GPT2Tokenizer

COLUMNS = {"cola": ["sentence"], "sst2": ["sentence"], "mrpc": ["sentence1", "sentence2"],
           "rte": ["sentence1", "sentence2"], "mnli": ["premise", "hypothesis"],
           "qnli": ["question", "sentence"], "qqp": ["question1", "question2"]}


def predictions(path):
    """{task: {index: (prediction, logits)}}"""
    out = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            out.setdefault(row["task"], {})[row["index"]] = row["prediction"], row["logits"]
    return out


def rows_of(data, task, count):
    split = "validation_matched" if task == "mnli" else "validation"
    path = next(data.glob(f"**/{task}/{split}-*.parquet"))
    columns = pyarrow.parquet.read_table(path).slice(0, count).to_pydict()
    return list(zip(*(columns[c] for c in COLUMNS[task])))


@torch.no_grad()
def reference(backbone, folder, tokenizer, rows):
    """Logits of each row on its own: no padding, hence no influence of it."""
    model = GPT2ForSequenceClassification.from_pretrained(folder).eval()
    model.transformer = backbone
    out = []
    for row in rows:
        ids = tokenizer(*row, truncation=True, max_length=512, return_tensors="pt")["input_ids"]
        out.append(model(ids).logits[0])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("backbone", "pool", "tokenizer", "data", "predictions"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--tasks", default="cola,mrpc")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--tolerance", type=float, default=2e-4)
    args = parser.parse_args()
    found = predictions(args.predictions)
    tokenizer = GPT2Tokenizer.from_pretrained(args.tokenizer)
    backbone = GPT2Model.from_pretrained(args.backbone).eval()
    passed = failed = 0
    for task in args.tasks.split(","):
        worst, close = 0.0, 0
        expected = reference(backbone, args.pool / task, tokenizer,
                             rows_of(args.data, task, args.rows))
        for index, logits in enumerate(expected):
            if index not in found.get(task, {}):
                failed += 1
                print(f"failed: {task} row {index} is not in the predictions")
                continue
            prediction, values = found[task][index]
            error = (torch.tensor(values) - logits).abs().max().item()
            top = logits.topk(2).values
            tie = (top[0] - top[1]).item() < args.tolerance
            close += tie
            worst = max(worst, error)
            if error <= args.tolerance and (tie or prediction == logits.argmax().item()):
                passed += 1
            else:
                failed += 1
                print(f"failed: {task} row {index}: {values}, expected {logits.tolist()}")
        print(f"{task}: {len(expected)} rows, largest difference {worst:.3g}, {close} near ties")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
