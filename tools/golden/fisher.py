"""Fisher merging of small GPT-2 pools by FusionBench's own class: tests/golden/fisher/ and reports.

    python tools/golden/fisher.py     (packages as in tests/oracle/requirements.txt)

Models, texts and tokenizer are those of regmean.py. The class's data loader shuffles; here it does
not.

cases.json lists the options of each case. merged.safetensors holds "CASE/KEY", the merged weights
without the embeddings but for the first case; weights.safetensors "EXPERT/KEY", the Fisher weights
of the first case, of the table of positions the first 64 rows. fisher_*.json in tests/golden/report
are reports of the demo pool; their lines in runs.json are written by report.py.
"""
import json
import pathlib
import sys
import tempfile

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/oracle"), str(ROOT / "tools/golden")]
import reference  # noqa: E402
import regmean  # noqa: E402

from fusion_bench.method.fisher_merging import gpt2_fisher_merging  # noqa: E402

OUT = ROOT / "tests/golden/fisher"
DEFAULTS = dict(exclude_param_names_regex=[], normalize_fisher_weight=True,
                minimal_fisher_weight=1e-6, num_fisher_examples=16, batch_size=8)
CASES = {
    "default": {},
    "one_by_one": dict(batch_size=1, num_fisher_examples=5),
    "plain": dict(normalize_fisher_weight=False),
    "large_minimum": dict(minimal_fisher_weight=0.25),
    "whole_batches": dict(num_fisher_examples=20, batch_size=7),
    "exclude": dict(exclude_param_names_regex=["w.e", r"h\.0\.mlp", ".*ln_1.*bias", "bias"]),
}
REPORTS = {"fisher_default": dict(num_fisher_examples=256, batch_size=32),
           "fisher_small": dict(num_fisher_examples=64, batch_size=8,
                                normalize_fisher_weight=False)}


class Fisher(gpt2_fisher_merging.FisherMergingAlgorithmForGPT2):
    """The reference's class, without the network and in file order."""

    fabric = property(lambda self: regmean._Fabric())

    def __init__(self, pool, data_dir, tokenizer, pad, **options):
        super().__init__(cache_dir="outputs", num_workers=0, **options)
        self.weights = {}
        pool.load_train_dataset = lambda name: reference.tokenized(data_dir, tokenizer, name,
                                                                   "train", pad)

    def get_fisher_weights(self, model_name, *args, **kwargs):
        result = super().get_fisher_weights(model_name, *args, **kwargs)
        for key, value in result.items():
            self.weights[f"{model_name}/{key}"] = value.clone()
        return result


def run(pool, options, pad=64):
    method = Fisher(pool, str(ROOT / "demo/data"), str(ROOT / "demo/gpt2/tokenizer"), pad,
                    **{**DEFAULTS, **options})
    return method.run(pool).state_dict(), method.weights


def cases():
    merged, weights = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        pool = regmean.small_pool(folder)
        for name, options in CASES.items():
            state, found = run(pool, options)
            weights = weights or found
            for key, value in state.items():
                if name == "default" or key.startswith("h."):
                    merged[f"{name}/{key}"] = value.clone()
    for key in weights:
        if key.endswith("/wpe.weight"):
            assert not weights[key][64:].any()
            weights[key] = weights[key][:64].clone()
    save_file(weights, OUT / "weights.safetensors")
    save_file(merged, OUT / "merged.safetensors")
    listed = {name: {**DEFAULTS, **options} for name, options in CASES.items()}
    text = json.dumps({"config": regmean.CONFIG, "experts": regmean.EXPERTS, "cases": listed},
                      indent=1)
    (OUT / "cases.json").write_text(text + "\n", encoding="utf-8")


def main():
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    gpt2_fisher_merging.DataLoader = regmean.in_order
    cases()
    regmean.reports(REPORTS, run, ROOT / "tests/golden/report")


if __name__ == "__main__":
    main()
