#!/usr/bin/env python3
"""Checks what compilers do not: include directions, a test per source, a page per method, and so on.

    tools/lint.py              check the tree; prints file:line: message, exits 1 on findings
    tools/lint.py --self-test  check the checks

Python's standard library only.
"""

import pathlib
import re
import sys
import tempfile

# folder -> folders whose headers it may include (its own always)
INCLUDES = {
    "base": "",
    "config": "base",
    "hub": "base config",
    "ckpt": "base hub config",
    "kernel": "base",
    "nn": "base kernel",
    "model": "base config ckpt kernel nn",
    "text": "base config hub",
    "data": "base config hub text",
    "pool": "base config hub ckpt model",
    "method": "base config hub ckpt kernel nn model text data pool",
    "task": "base config hub ckpt kernel nn model text data pool method metric report",
    "metric": "base",
    "report": "base config",
    "train": "base config hub ckpt kernel nn model text data pool metric report",
    "cli": "base config hub ckpt kernel nn model text data pool method task metric report train",
    ".": "base cli",
}
# single headers that are allowed beyond the folders: (from folder, header)
INCLUDES_ALSO = {("model", "data/batch.h"), ("nn", "data/batch.h"), ("data", "kernel/kernel.h"),
                 ("ckpt", "kernel/low_rank.h")}

# sources without a unit test of their own, and why
UNTESTED = {
    "src/main.c": "prints the error and exits; covered by tests/cli",
    "src/base/embed.c": "looks a name up in the embedded table; covered by test_map.c",
    "src/method/methods.c": "a registry: rows only; covered by the cases of list and describe",
    "src/pool/pools.c": "a registry: rows only",
    "src/task/tasks.c": "a registry: rows only",
    "src/cli/commands.c": "a registry: rows only",
}
UNTESTED_PATTERN = re.compile(r"src/cli/cmd_\w+\.c")  # covered by the cases of tests/cli

BANNED = {
    "strcat": "fb_str_add", "strncat": "fb_str_add", "strcpy": "memcpy with a checked size",
    "sprintf": "snprintf or fb_str_printf", "vsprintf": "vsnprintf", "gets": "fgets",
    "strtok": "strchr or strcspn", "atoi": "the readers of base/number.h",
    "atol": "the readers of base/number.h", "atof": "the readers of base/number.h",
    "system": "no shell", "popen": "no shell", "alloca": "an arena",
}
BANNED_ALLOWED = set()  # (path, function) pairs, each with its reason beside it

