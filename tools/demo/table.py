"""Prints the table of demo/README.md from the reports in tests/golden/report."""

import json
import pathlib

REPORTS = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/report"
ROWS = [("base", "dummy"), ("`cola` expert", "dummy_cola"), ("`mnli` expert", "dummy_mnli"),
        ("`qnli` expert", "dummy_qnli"), ("`sst2` expert", "dummy_sst2"),
        ("simple average", "simple_average")]
ROWS += [(f"task arithmetic, {s}", f"task_arithmetic_{s}") for s in (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)]
ROWS += [(f"TIES, {s}", f"ties_merging_{s}_20_sum") for s in (0.3, 0.6, 1.0)]
ROWS += [("TIES, 1.0, mean", "ties_merging_1.0_20_mean"), ("TIES, 1.0, max", "ties_merging_1.0_20_max")]
TASKS = ["cola", "mnli", "qnli", "sst2", "average"]

print("| | " + " | ".join(TASKS) + " |\n|---|" + "---:|" * len(TASKS))
for title, name in ROWS:
    report = json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8"))
    print(f"| {title} | " + " | ".join(f"{100 * report[t]['accuracy']:.1f}" for t in TASKS) + " |")
