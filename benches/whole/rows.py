"""The rows of the target table: each measures one piece of work of dsv beside its floor."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import measure
from data import GIB, MIB, small_file
from measure import output, pairs, repeat, run, size_of

HUNDRED_THOUSAND, MILLION, CROWDED = 100_000, 1_000_000, 200_000


@dataclass
class Check:
    """One target, and what was measured."""

    what: str
    measured: float
    limit: float
    unit: str
    """`ratio`, `s`, `bytes` or `files`."""
    strict: bool = False
    """The limit itself is too much."""

    def met(self):
        """Whether the target was reached."""
        return self.measured < self.limit if self.strict else self.measured <= self.limit


@dataclass
class Row:
    """What one row of the table found."""

    name: str
    work: str
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    """More that was measured: name with its unit to value."""

    def note(self, label, measured):
        """Keeps the figures of `Pairs` or of a list of samples."""
        if isinstance(measured, measure.Pairs):
            self.note(label, measured.subject)
            self.note(f"{label} floor", measured.floor)
            return
        self.figures[f"{label} wall s"] = measure.median(sample.wall for sample in measured)
        self.figures[f"{label} cpu s"] = measure.median(sample.cpu for sample in measured)
        self.figures[f"{label} peak bytes"] = max(sample.peak for sample in measured)


class Bench:
    """What the rows share: the data sets, the program, and the folder where repositories and copies are made.

    Trees of many files are never removed while measuring: the file system hands their inodes out again only
    minutes later, and whatever comes next is slowed. They are renamed out of the way instead.
    """

    def __init__(self, dsv, sets, work, runs, say):
        self.dsv, self.sets, self.runs, self.say = Path(dsv), sets, runs, say
        self.work = Path(work)
        self.env = measure.environment(work)
        self.made = 0
        self.ready = set()
        self.random_folder = None

    def fresh(self, name):
        """A path in the work folder that nothing has used."""
        self.made += 1
        return self.work / f"{name}-{self.made}"

    def call(self, *arguments, cwd):
        """Runs dsv without measuring it, and gives what it prints."""
        return output([self.dsv, *arguments], cwd, self.env)

    def timed(self, *arguments, cwd):
        """Runs dsv and measures it."""
        return run([self.dsv, *arguments], cwd, self.env)

    def init(self, folder):
        """Makes the folder a repository without a version; its old one, of few files, is removed."""
        shutil.rmtree(folder / ".dsv", ignore_errors=True)
        self.call("init", "--dataset", "bench", cwd=folder)

    def add_commit(self, folder, path="."):
        """`add` and `commit`, measured together."""
        sample = run(f"'{self.dsv}' add '{path}' && '{self.dsv}' commit -m measured", folder, self.env)
        self.ready.add(folder)
        return sample

    def committed(self, folder):
        """Sees that what is in the folder is a version, unless an earlier row did."""
        if folder not in self.ready:
            self.init(folder)
            self.add_commit(folder)

    def random(self):
        """The worktree of the large incompressible file, shared by the rows on it, and the file's two versions."""
        old, new = self.sets.random("random", 4 * GIB)
        if self.random_folder is None:
            self.random_folder = self.large(old, "random.bin")
            measure.warm(self.random_folder)
        return self.random_folder, old, new

    def large(self, source, name):
        """A worktree of one file: a copy of `source` under `name`."""
        folder = self.fresh("large")
        folder.mkdir()
        place(source, folder / name)
        return folder

    def small(self):
        """The worktree of 100,000 small files."""
        return self.warmed("small", HUNDRED_THOUSAND, 0)

    def million(self):
        """The worktree of a million small files, a fifth of them in one folder."""
        return self.warmed("million", MILLION, CROWDED)

    def warmed(self, name, count, crowded):
        """A worktree of small files whose bytes are in the page cache."""
        folder = self.sets.small(name, count, crowded)
        measure.warm(folder / "files")
        return folder


