"""Tiny splits of mrpc, qqp and rte for tests/seed/make_cache.sh: tests/seed/glue/.

    python tools/golden/seed.py

The rows are pairs of the demo's qnli task under the columns of the other tasks: what counts is
that the seed's commands find seven tasks, with the schemas they really have.
"""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[2]
QNLI = ROOT / "demo/data/qnli/train.tsv"
ROWS = 20
COLUMNS = {"mrpc": ("sentence1", "sentence2"), "qqp": ("question1", "question2"),
           "rte": ("sentence1", "sentence2")}

pairs = [line.split("\t") for line in QNLI.read_text(encoding="utf-8").splitlines()[1:]]
for task, (first, second) in COLUMNS.items():
    schema = pa.schema([(first, pa.string()), (second, pa.string()), ("label", pa.int64()),
                        ("idx", pa.int32())])
    for split in ("validation", "train"):
        rows, pairs = pairs[:ROWS], pairs[ROWS:]
        question, answer, label = zip(*rows)
        table = pa.table({first: question, second: answer, "label": [int(n) for n in label],
                          "idx": range(ROWS)}, schema=schema)
        path = ROOT / f"tests/seed/glue/{task}/{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, compression="snappy")
