#!/usr/bin/env python3
"""Writes src/text/unicode_table.h: which characters are letters, numbers, spaces and digits.

The reference splits text with the `regex` package, whose tables are newer than those of most PCRE2
libraries, so the classes are taken from that package itself; decimal digits are those of the running Python,
which reads them with float(). Run with the pinned requirements and
`--check` to compare instead of writing.
"""
import pathlib
import sys
import unicodedata

import regex

TARGET = pathlib.Path(__file__).parent.parent / "src" / "text" / "unicode_table.h"
CLASSES = [("LETTER", regex.compile(r"\p{L}")), ("NUMBER", regex.compile(r"\p{N}")),
           ("SPACE", regex.compile(r"\s"))]


def ranges():
    found = []
    for point in range(0x80, 0x110000):
        name = next((n for n, p in CLASSES if p.match(chr(point))), None)
        if name and found and found[-1][1] == point - 1 and found[-1][2] == name:
            found[-1][1] = point
        elif name:
            found.append([point, point, name])
    return found


def zeros():
    """The zeros of all decimal digits; the nine others follow each."""
    found = [p for p in range(0x110000) if unicodedata.decimal(chr(p), None) == 0]
    digits = {p for p in range(0x110000) if unicodedata.decimal(chr(p), None) is not None}
    assert digits == {zero + d for zero in found for d in range(10)}
    assert all(unicodedata.decimal(chr(zero + d)) == d for zero in found for d in range(10))
    return found


def filled(rows):
    """The rows in lines of at most 100 columns."""
    lines, line = [], "   "
    for row in rows:
        if len(line) + 1 + len(row) > 100:
            lines.append(line)
            line = "   "
        line += " " + row
    lines.append(line)
    return "\n".join(lines)


def text():
    body = filled([f"{{0x{a:x}, 0x{b:x}, FB_CHAR_{n}}}," for a, b, n in ranges()])
    decimal = filled([f"0x{zero:x}," for zero in zeros()])
    return (f"/* Made by tools/unicode_table.py from the Python package regex {regex.__version__}. */\n"
            "/* clang-format off */\n"
            "static const struct range {\n    uint32_t first, last;\n    enum fb_char_class is;\n"
            f"}} ranges[] = {{\n{body}\n}};\n"
            f"/* Unicode {unicodedata.unidata_version}, of the Python that ran the script. */\n"
            f"static const uint32_t zeros[] = {{\n{decimal}\n}};\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if TARGET.read_text() == text() else f"{TARGET} differs: run {sys.argv[0]}")
    TARGET.write_text(text())
