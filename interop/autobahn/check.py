#!/usr/bin/env python3
"""Checks reports of the Autobahn TestSuite, strictly, and writes the table of results.

usage: check.py --crate VERSION --suite VERSION --part NAME --sections 1,2 [--cases full|cut]
                [--write FILE] NAME=index.json[,index.json] ...

Replaces its part of FILE, or adds it. Every case has to be there and to be OK, its closing behaviour
too. NON-STRICT is a failure, and so is UNIMPLEMENTED: compression was declined.
INFORMATIONAL is what three cases are by nature. Exits 0 only if nothing failed: wstest itself exits
0 whatever has failed, and when cases are missing.
"""
import argparse
import json
import os
import sys

AGENT = "ws-proto"
SECTIONS = {
    "1": ("framing", 16),
    "2": ("pings and pongs", 11),
    "3": ("reserved bits", 7),
    "4": ("opcodes", 10),
    "5": ("fragmentation", 20),
    "6": ("UTF-8", 145),
    "7": ("closing", 37),
    "9": ("limits and performance", 54),
    "10": ("auto-fragmentation", 1),
    "12": ("compression, default offer", 90),
    "13": ("compression, parameters", 126),
}
# The first six of each 18 cases of a subsection: the smaller messages, in one frame.
CUT = {
    "12": ("compression, default offer, small", 30),
    "13": ("compression, parameters, small", 42),
}
# The suite has no opinion on these: what they do is up to the peer.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}


class Run:
    """Reports of one peer: what passed in each section, and what failed."""

    def __init__(self, name, indexes, sections):
        self.name = name
        self.sections = sections
        self.passed = dict.fromkeys(sections, 0)
        self.informational = dict.fromkeys(sections, 0)
        self.failures = []
        self.failed = 0
        found = []
        for index in indexes.split(","):
            try:
                with open(index) as file:
                    cases = json.load(file).get(AGENT, {})
            except (OSError, ValueError) as error:
                print(f"{name}: no report: {error}")
                cases = {}
            for case in sorted(cases, key=lambda case: [int(part) for part in case.split(".")]):
                self.check(case, cases[case], os.path.dirname(index))
            found += [case.split(".")[0] for case in cases]
        for section in sections:
            # One too many is no less wrong: it is not the suite that this table is of.
            there, expected = found.count(section), sections[section][1]
            if there != expected:
                self.fail(f"{section}.*", f"{there} of {expected} cases", abs(there - expected))

    def check(self, case, outcome, folder):
        section = case.split(".")[0]
        outcomes = {outcome["behavior"], outcome["behaviorClose"]}
        allowed = {"OK", "INFORMATIONAL"} if case in INFORMATIONAL else {"OK"}
        if section not in self.passed:
            self.fail(case, "was not asked for")
        elif outcomes <= allowed:
            self.passed[section] += 1
            self.informational[section] += "INFORMATIONAL" in outcomes
        else:
            why = f"{outcome['behavior']}, closing {outcome['behaviorClose']}"
            try:
                with open(os.path.join(folder, outcome["reportfile"])) as file:
                    report = json.load(file)
                why += f": {report['result']} {report['resultClose']}"
            except (KeyError, OSError, ValueError):
                pass
            self.fail(case, why)

    def fail(self, case, why, count=1):
        self.failures.append((case, why))
        self.failed += count

    def cell(self, section):
        passed, informational = self.passed[section], self.informational[section]
        if passed != self.sections[section][1]:
            return f"**{passed}**"
        return f"{passed} ({informational} informational)" if informational else f"{passed}"

    def total(self):
        total = sum(self.passed.values())
        return f"**{total}, {self.failed} failed**" if self.failed else f"{total}"


def table(runs, sections):
    yield ["section", "what", "cases"] + [run.name for run in runs]
    yield ["---"] * (3 + len(runs))
    for section in sections:
        what, count = sections[section]
        yield [section, what, f"{count}"] + [run.cell(section) for run in runs]
    count = sum(sections[section][1] for section in sections)
    yield ["all", "", f"{count}"] + [run.total() for run in runs]


def part(name, crate, suite, runs, sections):
    lines = [f"## {name}", "", f"`ws-proto` {crate}, AutobahnTestSuite {suite}.", ""]
    lines += ["| " + " | ".join(row) + " |" for row in table(runs, sections)]
    failures = [f"- {run.name}, {case}: {why}" for run in runs for case, why in run.failures]
    if failures:
        lines += ["", "Failed:", ""] + failures
    return "\n".join(lines) + "\n"


HEAD = """\
# Autobahn TestSuite: results

Written by [`engine.sh`](engine.sh), [`adapters.sh`](adapters.sh) and [`h2/autobahn.sh`](../h2/autobahn.sh). How many cases passed, strictly: OK, not NON-STRICT, not
UNIMPLEMENTED. The three cases that can only be informational are
{informational}.
"""


def write(path, name, text):
    """Puts a part in its place among the others."""
    try:
        with open(path) as file:
            _, *parts = file.read().split("\n## ")
    except FileNotFoundError:
        parts = []
    parts = {part.split("\n", 1)[0]: "## " + part.rstrip("\n") + "\n" for part in parts}
    parts[name] = text
    head = HEAD.format(informational=", ".join(sorted(INFORMATIONAL)))
    with open(path, "w") as file:
        file.write("\n".join([head, *parts.values()]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--crate", required=True)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--part", required=True)
    parser.add_argument("--sections", required=True)
    parser.add_argument("--cases", choices=["full", "cut"], default="full")
    parser.add_argument("--write", metavar="FILE")
    parser.add_argument("runs", nargs="+", metavar="NAME=index.json[,index.json]")
    args = parser.parse_args()
    known = SECTIONS if args.cases == "full" else CUT
    sections = {section: known[section] for section in args.sections.split(",")}
    runs = [Run(*run.split("=", 1), sections) for run in args.runs]
    text = part(args.part, args.crate, args.suite, runs, sections)
    print(text)
    if args.write:
        write(args.write, args.part, text)
    passed = sum(sum(run.passed.values()) for run in runs)
    failed = sum(run.failed for run in runs)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