FILE_LINES, FUNCTION_LINES, COLUMNS = 600, 100, 100
LONG_FUNCTION = "lint: long"  # in a comment on the line before: one flat switch or table
MACHINE_PATH = re.compile(r"/(?:work|root|home|tmp|opt)/")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def code_of(text):
    """The text with comments and the insides of literals blanked; lines and columns stay."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group()
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[0]
        return re.sub(r"[^\n]", " ", found)

    return token.sub(blank, text)


def check_includes(path, lines):
    folder = path.parts[1] if len(path.parts) > 2 else "."
    if folder not in INCLUDES:
        yield 1, f"folder src/{folder} is not in the table of tools/lint.py"
        return
    allowed = {folder, *INCLUDES[folder].split()}
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not found:
            continue
        header = found.group(1)
        target = header.split("/")[0] if "/" in header else "."
        if target not in allowed and (folder, header) not in INCLUDES_ALSO:
            yield number, f"{folder} must not include '{header}'; allowed: {' '.join(sorted(allowed))}"


def check_functions(lines, code):
    """Functions are recognised by the brace in the first column that ends them."""
    start = None
    for number, line in enumerate(code, 1):
        if start is None and re.match(r"[A-Za-z_].*\{\s*$|\{\s*$", line):
            start = number
        elif line.startswith("}"):
            is_function = start and "(" in " ".join(code[max(0, start - 3):start])
            is_table = start and "=" in code[start - 1]
            marked = start and any(LONG_FUNCTION in t for t in lines[max(0, start - 4):start])
            if is_function and not is_table and not marked:
                length = number - start + 1
                if length > FUNCTION_LINES:
                    yield start, f"function of {length} lines, limit {FUNCTION_LINES}"
            start = None


def check_lines(path, lines, code):
    for number, (line, bare) in enumerate(zip(lines, code), 1):
        if len(line) > COLUMNS:
            yield number, f"line of {len(line)} columns, limit {COLUMNS}"
        if UNFINISHED.search(line):
            yield number, f"unfinished: '{UNFINISHED.search(line).group()}'"
        if path.parts[0] == "src" and MACHINE_PATH.search(line):
            yield number, f"path of a machine: '{MACHINE_PATH.search(line).group()}'"
        for name in re.findall(r"(?<![\w.>])(\w+)\s*\(", bare):
            if path.parts[0] == "tests":
                break  # a test may copy its own constants
            if name in BANNED and (str(path), name) not in BANNED_ALLOWED:
                yield number, f"{name} is banned; use {BANNED[name]}"


def check_source(root, path):
    text = (root / path).read_text(encoding="utf-8")
    lines, code = text.splitlines(), code_of(text).splitlines()
    if len(lines) > FILE_LINES:
        yield len(lines), f"file of {len(lines)} lines, limit {FILE_LINES}"
    if path.parts[0] == "src":
        yield from check_includes(path, lines)
    yield from check_functions(lines, code)
    yield from check_lines(path, lines, code)


def check_test_exists(root, path):
    """src/<folder>/x.c needs tests/unit/<folder>/test_x.c or test_x_slow.c."""
    name = str(path)
    if name in UNTESTED or UNTESTED_PATTERN.fullmatch(name):
        return
    folder = root / "tests/unit" / path.parent.relative_to("src")
    if not any((folder / f"test_{path.stem}{end}.c").exists() for end in ("", "_slow")):
        yield 1, f"no test: expected {(folder / f'test_{path.stem}.c').relative_to(root)}"


def check_methods(root):
    """Each available row of the registry has its page in doc/methods."""
    registry = pathlib.Path("src/method/methods.c")
    if not (root / registry).exists():
        return
    text = (root / registry).read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"\bfb_method_(\w+)", text)) - {"find"}):
        source = root / f"src/method/{name}.c"
        if source.exists() and not (root / f"doc/methods/{name}.md").exists():
            number = text[:text.index(f"fb_method_{name}")].count("\n") + 1
            yield registry, number, f"method {name} has no page: expected doc/methods/{name}.md"


def check_tree(root):
    for top in ("src", "tests", "bench", "tools"):
        for full in sorted((root / top).rglob("*.[ch]")):
            path = full.relative_to(root)
            for number, message in check_source(root, path):
                yield path, number, message
            if top == "src" and full.suffix == ".c":
                for number, message in check_test_exists(root, path):
                    yield path, number, message
    yield from check_methods(root)


# ---- self-test: a file for each check, and what must be said about it -------------------------

CASES = [
    ("src/base/a.c", '#include "config/node.h"\n', "base must not include 'config/node.h'"),
    ("src/model/a.c", '#include "data/glue.h"\n', "model must not include 'data/glue.h'"),
    ("src/model/b.c", '#include "data/batch.h"\n', None),
    ("src/odd/a.c", "int x;\n", "folder src/odd is not in the table"),
    ("src/base/c.c", "void f(void) {\n    strcat(a, b);\n}\n", "strcat is banned"),
    ("tests/unit/a.c", "void f(void) {\n    strcpy(a, b);\n}\n", None),
    ("src/base/d.c", "/* strcat(a, b) */ const char *s = \"strcat(\";\n", None),
    ("src/base/e.c", "int f(void) {\n    return p->system(1);\n}\n", None),
    ("src/base/f.c", "int f(void) {\n" + "    g();\n" * 99 + "}\n", "function of 101 lines"),
    ("src/base/g.c", "int f(void) {\n" + "    g();\n" * 98 + "}\n", None),
    ("src/base/h.c", "/* lint: long */\nint f(void) {\n" + "    g();\n" * 200 + "}\n", None),
    ("src/base/i.c", "int x;\n" * 601, "file of 601 lines"),
    ("src/base/j.c", "/* TO" + "DO: later */\n", "unfinished"),
    ("src/base/k.c", 'const char *s = "/ho' + 'me/me";\n', "path of a machine"),
    ("src/base/l.c", "int " + "x" * 97 + ";\n", "line of 102 columns"),
    ("src/base/m.c", "int table[] = {\n" + "    1,\n" * 200 + "};\n", None),
]


def self_test():
    failed = 0
    for name, text, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            path = root / name
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            missing = [m for _, _, m in check_tree(root) if m.startswith("no test: ")]
            found = [m for _, _, m in check_tree(root) if not m.startswith("no test: ")]
        good = [expected in m for m in found] == [True] if expected else not found
        if not good or len(missing) != name.startswith("src/"):
            failed += 1
            print(f"{name}: expected {expected!r}, found {found}, {len(missing)} missing tests")
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return failed > 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(__file__).resolve().parent.parent
    findings = list(check_tree(root))
    for path, number, message in findings:
        print(f"{path}:{number}: {message}")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
