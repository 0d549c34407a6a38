"""The work of run.sh, which describes it."""
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import panics

HERE = Path(__file__).resolve().parent
API = HERE.parent.parent / "checks/api/ws-proto.txt"
MODULES = "buf|close|connection|frame|handshake|message|reconnect|uri|utf8"
# Functions of the standard library that may panic: for want of memory, or because the optimiser does not see what
# keeps them from it.
LIBRARY = "|".join([
    r"alloc::raw_vec::(handle_error|capacity_overflow)|alloc::alloc::handle_alloc_error",
    r"<core::net::ip_addr::Ipv[46]Addr as core::str::traits::FromStr>::from_str",
    r"<&?str as core::fmt::Debug>::fmt|<char>::escape_debug_ext",
])
LINK = """--edition 2024 --crate-name no_panic --crate-type bin -C panic=abort -C lto=fat -C codegen-units=1
    -C symbol-mangling-version=v0 -C opt-level=3 -C overflow-checks=on -C relocation-model=static -C linker-flavor=gcc
    -C link-arg=-nostartfiles -C link-arg=-nostdlib -C link-arg=-static -A warnings""".split()
# What the engine calls that may panic.
DEPENDENCIES = ["base64", "httparse", "sha1_smol"]
# What the compiler calls on its own, from the C library.
C_LIBRARY = ["-C", "link-arg=-Wl," + ",".join(f"--defsym={name}=0" for name in "memcpy memmove memset memcmp bcmp strlen".split())]


def programs():
    """Name and role of each program, in the order of the sources."""
    for path in [HERE / "src/controls.rs", *sorted((HERE / "src/programs").glob("*.rs"))]:
        for macro, name in re.findall(r'^(program|roles)!\(\s*"([^"]*)"', path.read_text(), re.M):
            for role in ["server", "client", "either"] if macro == "roles" else [None]:
                yield name, role


def title(program):
    name, role = program
    return f"{name}, {role}" if role else name


def public_functions():
    """The functions of the API's text that are in the modules, named as the programs are, each with the item
    that it is listed under."""
    lines = [re.sub(r"^(#\[[^]]*\] )+", "", line) for line in API.read_text().splitlines()]
    module = rf"ws_proto::(?:{MODULES})::"
    types = {found[1] for line in lines if (found := re.match(rf"pub (?:struct|enum|trait) {module}(?:\w+::)*(\w+)", line))}
    item = ""
    for line in lines:
        if found := re.match(r"pub (?:struct|enum|trait|mod) ([\w:]+)", line):
            item = found[1]
        found = re.match(r"pub (?:const )?fn (.*)", line)
        if not found:
            continue
        path = found[1].lstrip("&")
        if re.match(rf"{module}(?:\w+::)*[a-z_0-9]+[<(]", path):
            yield name_of(found[1]), path.split("(")[0]
        elif re.match(module, item):
            # Items also list the conversions into types of other modules.
            of = re.match(r"ws_proto::(?:[a-z_0-9]+::)*([A-Z]\w*)", path)
            if not of or re.match(module, path) or of[1] in types and path.startswith("ws_proto::" + of[1]):
                yield name_of(found[1]), item


def name_of(signature):
    """`Utf8::push` for `ws_proto::utf8::Utf8::push<'t>(&mut self, &'t [u8]) -> ..`. For names that have several
    functions, the types of the arguments are part of it."""
    signature = re.sub(r"(?:[a-z_0-9]+::)+(?=[A-Z])", "", signature)
    signature = re.sub(r"^ws_proto::(?:[a-z_0-9]+::)+", "", signature)
    signature = re.sub(r"'\w+, (?=[A-Z])|<'\w+(?:, '\w+)*>|'\w+ ", "", signature)
    head, depth = "", 0
    for at, character in enumerate(signature):
        if character == "(" and depth == 0:
            break
        depth += {"<": 1, ">": -1}.get(character, 0) if signature[at - 1 : at + 1] != "->" else 0
        head += character
    head = re.sub(r"(^|::)([a-z_0-9]+)<.*>$", r"\1\2", head)
    arguments = re.sub(r"^&?(?:mut )?self(?:, )?", "", signature[at + 1 :].split(")")[0])
    return f"{head}({arguments})" if re.search("::(from|try_from|eq)$", head) and arguments != "&Self" else head


