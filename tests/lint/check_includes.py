#!/usr/bin/python3
"""Proves the layers: who may include whom. TAP on standard output.

    check_includes.py [SOURCE_ROOT]     (or $MB_SRCDIR, or the folder two above this file)

The tables below are the rules of the tree; a new folder, a new module of tokend or a new foreign library needs a line
here before it can be used.
"""

import os
import re
import sys

# A folder may include itself and these.
FOLDERS = {
    "lib": (),
    "client": ("lib",),
    "daemon": ("lib",),
    "sasl": ("client", "lib"),
    "milter": ("client", "daemon", "lib"),
    "smtp": ("lib",),
    "submit": ("smtp", "client", "daemon", "lib"),
    "postfix": ("daemon", "lib"),
    "check": ("postfix", "smtp", "client", "daemon", "lib"),
    "setup": ("postfix", "daemon", "lib"),
    "cli": ("setup", "check", "postfix", "client", "daemon", "lib"),
    "tokend": ("daemon", "lib"),
}

# Inside tokend, from the top down. A module may include what is on a lower level, never its neighbour; NAME_anything.c
# is part of the module NAME unless it has a place of its own.
TOKEND_LEVELS = (
    ("main",),
    ("process",),
    ("server",),
    ("broker",),
    ("discovery", "store_file"),
    ("signin", "identity", "service_account"),
    ("oauth", "http", "loopback", "store", "writer"),
    ("account", "consent", "advice", "claims", "expiry", "jwt", "outcome", "access", "seal", "loop", "turns",
     "sandbox"),
)

# The same for submit.
SUBMIT_LEVELS = (
    ("main",),
    ("session",),
    ("hop", "message", "channel"),
    ("route", "slot", "content"),
    ("lmtp", "patience"),
)
LEVELS = {"tokend": TOKEND_LEVELS, "submit": SUBMIT_LEVELS}

# What decides about a message: no I/O, no clock, no log. It may include itself and these, and nothing of the milter's shell.
MILTER_CORE = ("scan", "encoded_word", "address", "compose", "reply", "rules", "gates", "policy", "policy_private",
               "policy_changes")
UNDER_MILTER_CORE = ("daemon/network.h", "daemon/senders.h", "daemon/settings.h", "lib/buf.h", "lib/err.h", "lib/fnv.h",
                     "lib/utf8.h")

# A foreign library enters through one door: which files may include which headers.
DOORS = (
    (r"curl/", r"tokend/http\w*\.[ch]|smtp/relay\.c|setup/fetch\.c"),
    (r"event2?/|event\.h", r"tokend/loop\.c"),
    (r"confuse\.h", r"daemon/settings\w*\.[ch]"),
    (r"libmilter/", r"milter/(callbacks|main)\.c"),
    (r"jansson\.h", r"(daemon|submit|check|setup|cli|tokend)/\w+\.[ch]"),
    (r"openssl/", r"(tokend|cli)/\w+\.[ch]"),
    (r"seccomp\.h", r"tokend/sandbox\.c"),
    (r"sasl/", r"sasl/\w+\.[ch]|check/plugin\.c"),
    (r"syslog\.h", r"(daemon|milter|submit|cli|tokend)/\w+\.[ch]"),
)

# With -I of the source root, files of these names would hide libsasl2's.
FORBIDDEN_FILES = ("sasl/sasl.h", "sasl/saslplug.h", "sasl/saslutil.h", "sasl/prop.h")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.M)
ANY_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b", re.M)


def folder_of(path):
    return path.split("/", 1)[0]


def stem_of(path):
    return os.path.splitext(path)[0]


def read_sources(root):
    """{path: [(line number, header, whether in quotes)]} of every product file, and the complaints about its lines."""
    sources, wrong = {}, []
    for folder in FOLDERS:
        for name in sorted(os.listdir(os.path.join(root, folder))) if os.path.isdir(os.path.join(root, folder)) else []:
            path = folder + "/" + name
            if not name.endswith((".c", ".h")):
                continue
            with open(os.path.join(root, path), encoding="utf-8") as file:
                text = file.read()
            found = [(text.count("\n", 0, m.start()) + 1, m.group(1) or m.group(2), m.group(2) is not None)
                     for m in INCLUDE.finditer(text)]
            if len(found) != len(ANY_INCLUDE.findall(text)):
                wrong.append(path + ": an #include that names no header cannot be checked")
            sources[path] = found
    return sources, wrong


def each_own(sources):
    for path, found in sources.items():
        for line, header, quoted in found:
            if quoted:
                yield path, line, header


