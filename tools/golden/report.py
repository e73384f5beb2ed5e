"""Reports of the demo pool by the reference libraries: tests/golden/report/.

    python tools/golden/report.py [--only NAME] [--pad 64]

One JSON file per run, named after the method and its options, as `report_save_path` must write it;
task_arithmetic_0.4.logits.safetensors holds the logits of one merged model (f32, one tensor per
task). runs.json lists what each run was: arguments for the program and the file it is compared
with. Inputs are padded to 64 tokens instead of FusionBench's 512: the model is causal and padded
on the right, so only rounding differs (below 1e-6 in the losses), and no text of the demo is cut.
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))
import reference  # noqa: E402

OUT = ROOT / "tests/golden/report"
LOGITS_OF = "task_arithmetic_0.4"


def run(name, arguments, method, paths=None):
    return {"name": name, "arguments": arguments, "method": method, "paths": paths or {}}


def runs():
    out = [run("dummy", ["method=dummy"], {"name": "dummy"})]
    for task in ("cola", "mnli", "qnli", "sst2"):
        path = f"embedded:demo/gpt2/{task}"
        out.append(run(f"dummy_{task}", ["method=dummy", f"modelpool.models.0.path={path}"],
                       {"name": "dummy"}, {"_pretrained_": path}))
    out.append(run("simple_average", ["method=simple_average"], {"name": "simple_average"}))
    for name, normalize, weights in (("normalized", True, [1, 2, 3, 2]),
                                     ("plain", False, [0.4, 0.3, 0.2, 0.3])):
        text = ",".join(map(str, weights))
        out.append(run(f"weighted_average_{name}",
                       ["method=weighted_average", f"method.weights=[{text}]",
                        f"method.normalize={str(normalize).lower()}"],
                       {"name": "weighted_average", "normalize": normalize, "weights": weights}))
    for tenth in range(11):
        scale = tenth / 10
        out.append(run(f"task_arithmetic_{scale}",
                       ["method=task_arithmetic", f"method.scaling_factor={scale}"],
                       {"name": "task_arithmetic", "scaling_factor": scale}))
    for scale, threshold, function in ((0.3, 20, "sum"), (0.6, 20, "sum"), (1.0, 20, "sum"),
                                       (0.6, 0.5, "sum"), (0.6, 80, "sum"), (1.0, 20, "mean"),
                                       (1.0, 20, "max"), (0.0, 20, "sum")):
        out.append(run(f"ties_merging_{scale}_{threshold}_{function}",
                       ["method=ties_merging", f"method.scaling_factor={scale}",
                        f"method.threshold={threshold}", f"method.merge_func={function}"],
                       {"name": "ties_merging", "scaling_factor": scale, "threshold": threshold,
                        "merge_func": function}))
    out.append(run("simple_ensemble", ["method=ensemble/simple_ensemble"],
                   {"name": "simple_ensemble"}))
    for name, normalize, weights in (("normalized", True, [1, 2, 3, 2]),
                                     ("plain", False, [0.4, 0.3, 0.2, 0.3])):
        text = ",".join(map(str, weights))
        out.append(run(f"weighted_ensemble_{name}",
                       ["method=weighted_ensemble", f"method.weights=[{text}]",
                        f"method.normalize={str(normalize).lower()}"],
                       {"name": "weighted_ensemble", "normalize": normalize,
                        "weights": [float(w) for w in weights]}))
    out.append(run("max_model_predictor", ["method=max_model_predictor"],
                   {"name": "max_model_predictor"}))
    # Made by fisher.py.
    fisher = ["method=fisher_merging/gpt2_fisher_merging", "method.shuffle=false"]
    out.append(run("fisher_default", fisher, None))
    out.append(run("fisher_small", fisher + ["method.num_fisher_examples=64",
                                             "method.batch_size=8",
                                             "method.normalize_fisher_weight=false"], None))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="make this run alone")
    parser.add_argument("--pad", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    pool_config = reference.read(ROOT / "config/modelpool/gpt-2_demo.yaml")
    task_config = reference.read(ROOT / "config/taskpool/gpt-2_demo.yaml")
    listed = []
    for one in runs():
        listed.append({"report": f"{one['name']}.json",
                       "arguments": one["arguments"] + ["modelpool=gpt-2_demo",
                                                        "taskpool=gpt-2_demo"]})
        if not one["method"] or (args.only and args.only != one["name"]):
            continue
        pool = reference.open_pool(pool_config, one["paths"])
        tasks = reference.TaskPool(task_config, pool, pad=args.pad)
        report = tasks.evaluate(reference.merge(pool, one["method"]))
        (OUT / f"{one['name']}.json").write_text(json.dumps(report), encoding="utf-8")
        if one["name"] == LOGITS_OF:
            save_file(tasks.logits, OUT / f"{LOGITS_OF}.logits.safetensors")
        print(one["name"], report["average"], file=sys.stderr, flush=True)
    text = json.dumps(listed, indent=1) + "\n"
    (OUT / "runs.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