def place(source, target):
    """Puts a file in a worktree: a copy of its own inode, with a change time of now."""
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)


def add_small(bench):
    """100,000 small files: `add` and `commit` against `cp -r`."""
    folder = bench.small()
    row = Row("add-100k", "add + commit of 100,000 files of 1 to 8 KiB")

    def subject(_):
        bench.init(folder)
        return bench.add_commit(folder)

    def floor(_):
        return run(["cp", "-r", folder / "files", bench.fresh("copy")], folder, bench.env)

    measured = pairs(bench.runs, subject, floor)
    stored = size_of(folder / ".dsv")
    row.note("add + commit", measured)
    row.figures.update({"store bytes": stored.bytes, "data bytes": size_of(folder / "files").bytes})
    row.checks = [
        Check("time of `cp -r`", measured.ratio(), 0.8, "ratio"),
        Check("files in `.dsv`", stored.files, 100, "files", strict=True),
        Check("memory", measured.peak(), 256 * MIB, "bytes", strict=True),
    ]
    return row


def add_million(bench):
    """A million small files: `add` and `commit` against ten times fewer."""
    base, folder = bench.small(), bench.million()
    row = Row("add-1m", "the same with 1,000,000 files, 200,000 of them in one folder")

    def add(worktree):
        bench.init(worktree)
        return bench.add_commit(worktree)

    measured = pairs(bench.runs, lambda _: add(folder), lambda _: add(base), warm_up=False)
    stored = size_of(folder / ".dsv")
    row.note("add + commit", measured)
    row.figures["store bytes"] = stored.bytes
    row.checks = [
        Check("time for 100,000", measured.ratio(), 11, "ratio"),
        Check("memory", measured.peak(), 512 * MIB, "bytes", strict=True),
        Check("files in `.dsv`", stored.files, 1000, "files", strict=True),
    ]
    return row


def add_random(bench):
    """One large incompressible file: `add` and `commit` against hashing it."""
    folder, _, _ = bench.random()
    row = Row("add-4g", "add + commit of one incompressible file of 4 GiB, in the page cache")

    def subject(_):
        bench.init(folder)
        return bench.add_commit(folder)

    def floor(_):
        return run(["openssl", "dgst", "-sha256", "random.bin"], folder, bench.env)

    measured = pairs(bench.runs, subject, floor)
    row.note("add + commit", measured)
    row.figures["store bytes"] = size_of(folder / ".dsv").bytes
    row.checks = [
        Check("time of `openssl dgst -sha256`", measured.ratio(), 1.5, "ratio"),
        Check("memory", measured.peak(), 256 * MIB, "bytes", strict=True),
    ]
    return row


def checkout_random(bench):
    """`checkout` of the large file against `cp`."""
    folder, old, _ = bench.random()
    bench.committed(folder)
    row = Row("checkout-4g", "`checkout` of the 4 GiB file")
    copy = bench.fresh("copy")

    def subject(_):
        (folder / "random.bin").unlink(missing_ok=True)
        return bench.timed("checkout", "--force", "HEAD", cwd=folder)

    def floor(_):
        copy.unlink(missing_ok=True)
        return run(["cp", old, copy], folder, bench.env)

    measured = pairs(bench.runs, subject, floor)
    run(["cmp", old, folder / "random.bin"], folder, bench.env)
    row.note("checkout", measured)
    row.checks = [
        Check("time of `cp`", measured.ratio(), 1.5, "ratio"),
        Check("memory", measured.peak(), 256 * MIB, "bytes", strict=True),
    ]
    copy.unlink()
    return row


def insert_random(bench):
    """The same file with 1 MiB inserted: what the store grows by."""
    folder, _, new = bench.random()
    bench.committed(folder)
    row = Row("insert-4g", "the second version after 1 MiB was inserted at 30 % of it")
    before = size_of(folder / ".dsv").bytes
    place(new, folder / "random.bin")
    measure.settle()
    row.note("second add + commit", [bench.add_commit(folder)])
    grown = size_of(folder / ".dsv").bytes - before
    row.checks = [Check("store grows by", grown, 3 * MIB, "bytes", strict=True)]
    shutil.rmtree(folder)
    bench.random_folder = None
    bench.ready.discard(folder)
    return row


