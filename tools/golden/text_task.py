"""What evaluating generated text rests on, by Python, scipy and FusionBench: tests/golden/.

    python tools/golden/text_task.py [--glue FOLDER]

text/python_float.txt: a text as hexadecimal UTF-8 and float(text), or "invalid".
metric/spearman.txt: n, rho, the n values of x, those of y, for scipy.stats.spearmanr.
data/prompts.txt: GLUE task, rows, and the FNV-1a digest of all prompts and answers of its published
validation split, each with a zero byte behind it. Only written with --glue, a folder of that form.
"""
import argparse
import glob
import pathlib
import random
import sys
import warnings

import numpy
from scipy.stats import spearmanr

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden"
SPLITS = {"mnli": "validation_matched"}
TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb")


def odd_texts():
    numbers = ["", "0", "3.8", "-0", "+5", "5.", ".5", ".", "-", "+-1", "1e3", "1E+3", "1e", "1e+",
               "e5", "1e400", "-1e400", "1e-400", "4.9e-324", "2.2250738585072011e-308", "0x10",
               "1_0", "1__0", "_1", "1_", "1_.5", "1._5", "1.5_5", "1e1_0", "1_e1", "1e_1", "inf",
               "-Inf", "+INFINITY", "infinit", "infinity_", "in_f", "nan", "-NaN", "nan(1)", "+nan",
               "1 2", "1,5", "3.8.", "four", "0.1e1e1", "1f", "1d3", "0b1", "٣", "٣.٨", "३", "१२.५",
               "５．０", "５.０", "𝟓", "𝟓.𝟘", "¼", "²", "Ⅳ", "①", "٫", "3٫8", "1٢3", "1_٢", "−1", "1e٣",
               "\x00", "1\x00", "1\x7f", "\ufffd", "9" * 400, "0." + "0" * 400 + "1", "1" + "0" * 60]
    spaces = [" ", "\t", "\n", "\v", "\f", "\r", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u180e",
              "\u2003", "\u200b", "\u2028", "\u202f", "\u205f", "\u3000", "\ufeff", " \u3000\n"]
    texts = numbers + [f"{n}e5" for n in numbers[:40]] + [f"-{n}" for n in numbers]
    texts += [form.format(s=s) for s in spaces for form in ("{s}1", "1{s}", "{s}-2.5{s}", "1{s}2",
                                                            "{s}", "{s}٣", "-{s}1", "{s}nan{s}")]
    draw = random.Random(1)
    letters = "0123456789" * 2 + "..__eE+-  infaINFA" + "٣５\u3000"
    return texts + ["".join(draw.choices(letters, k=draw.randint(1, 7))) for _ in range(400)]


def write_floats():
    lines = []
    for text in odd_texts():
        try:
            value = float(text).hex()
        except ValueError:
            value = "invalid"
        lines.append(f"{text.encode().hex() or '-'} {value}\n")
    (GOLDEN / "text/python_float.txt").write_text("".join(lines))


def write_spearman():
    draw = numpy.random.default_rng(1)
    cases = [([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]), ([1], [2]), ([1, 1], [1, 2]), ([1, 2], [2, 1]),
             ([1, 2, numpy.nan], [1, 2, 3]), ([numpy.inf, 1, -numpy.inf], [3, 2, 1]),
             ([0.0, -0.0, 1], [1, 2, 3]), ([2, 2, 2], [1, 2, 3])]
    for n in (3, 7, 50, 333):
        for steps in (2, 5, 50):
            x = draw.integers(0, steps, n) / 10
            cases.append((x, numpy.round(x + draw.integers(0, steps, n) / 10, 1)))
    lines = []
    for x, y in cases:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rho = float(spearmanr(numpy.array(x, float), numpy.array(y, float))[0])
        values = [float(v).hex() for v in (rho, *x, *y)]
        lines.append(f"{len(x)} {' '.join(values)}\n")
    (GOLDEN / "metric/spearman.txt").write_text("".join(lines))


def fnv(data):
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return digest


def write_prompts(folder):
    import pyarrow.parquet
    from fusion_bench.tasks.flan_t5_text_generation.glue_preprocessors import glue_processors
    from fusion_bench.tasks.flan_t5_text_generation.glue_prompt_templates import (
        glue_prompt_templates)

    lines = []
    for task in TASKS:
        path, = glob.glob(f"{folder}/{task}/{SPLITS.get(task, 'validation')}-*.parquet")
        rows = pyarrow.parquet.read_table(path).to_pylist()
        processor = glue_processors[task](tokenizer=None, template=glue_prompt_templates[task])
        text = bytearray()
        for row in rows:
            row.pop("idx")
            for part in processor.preprocess(**row):
                text += part.encode() + b"\0"
        lines.append(f"{task} {len(rows)} {fnv(text):016x}\n")
        print(lines[-1], end="", file=sys.stderr)
    (GOLDEN / "data/prompts.txt").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glue", help="folder with <task>/<split>-*.parquet")
    args = parser.parse_args()
    write_floats()
    write_spearman()
    if args.glue:
        write_prompts(args.glue)


if __name__ == "__main__":
    main()
