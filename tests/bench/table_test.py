#!/usr/bin/env python3
"""What becomes of the bench's results, and that the README's table is one that was generated.

usage: table_test.py README [unittest arguments]
"""

import contextlib
import copy
import io
import json
import re
import sys
import tempfile
import unittest

import table

README = ""
SIDE = {"p50": 3.456, "min": 3.1, "p99": 12.34, "n": 200, "cpu": 0.9}
RESULTS = {
    "date": "2026-11-30", "qemu": "7.2.22", "accelerator": "tcg", "processor": "A Processor",
    "cores": 2, "version": "0.1.0", "commit": "abc1234",
    "rows": [
        {"part": "hotplug", "name": "attach", "unit": "ms", "ours": SIDE,
         "reference": {**SIDE, "p50": 3.0, "name": "by hand"}, "ratio": 1.152,
         "goal": {"of": "ratio", "most": 1.1, "met": False}},
        {"part": "process", "name": "memory", "unit": "MiB",
         "ours": {"p50": 123.4, "min": 123.4, "p99": 123.4, "n": 1},
         "goal": {"of": "p50", "most": 200, "met": True}},
        {"part": "micro", "name": "framing", "unit": "us", "ours": SIDE},
    ],
}


def written(directory, name, content):
    path = f"{directory}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
    return path


