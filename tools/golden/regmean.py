"""RegMean on small GPT-2 pools by FusionBench's own class: tests/golden/regmean/.

    python tools/golden/regmean.py     (packages as in tests/oracle/requirements.txt)

The models are made, not stored: tensor NAME of expert E is make_weight(NAME) + make_weight(E.NAME)
/ 4 (tools/golden/gpt2.py; the base lacks the second term), and the same in
tests/unit/method/test_gpt2_regmean.c. Texts and tokenizer are the demo's. The class's data loader
shuffles; here it does not.

cases.json lists the options of each case. merged.safetensors holds "CASE/KEY", the merged weights
without the embeddings but for the first case; grams.safetensors "EXPERT/LAYER", the statistics of
the first case. report_*.json are reports of the demo pool, whose options REPORTS says.
"""
import json
import pathlib
import sys
import tempfile

import torch
import transformers
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/oracle"), str(ROOT / "tools/golden")]
import reference  # noqa: E402
from gpt2 import make_weight  # noqa: E402

from fusion_bench.method.regmean import gpt2_regmean  # noqa: E402

OUT = ROOT / "tests/golden/regmean"
CONFIG = dict(n_layer=2, n_head=2, n_embd=12, n_positions=512, vocab_size=560, pad_token_id=559)
EXPERTS = ["cola", "qnli", "sst2"]
DEFAULTS = dict(exclude_param_names_regex=[], num_regmean_examples=16,
                reduce_non_diagonal_ratio=0.6, batch_size=8)
CASES = {
    "default": {},
    "diagonal": dict(reduce_non_diagonal_ratio=0.0),
    "whole": dict(reduce_non_diagonal_ratio=1.0),
    "whole_batches": dict(num_regmean_examples=20),
    "exclude": dict(reduce_non_diagonal_ratio=0.9, num_regmean_examples=8,
                    exclude_param_names_regex=["w.e", r"h\.0\.mlp", ".*ln_1.*bias", "bias"]),
}
REPORTS = {"report_default": {}, "report_small": dict(num_regmean_examples=10,
                                                      reduce_non_diagonal_ratio=0.9)}


class RegMean(gpt2_regmean.RegMeanAlgorithmForGPT2):
    """The reference's class, without the network and in file order."""

    fabric = property(lambda self: _Fabric())

    def __init__(self, pool, data_dir, tokenizer, **options):
        super().__init__(cache_dir="outputs", num_workers=0, weight_transpose=False, **options)
        self.grams = {}
        pool.load_train_dataset = lambda name: reference.tokenized(data_dir, tokenizer, name,
                                                                   "train", 512)

    def get_regmean_weights(self, model_name, *args, **kwargs):
        result = super().get_regmean_weights(model_name, *args, **kwargs)
        for layer, gram in result.items():
            self.grams[f"{model_name}/{layer}"] = gram.clone()
        return result


class _Fabric(reference._Fabric):
    device = "cpu"


def in_order(dataset, shuffle=None, pin_memory=None, **options):
    assert shuffle is True
    return torch.utils.data.DataLoader(dataset, shuffle=False, **options)


def make_model(folder, expert):
    config = transformers.GPT2Config(**CONFIG)
    model = transformers.GPT2ForSequenceClassification(config)
    state = {}
    for key, value in model.state_dict().items():
        name = key.removeprefix("transformer.")
        weight = make_weight(name, tuple(value.shape))
        if expert:
            weight = weight + make_weight(f"{expert}.{name}", tuple(value.shape)) * 0.25
        state[key] = weight
    model.load_state_dict(state)
    model.save_pretrained(folder)


def small_pool(folder):
    for name in ["_pretrained_"] + EXPERTS:
        make_model(f"{folder}/{name}", "" if name == "_pretrained_" else name)
    return reference.open_pool({"type": "HF_GPT2ForSequenceClassification",
                                "tokenizer": "embedded:demo/gpt2/tokenizer",
                                "models": [{"name": n, "path": f"{folder}/{n}"}
                                           for n in ["_pretrained_"] + EXPERTS]})


def run(pool, options):
    method = RegMean(pool, str(ROOT / "demo/data"), str(ROOT / "demo/gpt2/tokenizer"),
                     **{**DEFAULTS, **options})
    return method.run(pool).state_dict(), method.grams


def cases():
    merged, grams = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        pool = small_pool(folder)
        for name, options in CASES.items():
            state, found = run(pool, options)
            grams = grams or found
            for key, value in state.items():
                if name == "default" or key.startswith("h."):
                    merged[f"{name}/{key}"] = value.clone()
    save_file(grams, OUT / "grams.safetensors")
    save_file(merged, OUT / "merged.safetensors")
    listed = {name: {**DEFAULTS, **options} for name, options in CASES.items()}
    text = json.dumps({"config": CONFIG, "experts": EXPERTS, "cases": listed}, indent=1)
    (OUT / "cases.json").write_text(text + "\n", encoding="utf-8")


def reports(listed, run, out):
    """Reports of the demo pool, merged with the options of each that is listed."""
    config = reference.read(ROOT / "config/modelpool/gpt-2_demo.yaml")
    tasks = reference.read(ROOT / "config/taskpool/gpt-2_demo.yaml")
    for name, options in listed.items():
        pool = reference.open_pool(config)
        merged = pool.load_model("_pretrained_")
        merged.load_state_dict(run(pool, options)[0])
        evaluated = reference.TaskPool(tasks, pool, pad=64)
        report = evaluated.evaluate(merged)
        margins = torch.cat([(top[:, 0] - top[:, 1]) for top in
                             (v.topk(2).values for v in evaluated.logits.values())])
        print(name, report["average"], "smallest margins",
              [f"{m:.1e}" for m in sorted(margins.tolist())[:3]], file=sys.stderr)
        (out / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")


def main():
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    gpt2_regmean.DataLoader = in_order
    cases()
    reports(REPORTS, run, OUT)


if __name__ == "__main__":
    main()
