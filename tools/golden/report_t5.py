"""Reports of the T5 demo pools by the reference libraries: tests/golden/report_t5/.

    python tools/golden/report_t5.py [--only NAME] [--pad 48]

One JSON file per run and runs.json with the arguments of each, as report.py makes them for GPT-2.
A run of one adapter is the average of a pool with that one expert. Prompts are padded to 48 tokens
instead of FusionBench's 512: padding is masked, so only rounding differs, and no prompt is cut.
"""

import argparse
import json
import sys

import torch

from report import ROOT, reference, run

OUT = ROOT / "tests/golden/report_t5"
TASKS = ("cola", "mnli", "qnli", "sst2", "stsb")
POOLS = {"full": "flan-t5_demo", "lora": "flan-t5_demo_lora"}
BASE = "embedded:demo/flan-t5/_pretrained_"


def merges(pool):
    out = [run("simple_average", ["method=simple_average"], {"name": "simple_average"})]
    for scale in (0.3, 0.4, 0.5, 0.6, 1.0):
        out.append(run(f"task_arithmetic_{scale}",
                       ["method=task_arithmetic", f"method.scaling_factor={scale}"],
                       {"name": "task_arithmetic", "scaling_factor": scale}))
    for scale in (0.3, 0.6, 1.0):
        out.append(run(f"ties_merging_{scale}",
                       ["method=ties_merging", f"method.scaling_factor={scale}"],
                       {"name": "ties_merging", "scaling_factor": scale}))
    for one in out:
        one["name"] = f"{pool}_{one['name']}"
        one["pool"] = pool
    return out


def runs():
    """Each run with the kind of its pool and, where that is not all, the experts it has."""
    out = [dict(run("base", ["method=dummy"], {"name": "dummy"}), pool="full")]
    for task in TASKS:
        path = f"embedded:demo/flan-t5/{task}"
        out.append(dict(run(f"full_{task}", ["method=dummy", f"modelpool.models.0.path={path}"],
                            {"name": "dummy"}, {"_pretrained_": path}), pool="full"))
    for task in TASKS:
        models = [f"{{name:_pretrained_,path:'{BASE}'}}",
                  f"{{name:{task},path:'embedded:demo/flan-t5_lora/{task}'}}"]
        out.append(dict(run(f"lora_{task}", ["method=simple_average",
                                             f"modelpool.models=[{','.join(models)}]"],
                            {"name": "simple_average"}), pool="lora", experts=[task]))
    return out + merges("full") + merges("lora")


def report(one, pad):
    config = reference.read(ROOT / f"config/modelpool/{POOLS[one['pool']]}.yaml")
    chosen = one.get("experts", TASKS)
    config["models"] = [m for m in config["models"] if m["name"] in ("_pretrained_", *chosen)]
    pool = reference.open_pool(config, one["paths"])
    tasks = reference.open_tasks(reference.read(ROOT / "config/taskpool/flan-t5_demo.yaml"), pool, pad=pad)
    return tasks.evaluate(reference.merge(pool, one["method"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="make this run alone")
    parser.add_argument("--pad", type=int, default=48)
    args = parser.parse_args()
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    listed = []
    for one in runs():
        listed.append({"report": f"{one['name']}.json",
                       "arguments": one["arguments"] + [f"modelpool={POOLS[one['pool']]}",
                                                        "taskpool=flan-t5_demo"]})
        if args.only and args.only != one["name"]:
            continue
        made = report(one, args.pad)
        (OUT / f"{one['name']}.json").write_text(json.dumps(made), encoding="utf-8")
        values = [list(made[task].values())[0] for task in TASKS]
        print(one["name"], *(f"{100 * v:.1f}" for v in values), f"{20 * sum(values):.2f}",
              file=sys.stderr, flush=True)
    text = json.dumps(listed, indent=1) + "\n"
    (OUT / "runs.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
