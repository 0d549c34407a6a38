"""Which code of an object file can reach the panic handler, and the lines of source that it is of."""
import re
import struct
import subprocess

HANDLER = b"a_panic_is_left"


class Object:
    """The sections of an ELF64 object, each a function or a constant, and the references between them."""

    def __init__(self, path):
        self.data = data = open(path, "rb").read()
        at, size, count, names = struct.unpack_from("<Q10xHHH", data, 0x28)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, at + i * size) for i in range(count)]
        self.names = [self.text(self.sections[names], section[0]) for section in self.sections]
        self.symbols = []
        self.references = {}
        for section in self.sections:
            if section[1] == 2:  # SHT_SYMTAB
                strings = self.sections[section[6]]
                for at in range(section[4], section[4] + section[5], 24):
                    name, info, _, index, value = struct.unpack_from("<IBBHQ", data, at)
                    self.symbols.append((self.text(strings, name), info & 15, index, value))
        for section in self.sections:
            if section[1] == 4:  # SHT_RELA
                entries = self.references.setdefault(section[7], [])
                for at in range(section[4], section[4] + section[5], 24):
                    where, info, addend = struct.unpack_from("<QQq", data, at)
                    entries.append((where, self.symbols[info >> 32], addend))
        self.functions = {}
        for name, kind, index, _ in self.symbols:
            if kind == 2:  # STT_FUNC
                self.functions.setdefault(index, name)

    def text(self, strings, at):
        start = strings[4] + at
        return self.data[start : self.data.index(b"\0", start)]

    def bytes(self, index):
        section = self.sections[index]
        return self.data[section[4] : section[4] + section[5]]

    def reached(self, forbidden=()):
        """The sections that the program needs, without going into those of functions in `forbidden`; and
        whether one of them refers to the handler."""
        todo = [index for name, kind, index, _ in self.symbols if name == b"_start"]
        seen, reaches = set(todo), False
        while todo:
            for _, (name, _, index, _), _ in self.references.get(todo.pop(), ()):
                reaches |= name == HANDLER
                if 0 < index < 0xFF00 and index not in seen and index not in forbidden:
                    seen.add(index)
                    todo.append(index)
        return seen, reaches

    def leading(self, seen):
        """Those of `seen` from which the handler can be reached."""
        into = {}
        for index in seen:
            for _, (name, _, target, _), _ in self.references.get(index, ()):
                into.setdefault("handler" if name == HANDLER else target, set()).add(index)
        found, todo = set(), ["handler"]
        while todo:
            for index in into.get(todo.pop(), ()):
                if index not in found:
                    found.add(index)
                    todo.append(index)
        return found

    def location(self, index):
        """The `core::panic::Location` in a section, if there is one."""
        references = self.references.get(index, ())
        if self.sections[index][5] != 24 or len(references) != 1:
            return None
        _, (_, _, target, value), addend = references[0]
        if not 0 < target < len(self.sections):
            return None
        length, line, column = struct.unpack_from("<QII", self.bytes(index), 8)
        file = self.bytes(target)[value + addend :][:length]
        return (re.sub(r".*/registry/src/[^/]*/|.*/lib/rustlib/src/rust/|/rustc/\w*/", "", file.decode()), line, column) if file.endswith(b".rs") else None


def demangled(names):
    names = [name.decode() for name in names]
    text = subprocess.run(["c++filt", "-s", "rust"], input="\n".join(names), capture_output=True, text=True, check=True)
    return [re.sub(r"::h[0-9a-f]{16}$|\[[0-9a-f]{16}\]", "", name) for name in text.stdout.split("\n")]


def inspect(path, excused):
    """Whether the handler is out of reach without the functions whose names match `excused`; the names of those
    that stand before it; and the places that can panic, as `FILE:LINE:COLUMN in FUNCTION`."""
    program = Object(path)
    indexes = list(program.functions)
    names = dict(zip(indexes, demangled(program.functions.values())))
    forbidden = {index for index, name in names.items() if re.fullmatch(excused, name)} if excused else set()
    seen, reaches = program.reached(forbidden)
    used = set()
    for index in seen:
        used |= {target for _, (_, _, target, _), _ in program.references.get(index, ())} & forbidden
    places = set()
    leading = program.leading(seen)
    for index in leading:
        for _, (_, _, target, _), _ in program.references.get(index, ()):
            location = program.location(target) if 0 < target < 0xFF00 else None
            if location and index in names:
                places.add("%s:%d:%d in %s" % (*location, names[index]))
    # Where a place is not told, the names of all that lead there have to do.
    places = places or {"in " + names[index] for index in leading if index in names}
    return not reaches, sorted({names[index] for index in used}), sorted(places)
