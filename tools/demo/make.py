"""Makes everything below demo/ but the README: data, vocabulary, base model and experts.

    python tools/demo/make.py demo

Deterministic: fixed seeds and one thread. Another processor may round differently, so the models
are committed; this script says how they came to be.
"""

import argparse
import pathlib
import shutil

import torch
from transformers import GPT2Tokenizer

import data
import sentences
import train
import vocabulary


def running_text(tasks):
    """The sensible examples of all tasks as running text, in an order that mixes the tasks."""
    texts = []
    for at in range(data.TRAIN_ROWS):
        for task, (rows, _) in tasks.items():
            if rows[at]["label"] in sentences.SENSIBLE[task]:
                texts.append("".join(rows[at][c] for c in sentences.COLUMNS[task]))
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="where to: the demo folder")
    parser.add_argument("--keep-base", action="store_true", help="do not train the base model again")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    folder = pathlib.Path(args.folder)
    models = folder / "gpt2"
    tasks = {task: data.splits(task) for task in sentences.CLASSES}
    texts = running_text(tasks)
    if not args.keep_base:
        data.write_all(folder / "data")
        vocabulary.train(models / "tokenizer", texts)
    tokenizer = GPT2Tokenizer.from_pretrained(models / "tokenizer")
    if not args.keep_base:
        base = train.base(tokenizer, [tokenizer(t)["input_ids"] for t in texts])
        base.save_pretrained(models / "_pretrained_")
    for task, (rows, _) in tasks.items():
        shutil.rmtree(models / task, ignore_errors=True)
        train.expert(models / "_pretrained_", tokenizer, task, rows).save_pretrained(models / task)


if __name__ == "__main__":
    main()
