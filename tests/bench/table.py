#!/usr/bin/env python3
"""What the bench measured, as one table for people, and as the one in the README.

usage: table.py RESULTS [MORE]... [--merge FILE] [--readme FILE]
Prints the table of the rows of all files. --merge writes them as one file; --readme puts the
README's table, and when and where it was measured, between its two marks.
The exit code is 1 when a goal is missed or a part could not be measured.
"""

import argparse
import json
import math
import sys

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NAME_WIDTH = 52
COLUMNS = ("p50", "min", "p99", "cpu ms", "n")


def read(path):
    with open(path, encoding="utf-8") as file:
        results = json.load(file)
    return {"rows": micro_rows(results)} if "benchmarks" in results else results


def micro_rows(results):
    """What Google Benchmark measured, in rows like the others."""
    found = {}
    for each in results["benchmarks"]:
        if each.get("error_occurred"):
            raise ValueError(f"{each['name']}: {each['error_message']}")
        if each["run_type"] == "iteration":
            found.setdefault(each["run_name"], []).append(each)
    return [{"part": "micro", "name": name, "unit": runs[0]["time_unit"],
             "ours": summed_up([each["cpu_time"] for each in runs])} for name, runs in found.items()]


def summed_up(values):
    def percentile(percent):  # by the nearest rank
        return sorted(values)[max(math.ceil(percent / 100 * len(values)), 1) - 1]

    return {"p50": percentile(50), "min": min(values), "p99": percentile(99), "n": len(values)}


def merge(results):
    """All come from one run: one of them says where and when that was."""
    whole = {key: value for each in results for key, value in each.items()}
    return {**whole, "rows": [row for each in results for row in each["rows"]]}


def number(value):
    """Three digits that count, at most three behind the point."""
    if value is None:
        return ""
    size = abs(value)
    digits = 0 if size >= 100 or value == 0 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:.{digits}f}"


def cells(side):
    count = "" if side["n"] == 1 else str(side["n"])
    spread = [number(side[key]) if side["n"] > 1 else "" for key in ("min", "p99")]
    return [number(side["p50"]), *spread, number(side.get("cpu")), count]


def line(name, unit, values, rest=""):
    return (f"{name:{NAME_WIDTH}} {unit:>4}" + "".join(f"{each:>9}" for each in values) +
            (f"  {rest}" if rest else "")).rstrip()


def spell_goal(goal):
    bound = f"at most {goal['most']:.4g}" if "most" in goal else f"at least {goal['least']:.4g}"
    of = "" if goal["of"] == "ratio" else f"{goal['of']} "
    return f"{of}{bound}: {'met' if goal['met'] else 'NOT MET'}"


def is_met(row):
    return row.get("goal", {}).get("met", True)


def text_lines(results):
    yield line("", "", [*COLUMNS, "ratio"], "goal")
    part = ""
    for row in results["rows"]:
        if row["part"] != part:
            part = row["part"]
            yield f"-- {part}"
        ratio = [f"{row['ratio']:.2f}"] if "ratio" in row else [""]
        yield line(row["name"], row["unit"], cells(row["ours"]) + ratio,
                   spell_goal(row["goal"]) if "goal" in row else "")
        if "reference" in row:
            yield line("  " + row["reference"]["name"], row["unit"], cells(row["reference"]))
    for failure in results.get("failed", []):
        yield f"NOT MEASURED: {failure}"
    unmet = [row["name"] for row in results["rows"] if not is_met(row)]
    yield f"{len(unmet)} not met" + "".join(f"\n  {name}" for name in unmet)


def where(results):
    """When and where that was, and of what."""
    version = f"{results['version']} of {results['commit']}" if results["commit"] else (
        results["version"])
    accelerator = "without KVM" if results["accelerator"] == "tcg" else results["accelerator"]
    return (f"{results['date']} with ivshmemd {version}, QEMU {results['qemu']} {accelerator}, "
            f"{results['processor']}, {results['cores']} cores")


OTHER = "the other build"  # as the bench calls it
OTHER_IS = "The other build is an earlier ivshmemd, which `IVSHMEMD_BENCH_AGAINST` named."


def figure(side, unit, of_tail=False):
    """A median, and where there are many the range in which nearly all lie; or that tail alone."""
    if of_tail:
        return f"{number(side['p99'])} {unit}"
    text = f"{number(side['p50'])} {unit}".strip()
    if side["n"] > 1:
        text += f" ({number(side['min'])} to {number(side['p99'])})"
    return text


def markdown_lines(results):
    yield "What it costs, as `./dev bench --readme` wrote it here: medians, in brackets the least and the 99th"
    yield "percentile, each in turns with what stands beside it."
    yield f"Measured on {where(results)}."
    yield ""
    yield "| | here | beside it | ratio |"
    yield "|---|---|---|---|"
    for row in results["rows"]:
        if row["part"] == "micro":
            continue
        of_tail = row.get("goal", {}).get("of") == "ratio of p99"
        beside, ratio = "", ""
        if "reference" in row:
            there = figure(row["reference"], row["unit"], of_tail)
            beside, ratio = f"{row['reference']['name']}: {there}", f"{row['ratio']:.2f}"
        here = figure(row["ours"], row["unit"], of_tail)
        yield f"| {row['name']} | {here} | {beside} | {ratio} |"
    if any(row.get("reference", {}).get("name") == OTHER for row in results["rows"]):
        yield from ("", OTHER_IS)


def rewrite(text, results):
    """The README with a new table; whatever stands outside of the marks stays."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        raise ValueError(f"there must be one {BEGIN} and, behind it, one {END}")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + "\n".join([BEGIN, *markdown_lines(results), END]) + after


def main(arguments):
    parser = argparse.ArgumentParser(add_help=True)
    parser.add_argument("results", nargs="+")
    parser.add_argument("--merge")
    parser.add_argument("--readme")
    options = parser.parse_args(arguments)
    results = merge([read(path) for path in options.results])
    print("\n".join(text_lines(results)))
    if options.merge:
        with open(options.merge, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)
            file.write("\n")
    if options.readme and not results.get("failed"):
        with open(options.readme, encoding="utf-8") as file:
            text = rewrite(file.read(), results)
        with open(options.readme, "w", encoding="utf-8") as file:
            file.write(text)
    return 0 if all(map(is_met, results["rows"])) and not results.get("failed") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