class Table(unittest.TestCase):
    def test_numbers_have_three_digits_that_count(self):
        for value, text in ((0, "0"), (0.0123, "0.012"), (0.123, "0.12"), (3.456, "3.46"),
                            (12.34, "12.3"), (123.4, "123"), (1234.5, "1234"), (-3.456, "-3.46"),
                            (None, "")):
            self.assertEqual(table.number(value), text)

    def test_text_names_each_part_once_and_ends_in_what_is_not_met(self):
        lines = list(table.text_lines(RESULTS))
        self.assertEqual([each for each in lines if each.startswith("-- ")],
                         ["-- hotplug", "-- process", "-- micro"])
        self.assertEqual(lines[2].split(), ["attach", "ms", "3.46", "3.10", "12.3", "0.90", "200",
                                            "1.15", "at", "most", "1.1:", "NOT", "MET"])
        self.assertEqual(lines[3].split(), ["by", "hand", "ms", "3.00", "3.10", "12.3", "0.90",
                                            "200"])
        self.assertEqual(lines[5].split(),
                         ["memory", "MiB", "123", "p50", "at", "most", "200:", "met"])
        self.assertEqual(lines[-1], "1 not met\n  attach")

    def test_markdown_has_a_row_for_each_figure_but_the_microscopic(self):
        lines = list(table.markdown_lines(RESULTS))
        self.assertEqual(lines[2], "Measured on 2026-11-30 with ivshmemd 0.1.0 of abc1234, QEMU 7.2.22 "
                                   "without KVM, A Processor, 2 cores.")
        self.assertEqual(lines[lines.index("|---|---|---|---|") + 1:],
                         ["| attach | 3.46 ms (3.10 to 12.3) | by hand: 3.00 ms (3.10 to 12.3) | "
                          "1.15 |", "| memory | 123 MiB |  |  |"])

    def test_markdown_says_what_the_other_build_is_where_there_is_one(self):
        row = RESULTS["rows"][0]
        beside = {**row, "reference": {**row["reference"], "name": table.OTHER}}
        self.assertEqual(list(table.markdown_lines({**RESULTS, "rows": [beside]}))[-1], table.OTHER_IS)
        self.assertNotIn(table.OTHER_IS, table.markdown_lines(RESULTS))

    def test_markdown_of_a_tail_shows_the_tail(self):
        row = {**RESULTS["rows"][0], "goal": {"of": "ratio of p99", "most": 1.25, "met": True}}
        self.assertEqual(list(table.markdown_lines({**RESULTS, "rows": [row]}))[-1],
                         "| attach | 12.3 ms | by hand: 12.3 ms | 1.15 |")

    def test_a_goal_may_be_a_least(self):
        self.assertEqual(table.spell_goal({"of": "ratio", "least": 4, "met": True}),
                         "at least 4: met")
        self.assertEqual(table.spell_goal({"of": "p99", "most": 20, "met": False}),
                         "p99 at most 20: NOT MET")

    def test_rewrites_only_what_is_between_the_marks(self):
        text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
        once = table.rewrite(text, RESULTS)
        self.assertTrue(once.startswith(f"before\n{table.BEGIN}\nWhat it costs,"))
        self.assertTrue(once.endswith(f"|\n{table.END}\nafter\n"))
        self.assertNotIn("old", once)
        self.assertEqual(table.rewrite(once, RESULTS), once)

    def test_refuses_a_text_without_its_marks(self):
        for text in ("", table.BEGIN, f"{table.END} {table.BEGIN}",
                     f"{table.BEGIN} {table.BEGIN} {table.END}"):
            with self.assertRaises(ValueError):
                table.rewrite(text, RESULTS)

    def test_reads_what_google_benchmark_writes(self):
        runs = [{"name": "f", "run_name": "f", "run_type": "iteration", "time_unit": "ns",
                 "real_time": 9, "cpu_time": time} for time in (3, 1, 2)]
        mean = {"name": "f_mean", "run_name": "f", "run_type": "aggregate", "cpu_time": 7}
        rows = table.micro_rows({"benchmarks": [*runs, mean]})
        self.assertEqual(rows, [{"part": "micro", "name": "f", "unit": "ns",
                                 "ours": {"p50": 2, "min": 1, "p99": 3, "n": 3}}])
        with self.assertRaises(ValueError):
            table.micro_rows({"benchmarks": [{"name": "f", "error_occurred": True,
                                              "error_message": "refused"}]})

    def test_what_could_not_be_measured_is_a_failure_and_leaves_the_readme(self):
        failed = {**RESULTS, "rows": RESULTS["rows"][1:2], "failed": ["scale: no room"]}
        with tempfile.TemporaryDirectory(prefix="ivshmemd-table-") as directory:
            readme = written(directory, "2", "as it was")
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                code = table.main([written(directory, "1", failed), "--readme", readme])
            self.assertEqual(code, 1)
            self.assertIn("NOT MEASURED: scale: no room\n", printed.getvalue())
            with open(readme, encoding="utf-8") as file:
                self.assertEqual(file.read(), "as it was")

    def test_merges_prints_and_tells_by_its_exit_code(self):
        good = copy.deepcopy(RESULTS)
        good["rows"] = good["rows"][1:2]
        with tempfile.TemporaryDirectory(prefix="ivshmemd-table-") as directory:
            first, second = written(directory, "1", good), written(directory, "2", RESULTS)
            readme = written(directory, "3", f"{table.BEGIN}\n{table.END}\n")
            merged = f"{directory}/4"
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                self.assertEqual(table.main([first]), 0)
                code = table.main([first, second, "--merge", merged, "--readme", readme])
            self.assertEqual(code, 1)
            self.assertIn("memory", printed.getvalue())
            self.assertEqual(table.read(merged)["rows"], good["rows"] + RESULTS["rows"])
            with open(readme, encoding="utf-8") as file:
                self.assertIn("| attach |", file.read())


class Readme(unittest.TestCase):
    """Whose table may be of any day, but is of the shape that is generated now."""

    def test_has_a_generated_table(self):
        with open(README, encoding="utf-8") as file:
            text = file.read()
        inner = text[text.index(table.BEGIN):text.index(table.END)].splitlines()[1:]
        expected = list(table.markdown_lines(RESULTS))
        head = expected.index("|---|---|---|---|") + 1
        self.assertEqual(inner[:2] + inner[3:head], expected[:2] + expected[3:head])
        self.assertRegex(inner[2], r"^Measured on \d{4}-\d\d-\d\d with ivshmemd \S+( of \S+)?, "
                                   r"QEMU \d+\.\d+\S* .+, \d+ cores\.$")
        self.assertGreater(len(inner), head + 20)
        figure = r"-?[\d.]+[^|]*"
        row = re.compile(rf"^\| [^|]+ \| {figure} \| ([^|]+: {figure} \| [\d.]+ \|| \|  \|)$")
        for each in inner[head:]:
            if each not in ("", table.OTHER_IS):
                self.assertRegex(each, row)


if __name__ == "__main__":
    README = sys.argv.pop(1)
    unittest.main(verbosity=2)
