"""Prints the tables of demo/README.md from the reports in tests/golden/report and report_t5."""

import json
import pathlib

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden"
TASKS = ["cola", "mnli", "qnli", "sst2"]
ROWS = [("base", "dummy"), *((f"`{t}` expert", f"dummy_{t}") for t in TASKS),
        ("simple average", "simple_average")]
ROWS += [(f"task arithmetic, {s}", f"task_arithmetic_{s}") for s in (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)]
ROWS += [(f"TIES, {s}", f"ties_merging_{s}_20_sum") for s in (0.3, 0.6, 1.0)]
ROWS += [("TIES, 1.0, mean", "ties_merging_1.0_20_mean"), ("TIES, 1.0, max", "ties_merging_1.0_20_max")]
MERGED = [("simple average", "simple_average")]
MERGED += [(f"task arithmetic, {s}", f"task_arithmetic_{s}") for s in (0.3, 0.4, 0.5, 0.6, 1.0)]
MERGED += [(f"TIES, {s}", f"ties_merging_{s}") for s in (0.3, 0.6, 1.0)]


def t5_rows(pool):
    """The base, every expert of the pool, and what merging gives."""
    experts = [(f"`{task}` {'expert' if pool == 'full' else 'adapter'}", task) for task in TASKS + ["stsb"]]
    return [("base", "base")] + [(title, f"{pool}_{name}") for title, name in experts + MERGED]


def table(folder, rows, tasks):
    """Accuracy or correlation in percent, and the plain mean of the tasks."""
    print("\n| | " + " | ".join(tasks + ["average"]) + " |\n|---|" + "---:|" * (len(tasks) + 1))
    for title, name in rows:
        report = json.loads((GOLDEN / folder / f"{name}.json").read_text(encoding="utf-8"))
        values = [100 * next(iter(report[task].values())) for task in tasks]
        values.append(sum(values) / len(values))
        print(f"| {title} | " + " | ".join(f"{v:.1f}" for v in values) + " |")


table("report", ROWS, TASKS)
table("report_t5", t5_rows("full"), TASKS + ["stsb"])
table("report_t5", t5_rows("lora"), TASKS + ["stsb"])
