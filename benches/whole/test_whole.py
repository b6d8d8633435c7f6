"""Tests of the benchmark's own parts: that the data are what they are said to be, and the report says what was measured."""

import hashlib
import itertools
import os
import tempfile
import types
import unittest
import zlib
from pathlib import Path

import data
import measure
import report
import rows

GOLDEN_SMALL = "07c9d8d489fc1eafb134cb3e9c62c1a88e521bdaa44b4725599ae3d30a7ff9c5"
GOLDEN_TABLE = "a781bba681d841fb134f61bc9e3f67042a9741972ac2692488ffefbcc3992823"


class SmallFiles(unittest.TestCase):
    def test_they_are_the_same_on_every_machine(self):
        digest = hashlib.sha256()
        for number in range(60):
            suffix, content = data.small_file(7, number)
            digest.update(suffix.encode() + content)
        self.assertEqual(digest.hexdigest(), GOLDEN_SMALL)

    def test_sizes_and_compressibility(self):
        files = [data.small_file(1, number)[1] for number in range(600)]
        self.assertTrue(all(1024 <= len(file) <= 8192 for file in files))
        self.assertTrue(4000 < sum(map(len, files)) / len(files) < 5000)
        ratio = sum(len(zlib.compress(file)) for file in files) / sum(map(len, files))
        self.assertTrue(0.6 < ratio < 0.7, ratio)

    def test_no_two_are_alike(self):
        self.assertEqual(len({data.small_file(1, number)[1] for number in range(600)}), 600)

    def test_the_layout_holds_each_file_once(self):
        folders = data.layout(10_000, 3, crowded=2_000)
        self.assertEqual(sum(files for _, files in folders), 10_000)
        self.assertEqual(dict(folders)["crowded"], 2_000)
        self.assertTrue(all(100 <= files <= 1000 for _, files in folders[1:-1]))
        with tempfile.TemporaryDirectory() as folder:
            data.make_small(folder, 1_234, 3, crowded=200)
            self.assertEqual(measure.size_of(folder).files, 1_234)
            self.assertEqual(len(os.listdir(f"{folder}/crowded")), 200)


class LargeFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.old, self.new = Path(folder.name) / "old", Path(folder.name) / "new"

    def test_the_table_is_the_same_on_every_machine(self):
        self.assertEqual(hashlib.sha256(data.table_block((1, 7))).hexdigest(), GOLDEN_TABLE)

    def test_a_table_ends_with_a_whole_row(self):
        data.make_table(self.old, 3_000_000, 7)
        table = self.old.read_bytes()
        self.assertTrue(3_000_000 - 200 < len(table) <= 3_000_000)
        self.assertTrue(all(line.count(b",") == 7 for line in table.splitlines()))

    def test_rows_are_edited_and_nothing_else(self):
        data.make_table(self.old, 3_000_000, 7)
        data.edit_rows(self.old, self.new, 50, 8)
        pairs = list(itertools.zip_longest(self.old.read_bytes().splitlines(), self.new.read_bytes().splitlines()))
        edited = [(old, new) for old, new in pairs if old != new]
        self.assertTrue(45 <= len(edited) <= 50)
        for old, new in edited:
            self.assertIn(b"corrected", new)
            self.assertEqual(old.split(b",")[:6], new.split(b",")[:6])

    def test_random_bytes_and_an_insertion(self):
        data.make_random(self.old, 1_000_000, 7)
        data.insert(self.old, self.new, 1_000, 8)
        old, new = self.old.read_bytes(), self.new.read_bytes()
        self.assertGreaterEqual(len(zlib.compress(old)), 1_000_000)
        self.assertEqual((new[:300_000], new[301_000:]), (old[:300_000], old[300_000:]))


class Measuring(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.env = measure.environment(self.folder)

    def test_time_and_memory_of_a_command(self):
        sample = measure.run("sleep 0.2", self.folder, self.env)
        self.assertTrue(0.2 <= sample.wall < 2 and sample.cpu < 0.2)
        line = "x = bytearray(200_000_000)"
        sample = measure.run(["python3", "-c", line], self.folder, {**self.env, "PATH": os.environ["PATH"]})
        self.assertTrue(sample.peak > 200_000_000)

    def test_a_failing_command_says_why(self):
        with self.assertRaisesRegex(measure.CommandFailed, "no luck"):
            measure.run("echo no luck >&2; exit 3", self.folder, self.env)

    def test_pairs_alternate_and_drop_the_first(self):
        order = []

        def command(name, wall):
            return lambda number: order.append((name, number)) or measure.Sample(wall, 0, 0)

        pairs = measure.pairs(2, command("dsv", 3.0), command("floor", 2.0))
        self.assertEqual(order, [("floor", -1), ("dsv", -1), ("dsv", 0), ("floor", 0), ("floor", 1), ("dsv", 1)])
        self.assertEqual((len(pairs.subject), pairs.ratio()), (2, 1.5))

    def test_size_of_a_folder(self):
        (self.folder / "sub").mkdir()
        (self.folder / "sub/file").write_bytes(b"12345")
        size = measure.size_of(self.folder / "sub", self.folder / "absent")
        self.assertEqual((size.bytes, size.files), (5, 1))


class Reporting(unittest.TestCase):
    def test_a_missed_target_is_said(self):
        row = rows.Row("name", "some work", [
            rows.Check("time of `cp`", 1.25, 1.5, "ratio"),
            rows.Check("memory", 300 * data.MIB, 256 * data.MIB, "bytes", strict=True),
        ], {"add wall s": 1.5})
        table = report.rows_table([row])
        self.assertIn("| some work | time of `cp`: at most 1.50 | 1.25 | met | add 1.5 |", table)
        self.assertIn("|  | memory: under 256 MiB | 300 MiB | **missed** |  |", table)

    def test_a_strict_limit_is_too_much(self):
        self.assertFalse(rows.Check("files", 100, 100, "files", strict=True).met())
        self.assertTrue(rows.Check("files", 100, 100, "files").met())

    def test_a_page_keeps_what_is_around_the_marks(self):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.md"
            page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
            report.replace_between(page, "new\n")
            self.assertEqual(page.read_text(), f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n")

    def test_a_scaled_run_is_marked(self):
        about = dict.fromkeys(("cores", "cpu", "memory GiB", "kernel", "file system", "dsv", "date"), "x")
        options = types.SimpleNamespace(runs=5, scale=0.1)
        self.assertIn("Scaled", report.markdown(about, options, [], {}, []))


if __name__ == "__main__":
    unittest.main()
