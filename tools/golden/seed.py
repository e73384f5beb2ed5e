"""Tiny splits of mrpc, qqp and rte for tests/seed/make_cache.sh: tests/seed/glue/.

    python tools/golden/seed.py

The rows are pairs of the demo's qnli task under the columns of the other tasks: what counts is
that the seed's commands find seven tasks, with the schemas they really have.
"""

import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/demo"))
import sentences  # noqa: E402

ROWS = 20
COLUMNS = {"mrpc": ("sentence1", "sentence2"), "qqp": ("question1", "question2"),
           "rte": ("sentence1", "sentence2")}

for task, (first, second) in COLUMNS.items():
    schema = pa.schema([(first, pa.string()), (second, pa.string()), ("label", pa.int64()),
                        ("idx", pa.int32())])
    for split, seed in (("validation", task), ("train", f"{task} train")):
        rows = sentences.rows("qnli", seed, ROWS)
        table = pa.table({first: [r["question"] for r in rows],
                          second: [r["sentence"] for r in rows],
                          "label": [r["label"] for r in rows], "idx": [r["idx"] for r in rows]},
                         schema=schema)
        path = ROOT / f"tests/seed/glue/{task}/{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, compression="snappy")