def table(bench):
    """A large CSV and its second version."""
    old, new = bench.sets.table("table", 2 * GIB)
    row = Row("csv-2g", "a CSV of 2 GiB, then 1,000 rows edited at random places")
    folder = bench.large(old, "table.csv")
    sizes = {}

    def version(file):
        place(file, folder / "table.csv")
        measure.warm(folder)
        measure.settle()
        sample = run([bench.dsv, "add", "table.csv"], folder, bench.env)
        bench.call("commit", "-m", "measured", cwd=folder)
        sizes[file] = size_of(folder / ".dsv").bytes
        return sample

    first, second = [], []
    for _ in range(bench.runs):
        bench.init(folder)
        first.append(version(old))
        second.append(version(new))
    row.note("first add", first)
    row.note("second add", second)
    slower = measure.median(late.wall / early.wall for early, late in zip(first, second))
    row.figures["store bytes"] = sizes[old]
    row.checks = [
        Check("store, of the file", sizes[old] / old.stat().st_size, 0.5, "ratio"),
        Check("store grows by", sizes[new] - sizes[old], 45 * MIB, "bytes", strict=True),
        Check("second `add`, of the time of the first", slower, 1.0, "ratio"),
    ]
    shutil.rmtree(folder)
    return row


def add_one(bench):
    """One new file in a committed dataset of a million."""
    folder = bench.million()
    bench.committed(folder)
    row = Row("add-one-1m", "one file added to a committed dataset of 1,000,000")

    added = []

    def subject(number):
        suffix, data = small_file(bench.sets.SEED, 2 * MILLION + number)
        name = f"files/crowded/new-{number + 1}.{suffix}"
        (folder / name).write_bytes(data)
        added.append(folder / name)
        return bench.add_commit(folder, name)

    samples = repeat(bench.runs, subject)
    for path in added:  # the data set stays as its recipe says
        path.unlink()
    bench.add_commit(folder)
    row.note("add + commit", samples)
    row.checks = [Check("wall time", row.figures["add + commit wall s"], 1.0, "s", strict=True)]
    return row


def status(bench):
    """`status` of a million unchanged files against reading their facts."""
    folder = bench.million()
    bench.committed(folder)
    row = Row("status-1m", "`status`, nothing changed, 1,000,000 files")
    measured = pairs(
        bench.runs,
        lambda _: bench.timed("status", cwd=folder),
        lambda _: run(["find", "files", "-printf", "%s %T@\n"], folder, bench.env),
    )
    row.note("status", measured)
    row.checks = [Check("time of `find -printf '%s %T@'`", measured.ratio(), 1.5, "ratio")]
    return row


def sync(bench):
    """`sync` of a million unchanged files in a folder elsewhere against walking it."""
    folder = bench.million()
    repository = bench.fresh("sync")
    repository.mkdir()
    bench.call("init", cwd=repository)
    source = folder / "files"
    bench.call("sync", "--folder", str(source), cwd=repository)
    row = Row("sync-1m", "`sync` of a folder, nothing changed, 1,000,000 files")
    measured = pairs(
        bench.runs,
        lambda _: bench.timed("sync", "--folder", str(source), cwd=repository),
        lambda _: run(["find", str(source), "-printf", "%s %T@\n"], folder, bench.env),
    )
    row.note("sync", measured)
    row.checks = [Check("time of `find -printf '%s %T@'`", measured.ratio(), 1.6, "ratio")]
    return row