def uncovered(names):
    """Public functions without a program, and lines of exempt.txt that exempt nothing."""
    exempt = {}
    for line in (HERE / "exempt.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            exempt[line.split("  ")[0]] = 0
    covered = {re.sub(r", [a-z]+$", "", name) for name in names}
    missing = {}
    for name, item in public_functions():
        if name in covered:
            continue
        matching = [line for line in exempt if re.fullmatch(line, name) or re.fullmatch(line, item)]
        for line in matching:
            exempt[line] += 1
        if not matching:
            missing[name] = item
    return missing, [line for line, used in exempt.items() if not used]


def built(manifest):
    """The folder of the engine and what it needs, compiled with the settings of `manifest`, and the engine's file."""
    command = ["cargo", "build", "-q", "--release", "--message-format=json", "--manifest-path", str(HERE / manifest)]
    # Names with their types: `<&str as Debug>::fmt`, not `<&T as Debug>::fmt`.
    environment = os.environ | {"RUSTFLAGS": "-C symbol-mangling-version=v0"}
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
    for message in map(json.loads, output.splitlines()):
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "ws_proto":
            engine = next(name for name in message["filenames"] if name.endswith(".rlib"))
            return Path(engine).parent, engine
    raise SystemExit(f"cargo built no engine for {manifest}")


class Proof:
    """Programs over one build of the engine."""

    def __init__(self, manifest, folder):
        self.dependencies, self.engine = built(manifest)
        self.folder = Path(folder)
        self.folder.mkdir()

    def link(self, number, program):
        """Whether the program links; and its object file."""
        name, role = program
        folder = self.folder / str(number)  # of its own: rustc leaves a file in the current one
        folder.mkdir()
        command = ["rustc", *LINK, *C_LIBRARY, "--cfg", "linked", "--cfg", f'program="{name}"']
        if role:
            command += ["--cfg", f'role="{role}"']
        command += ["--extern", f"ws_proto={self.engine}", "-L", f"dependency={self.dependencies}"]
        command += ["--emit", "link=program,obj=program.o", str(HERE / "src/lib.rs")]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        undefined = set(re.findall(r"undefined (?:symbol: |reference to `)([^'\n]*)", ran.stderr))
        if ran.returncode != 0 and undefined != {"a_panic_is_left"}:
            raise NoVerdict(ran.stderr)
        return ran.returncode == 0, folder / "program.o"


class NoVerdict(Exception):
    """A program did not compile, or lacks something else."""


def verdict(number, program, engine, assumed):
    """Whether the program is proved; what it is proved but for: dependencies, and functions of the standard library;
    and the places that may panic: in those dependencies, or, if it is not proved, in the engine."""
    linked, code = engine.link(number, program)
    if linked:
        return True, [], []
    linked, library, places = panics.inspect(code, LIBRARY)
    if linked:
        return True, library, []
    others = {name: [place for place in places if re.search(rf"\b{name}(::|-\d)", place)] for name in DEPENDENCIES}
    others = {name: places for name, places in others.items() if places}
    linked, code = assumed.link(number, program)
    if not linked:
        linked, library, places = panics.inspect(code, LIBRARY)
    return linked, [*others, *library], sum(others.values(), []) if linked else places


def expected():
    """The functions of others that programs are proved but for, as but_for.txt says."""
    lines = [line for line in (HERE / "but_for.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {line.split("  ")[0]: line.split("  ")[1:] for line in lines}


def main(arguments):
    update = "--update" in arguments
    words = [argument for argument in arguments if not argument.startswith("--")]
    every = list(programs())
    chosen = [program for program in every if not words or any(word in title(program) for word in words)]
    passed = failed = 0

    def result(name, wrong, remark="proved"):
        nonlocal passed, failed
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f"{name:<50}  {wrong or remark}", flush=True)

    missing, stale = uncovered({name for name, _ in every})
    for name, item in sorted(missing.items()):
        result(name, f"FAILED: has no program (of {item})")
    for pattern in stale:
        result(pattern, "FAILED: exempt.txt exempts nothing by this")
    allowed, found = expected(), {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        engine, assumed = Proof("Cargo.toml", folder + "/engine"), Proof("assumed/Cargo.toml", folder + "/assumed")
        verdicts = [pool.submit(verdict, number, program, engine, assumed) for number, program in enumerate(chosen)]
        for program, future in zip(chosen, verdicts):
            name = title(program)
            try:
                proved, but_for, places = future.result()
            except NoVerdict as error:
                result(name, f"FAILED: no verdict\n{error}")
                continue
            if name.startswith("control: "):
                wrong = (proved and not but_for) != name.endswith(", links")
                result(name, "FAILED: the method does not hold" if wrong else "", "as it should")
                continue
            found[name] = but_for
            if not proved:
                result(name, "FAILED: can panic\n  " + "\n  ".join(places))
            elif but_for != allowed.get(name, []) and not update:
                has = ", ".join(allowed.get(name, ["nothing"]))
                result(name, f"FAILED: proved but for {', '.join(but_for) or 'nothing'}; but_for.txt has {has}")
            else:
                remark = "proved but for " + ", ".join(but_for) if but_for else "proved"
                result(name, "", "\n  ".join([remark, *places]))
    if update:
        head = [line for line in (HERE / "but_for.txt").read_text().splitlines() if line.startswith("#")]
        found = {title(program): allowed.get(title(program), []) for program in every} | found
        lines = ["  ".join([name, *others]) for name, others in sorted(found.items()) if others]
        (HERE / "but_for.txt").write_text("\n".join(head + lines) + "\n")
    for name in sorted(set(allowed) - {title(program) for program in every}):
        result(name, "FAILED: but_for.txt names it, and there is no such program")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
