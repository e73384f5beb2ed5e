"""Opens a folder that the program saved with transformers and compares it with a reference file.

    python tests/oracle/check_saved.py FOLDER REFERENCE.safetensors [--tolerance 0]

REFERENCE holds the backbone's tensors (as reference.py --merged writes them) and, if there is a
head, score.weight. Checked: from_pretrained opens the folder and reports no missing or unexpected
key, every tensor agrees, the tokenizer opens, the folder names no file outside itself.
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, GPT2ForSequenceClassification, GPT2Model

RESULTS = []


def check(good, what):
    RESULTS.append(bool(good))
    if not good:
        print(f"failed: {what}")


def opened(kind, folder):
    """The state dict as transformers loads it."""
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    head = kind is GPT2Model  # a backbone alone leaves the head in the file, if there is one
    check(not info["missing_keys"], f"{kind.__name__}: missing {info['missing_keys']}")
    unexpected = [k for k in info["unexpected_keys"] if not (head and k == "score.weight")]
    check(not unexpected, f"{kind.__name__}: unexpected {unexpected}")
    check(not info["mismatched_keys"], f"{kind.__name__}: mismatched {info['mismatched_keys']}")
    return {k.removeprefix("transformer."): v for k, v in model.state_dict().items()}


def compare(name, found, expected, tolerance):
    check(set(found) == set(expected), f"{name}: keys differ: {set(found) ^ set(expected)}")
    for key in sorted(set(found) & set(expected)):
        a, b = found[key], expected[key]
        if a.shape != b.shape:
            check(False, f"{name}: {key} has shape {tuple(a.shape)}, expected {tuple(b.shape)}")
        elif tolerance:
            check(torch.allclose(a, b.float(), rtol=0, atol=tolerance), f"{name}: {key} differs")
        else:
            check(torch.equal(a, b.float()), f"{name}: {key} differs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("reference")
    parser.add_argument("--tolerance", type=float, default=0.0, help="0: the same bits")
    args = parser.parse_args()
    reference = {k.removeprefix("transformer."): v for k, v in load_file(args.reference).items()}
    stored = load_file(args.folder / "model.safetensors")
    has_head = "score.weight" in stored
    backbone = {k: v for k, v in reference.items() if k != "score.weight"}
    compare("GPT2Model", opened(GPT2Model, args.folder), backbone, args.tolerance)
    if has_head:
        compare("GPT2ForSequenceClassification",
                opened(GPT2ForSequenceClassification, args.folder), reference, args.tolerance)
    config = json.loads((args.folder / "config.json").read_text(encoding="utf-8"))
    expected = ["GPT2ForSequenceClassification" if has_head else "GPT2Model"]
    check(config.get("architectures") == expected, f"architectures: {config.get('architectures')}")
    if (args.folder / "vocab.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(args.folder, use_fast=False)
        check(len(tokenizer) <= config["vocab_size"], "the tokenizer has more tokens than the model")
    print(f"{sum(RESULTS)} passed, {len(RESULTS) - sum(RESULTS)} failed")
    return not all(RESULTS)


if __name__ == "__main__":
    sys.exit(main())