def diff(bench):
    """`diff` of two versions of a million files which differ in a hundred."""
    folder = bench.million()
    bench.committed(folder)
    row = Row("diff-1m", "`diff` of two versions of 1,000,000 files which differ in 100")
    before = bench.call("rev-parse", "HEAD", cwd=folder).decode().strip()
    files = sorted(path for path in (folder / "files/part-000").glob("*/*"))
    crowded = sorted((folder / "files/crowded").iterdir())
    chosen = files[:: max(len(files) // 50, 1)][:50] + crowded[:: max(len(crowded) // 50, 1)][:50]
    for path in chosen:
        path.write_bytes(path.read_bytes()[::-1])
    bench.add_commit(folder)
    samples = repeat(bench.runs, lambda _: bench.timed("diff", before, "HEAD", "--summary", cwd=folder))
    for path in chosen:  # the data set stays as its recipe says
        path.write_bytes(path.read_bytes()[::-1])
    bench.add_commit(folder)
    row.note("diff", samples)
    row.figures["files that differ"] = len(chosen)
    row.checks = [Check("wall time", row.figures["diff wall s"], 0.05, "s", strict=True)]
    return row


def checkout_small(bench):
    """`checkout` of 100,000 small files into an empty worktree against `cp -r`."""
    folder = bench.small()
    bench.committed(folder)
    row = Row("checkout-100k", "`checkout` of 100,000 small files into an empty worktree")
    original = bench.fresh("original")
    (folder / "files").rename(original)

    def subject(_):
        if (folder / "files").exists():
            (folder / "files").rename(bench.fresh("checked-out"))
        return bench.timed("checkout", "--force", "HEAD", cwd=folder)

    def floor(_):
        return run(["cp", "-r", original, bench.fresh("copy")], folder, bench.env)

    measured = pairs(bench.runs, subject, floor)
    run(["diff", "-r", original, folder / "files"], folder, bench.env)
    row.note("checkout", measured)
    row.checks = [Check("time of `cp -r`", measured.ratio(), 1.3, "ratio")]
    return row


def store_small(bench):
    """The store of the 100,000 small files against restic's."""
    if shutil.which("restic") is None:
        raise measure.CommandFailed("restic is not installed")
    folder = bench.small()
    bench.committed(folder)
    row = Row("store-100k", "store after the 100,000 small files")
    target = bench.fresh("restic")
    env = {**bench.env, "RESTIC_PASSWORD": "measured", "RESTIC_REPOSITORY": str(target),
           "RESTIC_CACHE_DIR": str(bench.work / "restic-cache")}
    run(["restic", "init"], folder, env)
    row.note("restic backup", [run(["restic", "backup", "files"], folder, env)])
    ours, theirs = size_of(folder / ".dsv"), size_of(target)
    row.figures.update({"dsv store bytes": ours.bytes, "restic store bytes": theirs.bytes,
                        "dsv store allocated bytes": ours.allocated, "restic store allocated bytes": theirs.allocated})
    row.checks = [Check("store of restic", ours.allocated / theirs.allocated, 1.05, "ratio")]
    return row


def startup(bench):
    """What a command costs that has nothing to do."""
    row = Row("startup", "`dsv --version`; `dsv status` in an empty repository")
    folder = bench.fresh("empty")
    folder.mkdir()
    bench.init(folder)
    runs = max(bench.runs, 21)
    row.note("version", repeat(runs, lambda _: bench.timed("--version", cwd=folder)))
    row.note("status", repeat(runs, lambda _: bench.timed("status", cwd=folder)))
    row.checks = [
        Check("`dsv --version`", row.figures["version wall s"], 0.010, "s", strict=True),
        Check("`dsv status`", row.figures["status wall s"], 0.030, "s", strict=True),
    ]
    return row


ROWS = {
    "startup": startup,
    "add-100k": add_small,
    "store-100k": store_small,
    "checkout-100k": checkout_small,
    "add-4g": add_random,
    "checkout-4g": checkout_random,
    "insert-4g": insert_random,
    "csv-2g": table,
    "add-1m": add_million,
    "status-1m": status,
    "sync-1m": sync,
    "add-one-1m": add_one,
    "diff-1m": diff,
}