def check_names(sources):
    """includes name the folder, system headers come first and in angle brackets."""
    for path, line, header in each_own(sources):
        if "/" not in header:
            yield f'{path}:{line}: "{header}" does not name its folder'
        elif header not in sources:
            yield f'{path}:{line}: there is no "{header}" in the product folders'
        elif not header.endswith(".h"):
            yield f'{path}:{line}: "{header}" is no header'
    for path, found in sources.items():
        own = False
        for line, header, quoted in found:
            if own and not quoted:
                yield f"{path}:{line}: <{header}> comes after our own headers"
            if not quoted and header in sources:
                yield f"{path}:{line}: <{header}> is ours: use quotes"
            own = own or quoted


def check_folders(sources):
    """a folder includes only itself and the layers under it."""
    for path, line, header in each_own(sources):
        here, there = folder_of(path), folder_of(header)
        if there != here and there not in FOLDERS[here]:
            yield f'{path}:{line}: {here}/ may not include "{header}"'


def module_level(path):
    """(name, level) of a file in a folder that has levels; the level is None when the table does not know it."""
    name = os.path.basename(stem_of(path))
    known = {module: level for level, modules in enumerate(LEVELS[folder_of(path)]) for module in modules}
    while name not in known and "_" in name:
        name = name.rsplit("_", 1)[0]
    return name, known.get(name)


def check_levels(sources):
    """inside a folder that has levels only downward."""
    for path in sources:
        if folder_of(path) in LEVELS and module_level(path)[1] is None:
            yield f"{path}: has no level; LEVELS in tests/lint/check_includes.py must know it"
    for path, line, header in each_own(sources):
        if folder_of(path) not in LEVELS or folder_of(header) != folder_of(path):
            continue
        (here, here_level), (there, there_level) = module_level(path), module_level(header)
        if None in (here_level, there_level) or here == there:
            continue
        if there_level <= here_level:
            way = "sideways" if there_level == here_level else "upward"
            yield f'{path}:{line}: "{header}" is {way} of {here}'


def check_milter(sources):
    """the milter's core includes nothing of its shell."""
    own = tuple(f"milter/{name}.h" for name in MILTER_CORE)
    for path, line, header in each_own(sources):
        if stem_of(path) in [stem_of(header) for header in own] and header not in own + UNDER_MILTER_CORE:
            yield f'{path}:{line}: "{header}" is not for the milter\'s core'


def check_private(sources):
    """NAME_private.h is for the files of NAME alone."""
    for path, line, header in each_own(sources):
        if not header.endswith("_private.h"):
            continue
        family = header[:-len("_private.h")]
        stem = stem_of(path)
        if stem != family and not stem.startswith(family + "_"):
            yield f'{path}:{line}: "{header}" belongs to {family}*.c'


def module_graph(sources):
    """{module: modules it includes}. NAME.c and NAME.h are one module, and so is what shares NAME_private.h."""
    def module_of(path):
        for header in [path] + [h for _, h, quoted in sources.get(path, ()) if quoted]:
            family = header[:-len("_private.h")]
            if header.endswith("_private.h") and (stem_of(path) + "_").startswith(family + "_"):
                return family
        return stem_of(path)
    graph = {}
    for path in sources:
        graph.setdefault(module_of(path), set())
    for path, _, header in each_own(sources):
        if module_of(header) != module_of(path):
            graph[module_of(path)].add(module_of(header))
    return graph


def check_cycles(sources):
    """no module includes itself by way of others."""
    graph, state = module_graph(sources), {}

    def visit(module, way):
        state[module] = "open"
        for other in sorted(graph.get(module, ())):
            if state.get(other) == "open":
                yield "a cycle: " + " -> ".join(way[way.index(other):] + [other])
            elif other not in state:
                yield from visit(other, way + [other])
        state[module] = "done"

    for module in sorted(graph):
        if module not in state:
            yield from visit(module, [module])


def check_doors(sources):
    """a foreign library enters through its door."""
    for path, found in sources.items():
        for line, header, quoted in found:
            for library, door in DOORS:
                if not quoted and re.match(library, header) and not re.fullmatch(door, path):
                    yield f"{path}:{line}: <{header}> may be included by {door} only"


def check_hidden(sources):
    """no file of ours hides one of libsasl2's headers."""
    for path in FORBIDDEN_FILES:
        if path in sources:
            yield f"{path}: hides libsasl2's header <{path}>"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MB_SRCDIR") or os.path.dirname(os.path.dirname(here))
    sources, unreadable = read_sources(root)
    checks = (check_names, check_folders, check_levels, check_milter, check_private, check_cycles, check_doors, check_hidden)
    results = [("every include can be read", unreadable if sources else [f"{root}: no sources"])]
    results += [(check.__doc__, list(check(sources))) for check in checks]
    print(f"1..{len(results)}")
    for number, (what, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - includes: {what.strip().rstrip('.')}")
        for text in wrong:
            print("# " + text)
    print(f"# {len(sources)} files")
    return any(wrong for _, wrong in results)


if __name__ == "__main__":
    sys.exit(main())
