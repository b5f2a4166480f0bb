#!/usr/bin/python3
"""Proves what can be counted of the tree's style. TAP on standard output.

    check_style.py [SOURCE_ROOT]        (or $MB_SRCDIR, or the folder two above this file)
"""

import os
import re
import statistics
import sys

PRODUCT = ("lib", "client", "daemon", "sasl", "milter", "submit", "postfix", "setup", "cli", "tokend")
ALSO = ("tests",)  # the same rules, but for the opening comment and the yardstick
C_FILES, TEXT_FILES = (".c", ".h"), (".c", ".h", ".py", ".mk", ".sh")

FILE_LINES = 500  # tables of data (*_table.c) excepted
TEST_LINES = 600  # of a test, which is a list of cases
FUNCTION_LINES = 100
MAIN_LINES = 60
COLUMNS = 120
SCRIPT_COLUMNS = 135  # of what clang-format does not fold
TAB = 8
MEDIAN = 20
LONG_LINES, LONG_SHARE = 60, 0.05  # of the product's functions, so many may be longer than that

# In two pieces each, or this file would not pass its own rule.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")

# What may hold braces that are none: comments, strings, characters, directives. Newlines in them are kept.
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:\\\n|[^\n])*',
                      re.S | re.M)


def read_files(root):
    files = {}
    for top in PRODUCT + ALSO:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if f not in ("corpus", "__pycache__"))
            for name in sorted(names):
                if name.endswith(TEXT_FILES):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as file:
                        files[os.path.relpath(path, root)] = file.read()
    return files


def is_product(path):
    return path.split("/", 1)[0] in PRODUCT


def functions(text):
    """(name, first line, number of lines) of each function, its head included, by counting braces."""
    code = NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    depth, head = 0, 0
    name, first = None, 0
    for match in re.finditer(r"[{};]", code):
        if match.group() == "{":
            if depth == 0:
                before = code[head:match.start()]
                called = re.search(r"(\w+)\s*\(", before)
                if called and before.rstrip().endswith(")"):
                    name = called.group(1)
                    first = code.count("\n", 0, head + len(before) - len(before.lstrip())) + 1
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if depth == 0 and name is not None:
                yield name, first, code.count("\n", 0, match.start()) + 2 - first
                name = None
        if depth == 0:
            head = match.end()


def each_function(files):
    for path, text in files.items():
        if path.endswith(C_FILES):
            for name, first, lines in functions(text):
                yield path, name, first, lines


def check_file_length(files):
    """no file has more than 500 lines, no test more than 600"""
    for path, text in files.items():
        lines = text.count("\n")
        if lines > (FILE_LINES if is_product(path) else TEST_LINES) and not path.endswith("_table.c"):
            yield f"{path}: {lines} lines"


def check_function_length(files):
    """no function has more than 100 lines, no main() more than 60"""
    for path, name, first, lines in each_function(files):
        if lines > (MAIN_LINES if name == "main" else FUNCTION_LINES):
            yield f"{path}:{first}: {name}() has {lines} lines"


def check_yardstick(files):
    """the median function has at most 20 lines, one in twenty more than 60"""
    sizes = [lines for path, _, _, lines in each_function(files) if is_product(path)]
    if not sizes:
        yield "no functions"
        return
    share = sum(lines > LONG_LINES for lines in sizes) / len(sizes)
    print(f"# {len(sizes)} functions, median {statistics.median(sizes):g} lines, longest {max(sizes)}, "
          f"{share:.1%} over {LONG_LINES}")
    if statistics.median(sizes) > MEDIAN or share > LONG_SHARE:
        yield "they are too long"


def check_braces(files):
    """a function's opening brace has a line of its own"""
    for path, text in files.items():
        if path.endswith(C_FILES):
            for number, line in enumerate(text.splitlines(), 1):
                if re.match(r"[A-Za-z_][^=;#]*\)\s*\{", line):
                    yield f"{path}:{number}: {line}"


def check_opening(files):
    """each .c opens with a comment that says what it is for"""
    for path, text in files.items():
        if path.endswith(".c") and not re.match(r"/\*\s*\n? ?\*?\s*\w", text):
            yield f"{path}: {text[:40]!r}"


def check_blanks(files):
    """no blanks at the end of a line, one newline at the end of a file"""
    for path, text in files.items():
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield f"{path}:{number}: blanks at the end"
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield f"{path}: does not end in one newline"


def check_columns(files):
    """no line of C is wider than 120 columns, none of a script wider than 135"""
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            width = len(line.expandtabs(TAB))
            if width > (COLUMNS if path.endswith(C_FILES) else SCRIPT_COLUMNS):
                yield f"{path}:{number}: {width} columns"


def check_tabs(files):
    """statements are indented with tabs"""
    for path, text in files.items():
        inside = False
        for number, line in enumerate(text.splitlines() if path.endswith(C_FILES) else (), 1):
            inside = line.startswith("{") or inside and not line.startswith("}")
            if inside and line.startswith("  "):
                yield f"{path}:{number}: indented with blanks"


def check_finished(files):
    """nothing is marked as unfinished"""
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{path}:{number}: {line.strip()}"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MB_SRCDIR") or os.path.dirname(os.path.dirname(here))
    files = read_files(root)
    checks = (check_file_length, check_function_length, check_yardstick, check_braces, check_opening, check_blanks,
              check_columns, check_tabs, check_finished)
    failed = False
    print(f"1..{len(checks)}")
    for number, check in enumerate(checks, 1):
        wrong = list(check(files)) if files else [f"{root}: no files"]
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - style: {check.__doc__}")
        for text in wrong:
            print("# " + text)
    print(f"# {len(files)} files")
    return failed


if __name__ == "__main__":
    sys.exit(main())
