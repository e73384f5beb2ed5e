"""The demo's examples as text to text, with the templates of FusionBench's Flan-T5 models."""

import re

from fusion_bench.tasks.flan_t5_text_generation.glue_prompt_templates import glue_prompt_templates

import sentences


def question(task, row):
    columns = {c: row[c] for c in sentences.COLUMNS[task]}
    return glue_prompt_templates[task]["input_text"].format(**columns)


def answer(task, row):
    target = glue_prompt_templates[task]["target_text"]
    return target.format(row["label"]) if isinstance(target, str) else target[str(row["label"])]


SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # how SentencePiece writes a space


def fixed_words():
    """What the templates put around the texts, cut at spaces."""
    words = set()
    for task in sentences.MAKERS:
        for part in re.split(r"\{\w+\}", " " + glue_prompt_templates[task]["input_text"]):
            words |= {word.replace(" ", SPACE) for word in re.findall(" ?[^ ]+", part)}
    return sorted(words)


def answers():
    """The answers in words, and of a score what stands before the point and from the point on."""
    words = {word for task in sentences.CLASSES
             for word in glue_prompt_templates[task]["target_text"].values()}
    return ([SPACE + word for word in sorted(words)] + [f"{SPACE}{digit}" for digit in range(1, 6)]
            + [f".{digit}" for digit in range(10)])
