"""Writes a pool of random GPT-2 models of the real shapes, for measurements and full-size checks.

    python tools/bench_pool.py FOLDER [--experts 7] [--shape gpt2] [--tokenizer DIR]

FOLDER gets _pretrained_/, one folder per expert under the names of the GLUE tasks (cola, mnli,
mrpc, qnli, qqp, rte, sst2), and modelpool.yaml. An expert is the base plus small random changes,
so that logits stay in the range of trained models and TIES has something to trim; it has a head
with as many labels as its task. numpy and safetensors are all that is needed.
"""

import argparse
import json
import pathlib
import shutil

import numpy as np
from safetensors.numpy import save_file

SHAPES = {  # n_layer, n_embd, n_head, vocabulary, positions
    "gpt2": (12, 768, 12, 50257, 1024),
    "gpt2-medium": (24, 1024, 16, 50257, 1024),
    "tiny": (2, 32, 4, 50257, 1024),
}
TASKS = {"cola": 2, "mnli": 3, "mrpc": 2, "qnli": 2, "qqp": 2, "rte": 2, "sst2": 2}
END = 50256


def tensors(shape):
    """Name -> (dimensions, kind), kind being how the values are drawn."""
    layers, width, _, vocabulary, positions = SHAPES[shape]
    out = {"wte.weight": ((vocabulary, width), "matrix"),
           "wpe.weight": ((positions, width), "matrix")}
    for i in range(layers):
        for norm in ("ln_1", "ln_2"):
            out[f"h.{i}.{norm}.weight"] = ((width,), "gain")
            out[f"h.{i}.{norm}.bias"] = ((width,), "bias")
        for name, rows, columns in (("attn.c_attn", width, 3 * width),
                                    ("attn.c_proj", width, width),
                                    ("mlp.c_fc", width, 4 * width),
                                    ("mlp.c_proj", 4 * width, width)):
            out[f"h.{i}.{name}.weight"] = ((rows, columns), "matrix")
            out[f"h.{i}.{name}.bias"] = ((columns,), "bias")
    out["ln_f.weight"] = ((width,), "gain")
    out["ln_f.bias"] = ((width,), "bias")
    return out


def draw(rng, dims, scale):
    values = rng.standard_normal(dims, dtype=np.float32)
    values *= np.float32(scale)
    return values


def base_model(rng, shape):
    scale = {"matrix": 0.08, "gain": 0.1, "bias": 0.05}
    out = {}
    for name, (dims, kind) in tensors(shape).items():
        out[name] = draw(rng, dims, scale[kind]) + np.float32(kind == "gain")
    return out


def config(shape, labels=None):
    layers, width, heads, vocabulary, positions = SHAPES[shape]
    out = {"activation_function": "gelu_new", "architectures": ["GPT2Model"],
           "bos_token_id": END, "eos_token_id": END, "initializer_range": 0.02,
           "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_embd": width, "n_head": heads,
           "n_inner": None, "n_layer": layers, "n_positions": positions,
           "torch_dtype": "float32", "vocab_size": vocabulary}
    if labels:
        names = [f"LABEL_{i}" for i in range(labels)]
        out.update(architectures=["GPT2ForSequenceClassification"], pad_token_id=END,
                   id2label={str(i): n for i, n in enumerate(names)},
                   label2id={n: i for i, n in enumerate(names)})
    return out


def write(folder, weights, settings, tokenizer):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    for name in ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"):
        if tokenizer and (tokenizer / name).exists():
            shutil.copyfile(tokenizer / name, folder / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--experts", type=int, default=len(TASKS))
    parser.add_argument("--shape", choices=SHAPES, default="gpt2")
    parser.add_argument("--tokenizer", type=pathlib.Path, help="folder whose files are copied")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if not 0 <= args.experts <= len(TASKS):
        parser.error(f"--experts {args.experts}: 0 to {len(TASKS)}")
    base = base_model(np.random.default_rng(args.seed), args.shape)
    write(args.folder / "_pretrained_", base, config(args.shape), args.tokenizer)
    lines = ["type: HF_GPT2ForSequenceClassification", "models:"]
    names = ["_pretrained_"] + list(TASKS)[:args.experts]
    for number, name in enumerate(names):
        lines += [f"  - name: {name}", f"    path: {args.folder / name}"]
        if number == 0:
            continue
        rng = np.random.default_rng([args.seed, number])
        weights = {f"transformer.{k}": v + draw(rng, v.shape, 0.004) for k, v in base.items()}
        width = SHAPES[args.shape][1]
        weights["score.weight"] = draw(rng, (TASKS[name], width), 0.05)
        write(args.folder / name, weights, config(args.shape, TASKS[name]), args.tokenizer)
        print(name, flush=True)
    (args.folder / "modelpool.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
