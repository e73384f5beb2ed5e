"""The splits of the demo tasks, and their parquet files in the layout of the GLUE data set."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

import sentences

VALIDATION_ROWS = 320
TRAIN_ROWS = 4000
STORED_TRAIN_ROWS = 512  # what is committed: enough for methods that look at training data
VALIDATION = {"mnli": "validation_matched"}


def splits(task):
    """(train, validation) as lists of rows that have no text in common."""
    validation = sentences.rows(task, "validation", VALIDATION_ROWS)
    texts = {tuple(r[c] for c in sentences.COLUMNS[task]) for r in validation}
    return sentences.rows(task, "train", TRAIN_ROWS, texts), validation


def write(path, task, rows):
    columns = sentences.COLUMNS[task]
    label = pa.int64() if task in sentences.CLASSES else pa.float32()
    schema = pa.schema([(c, pa.string()) for c in columns] + [("label", label), ("idx", pa.int32())])
    table = pa.table({n: [r[n] for r in rows] for n in schema.names}, schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="snappy")


def write_all(folder):
    for task in sentences.MAKERS:
        train, validation = splits(task)
        name = VALIDATION.get(task, "validation")
        write(pathlib.Path(folder) / task / f"{name}-00000-of-00001.parquet", task, validation)
        write(pathlib.Path(folder) / task / "train-00000-of-00001.parquet", task,
              train[:STORED_TRAIN_ROWS])
