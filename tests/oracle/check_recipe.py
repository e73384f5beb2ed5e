"""Experts of real GLUE tasks: the program's accuracy beside torch's, by the same recipe.

    python tests/oracle/check_recipe.py build/release/fusion_bench ../shared/data [rows=N] [task ...]

The base is a GPT-2 of four layers and width 128 with random weights. Both sides train it with
AdamW, a linear schedule, dropout and gradient clipping; only the order of the rows and the dropout
differ. At most N (8000) rows of a task are learnt. Accuracies may differ by two standard errors of a difference of two proportions.
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time

import pandas
import torch
import transformers
from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2Model, GPT2Tokenizer

TEXTS = {"cola": ["sentence"], "sst2": ["sentence"], "mrpc": ["sentence1", "sentence2"],
         "rte": ["sentence1", "sentence2"]}
RECIPE = dict(lr=5e-4, epochs=3, batch=16, most=8000)


def read(data, task, split, most=None):
    file, = (data / "glue" / task).glob(f"{split}-*.parquet")
    return pandas.read_parquet(file)[:most]


def encode(tokenizer, task, rows):
    texts = [list(rows[c]) for c in TEXTS[task]]
    return [sum((tokenizer(t)["input_ids"] for t in row), [])[:512] for row in zip(*texts)]


def pad(batch, fill):
    width = max(map(len, batch))
    return torch.tensor([r + [fill] * (width - len(r)) for r in batch])


def with_torch(base, tokenizer, data, task):
    torch.manual_seed(0)
    model = GPT2ForSequenceClassification.from_pretrained(base, num_labels=2, pad_token_id=50256)
    train, test = read(data, task, "train", RECIPE["most"]), read(data, task, "validation")
    ids, labels = encode(tokenizer, task, train), torch.tensor(train["label"].to_numpy())
    steps = RECIPE["epochs"] * -(-len(ids) // RECIPE["batch"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=RECIPE["lr"], weight_decay=0.0)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 0, steps)
    model.train()
    for _ in range(RECIPE["epochs"]):
        for rows in torch.randperm(len(ids)).split(RECIPE["batch"]):
            batch = pad([ids[i] for i in rows], 50256)
            model(batch, attention_mask=(batch != 50256).long(), labels=labels[rows]).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()
    right = 0
    with torch.no_grad():
        for ids, label in zip(encode(tokenizer, task, test), test["label"]):
            right += int(model(torch.tensor([ids])).logits.argmax() == label)
    return right, len(test)


def with_program(binary, base, tokenizer, data, task, output):
    command = [binary, "train", "--model", base, "--tokenizer", tokenizer, "--task", task,
               "--data-dir", data, "--output-dir", output, "--learning-rate", RECIPE["lr"],
               "--epochs", RECIPE["epochs"], "--batch-size", RECIPE["batch"],
               "--max-train-samples", RECIPE["most"]]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
    state = json.loads((output / "last/trainer_state.json").read_text())
    return [e["eval_accuracy"] for e in state["log_history"] if "eval_accuracy" in e][-1]


def main():
    binary, data = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    failed = False
    tasks = [a for a in sys.argv[3:] if not a.startswith("rows=")]
    for argument in sys.argv[3:]:
        if argument.startswith("rows="):
            RECIPE["most"] = int(argument[5:])
    folder = data / "tokenizers/gpt2"
    tokenizer = GPT2Tokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as tmp:
        base = pathlib.Path(tmp) / "base"
        torch.manual_seed(1)
        GPT2Model(GPT2Config(n_layer=4, n_embd=128, n_head=4)).save_pretrained(base)
        for task in tasks or TEXTS:
            begin = time.time()
            ours = with_program(binary, base, folder, data, task, pathlib.Path(tmp) / task)
            middle = time.time()
            right, total = with_torch(base, tokenizer, data, task)
            end = time.time()
            p = (ours + right / total) / 2
            error = math.sqrt(2 * p * (1 - p) / total)
            good = abs(ours - right / total) <= 2 * error
            failed |= not good
            print(f"{task:5} program {ours:.4f} ({middle - begin:.0f} s)  torch {right / total:.4f} "
                  f"({end - middle:.0f} s)  of {total} rows, standard error {error:.4f}  "
                  f"{'ok' if good else 'DIFFERS'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
