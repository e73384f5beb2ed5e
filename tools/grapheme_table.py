#!/usr/bin/env python3
"""Writes src/text/grapheme_table.h: what decides where a user-perceived character ends.

    python tools/grapheme_table.py        (needs the package `regex`)

Classes of UAX #29 that matter for clusters of up to five bytes: control, extending (Extend, ZWJ,
SpacingMark), prepended and pictographic characters. Extending characters that Python's own tables do
not know yet are left out: the reference's are older than the package's, too.
"""
import os
import unicodedata

import regex

CLASSES = [("CONTROL", r"[\p{GCB=Control}\p{GCB=CR}\p{GCB=LF}]"), ("JOINER", r"\p{GCB=ZWJ}"),
           ("EXTEND", r"[\p{GCB=Extend}\p{GCB=SpacingMark}]"), ("PREPEND", r"\p{GCB=Prepend}"),
           ("PICTURE", r"\p{ExtPict}")]


def ranges():
    tests = [(name, regex.compile(p)) for name, p in CLASSES]
    out = []
    for c in range(0x80, 0x110000):
        if 0xD800 <= c < 0xE000:
            continue
        name = next((n for n, t in tests if t.match(chr(c))), None)
        if name == "EXTEND" and unicodedata.category(chr(c)) == "Cn":
            name = None
        if name and out and out[-1][2] == name and out[-1][1] == c - 1:
            out[-1][1] = c
        elif name:
            out.append([c, c, name])
    return out


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "text",
                        "grapheme_table.h")
    rows = [f"{{0x{a:x}, 0x{b:x}, {n}}}," for a, b, n in ranges()]
    with open(path, "w") as f:
        f.write("/* grapheme_table.h - made by tools/grapheme_table.py; ranges in order, from U+0080 on. */\n")
        f.write("/* clang-format off */\n")
        line = ""
        for row in rows:
            if len(line) + len(row) > 96:
                f.write(line.rstrip() + "\n")
                line = ""
            line += row + " "
        f.write(line.rstrip() + "\n")
    print(len(rows), "ranges")


main()
