"""Makes demo/flan-t5 and demo/flan-t5_lora: vocabulary, base model, experts and adapters.

    python tools/demo/make_t5.py demo

Deterministic as make.py is, which makes the data. Weights are stored as float16.
"""

import argparse
import json
import pathlib
import shutil

import torch
from transformers import AutoTokenizer

import data
import prompts
import sentences
import t5_train
import t5_vocabulary

BASE = "flan-t5/_pretrained_"


def encode(tokenizer, task, rows):
    """Pairs of ids, question and answer."""
    questions = tokenizer([prompts.question(task, row) for row in rows])["input_ids"]
    return list(zip(questions, tokenizer([prompts.answer(task, row) for row in rows])["input_ids"]))


def write_model(model, folder):
    shutil.rmtree(folder, ignore_errors=True)
    model.config._name_or_path = ""  # not where this machine keeps the base
    model.half().save_pretrained(folder)


def write_adapter(model, folder):
    """The files that PEFT needs, with the base as it is named from the root of the source tree."""
    shutil.rmtree(folder, ignore_errors=True)
    model.half().save_pretrained(folder)
    (folder / "README.md").unlink()
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.update(base_model_name_or_path=f"demo/{BASE}", target_modules=t5_train.TARGETS)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def make_base(folder, rows):
    texts = [text for task, some in rows.items() for row in some
             for text in (prompts.question(task, row), prompts.answer(task, row))]
    t5_vocabulary.train(folder / "flan-t5/tokenizer", texts, prompts.fixed_words() + prompts.answers())
    tokenizer = AutoTokenizer.from_pretrained(folder / "flan-t5/tokenizer")
    pairs = {task: encode(tokenizer, task, some) for task, some in rows.items()}
    sensible = [question for task, some in pairs.items() for (question, _), row in zip(some, rows[task])
                if task not in sentences.SENSIBLE or row["label"] in sentences.SENSIBLE[task]]
    questions = [pair for some in pairs.values() for pair in some]
    write_model(t5_train.base(tokenizer, sensible, questions), folder / BASE)
    mixed = [pair for task, some in pairs.items() for pair in some[:t5_train.MIXED_ROWS[task]]]
    write_model(t5_train.mixture(folder / BASE, mixed), folder / BASE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="where to: the demo folder")
    parser.add_argument("--keep-base", action="store_true", help="do not train the base model again")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    folder = pathlib.Path(args.folder)
    rows = {task: data.splits(task)[0] for task in sentences.MAKERS}
    if not args.keep_base:
        make_base(folder, rows)
    tokenizer = AutoTokenizer.from_pretrained(folder / "flan-t5/tokenizer")
    for task, some in rows.items():
        pairs = encode(tokenizer, task, some)
        write_model(t5_train.expert(folder / BASE, task, pairs), folder / "flan-t5" / task)
        write_adapter(t5_train.adapter(folder / BASE, task, pairs), folder / "flan-t5_lora" / task)


if __name__ == "__main__":
    main()
