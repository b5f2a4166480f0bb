"""Steers tests/faults/shim.c inside a process that has it preloaded; the layout is tests/faults/shim.h's."""

import mmap
import struct

from harness import BUILD

LIBRARY = BUILD / "tests" / "faults" / ".libs" / "shim.so"
LAYOUT = struct.Struct("=IIIIiIIiqq24s")
FIELDS = ("kinds", "action", "nth", "and_after", "errnum", "calls", "hits", "lookup", "wall_shift", "boot_shift", "last")

STORE, REST, OURS, ALLOCATIONS = 1, 2, 4, 8
COUNT, FAIL, KILL_BEFORE, KILL_AFTER, HOLD = range(5)


class Shim:
    """One for a world: `environment` is for the processes that are to have it. Nothing happens until arm()."""

    def __init__(self, folder, under=None):
        if not LIBRARY.exists():
            raise AssertionError(f"{LIBRARY} is not built: make check TESTS=")
        path = folder / "faults"
        path.write_bytes(bytes(LAYOUT.size))
        path.chmod(0o666)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "MB_FAULTS": str(path)}
        if under is not None:
            self.environment["MB_FAULTS_UNDER"] = str(under)
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), LAYOUT.size)
        self.clear()

    def set(self, **values):
        now = dict(zip(FIELDS, LAYOUT.unpack(self.page[:])))
        self.page[:] = LAYOUT.pack(*({**now, **values}[name] for name in FIELDS))

    def get(self, name):
        return LAYOUT.unpack(self.page[:])[FIELDS.index(name)]

    def arm(self, kinds, action, nth, errnum=0, and_after=False):
        """At the nth call of these kinds from now."""
        self.set(kinds=0)
        self.set(action=action, nth=nth, errnum=errnum, and_after=int(and_after), calls=0, hits=0, last=b"")
        self.set(kinds=kinds)

    def clear(self):
        """Nothing happens any more. How often it did since arm()."""
        self.set(kinds=0)
        return self.get("hits")

    def last(self):
        return self.get("last").rstrip(b"\0").decode()
