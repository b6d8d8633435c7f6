#!/usr/bin/env python3
"""Times the dataset workflow at full size: `python3 benches/workflow.py [--dir FOLDER] [--rounds N] [--scale S]`.

Repositories are made by plumbing commands: 10,000 versions in 500 datasets, and versions of 500,000 and 1,000,000 files. Each
figure is the median, with the minimum and maximum, of whole processes, beside the start of the program (`dsv --version`).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DSV = ROOT / "target/release/dsv"


class Place:
    """A repository, and the environment that its commands run in."""

    def __init__(self, folder: Path, home: Path):
        folder.mkdir()
        self.folder = folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "DSV_AUTHOR_NAME": "Ada", "TZ": "UTC"}
        self.run("init", "--dataset", "main")

    def run(self, *words: str, stdin: bytes = b"", check: bool = True) -> str:
        done = subprocess.run([DSV, *words], cwd=self.folder, env=self.env, input=stdin, capture_output=True)
        if check and done.returncode != 0:
            raise SystemExit(f"dsv {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def time(self, rounds: int, *words: str, before=None) -> list[float]:
        times = []
        for _ in range(rounds):
            if before:
                before()
            start = time.perf_counter()
            self.run(*words)
            times.append(time.perf_counter() - start)
        return times


def show(what: str, times: list[float], target: str) -> None:
    ms = [1000 * t for t in times]
    print(f"{what:<58} {statistics.median(ms):8.0f} ms  ({min(ms):.0f} to {max(ms):.0f})  target {target}", flush=True)


def catalog(place: Place, datasets: int, versions: int) -> None:
    trees = []
    for number in range(versions):
        blob = place.run("hash-object", "-w", "--stdin", stdin=f"content {number}".encode())
        trees.append(place.run("mktree", stdin=f"file {blob}\tdata.csv\n".encode()))
    for dataset in range(datasets):
        name = f"project{dataset % 25}/set{dataset}"
        parent: list[str] = []
        for number in range(versions):
            message = f"Version {number} of set {dataset}: more recordings"
            meta = ["--dataset", name, "--meta", f"rows={dataset * number}"]
            parent = ["-p", place.run("commit-tree", *parent, "-m", message, *meta, trees[number])]
        place.run("update-ref", name, parent[1])
        if dataset % 5 == 0:
            place.run("tag", "gold", name)


def tree(place: Place, files: int, prefix: str, blob: str, other: str = "", changed: range = range(0)) -> str:
    """A tree of files in folders of a thousand each, of which some have another content."""
    lines = []
    changed_set = set(changed)
    for folder in range(0, files, 1000):
        entries = "".join(
            f"file {other if n in changed_set else blob}\t{prefix}{n:07}.jpg\n" for n in range(folder, min(folder + 1000, files))
        )
        lines.append(f"dir {place.run('mktree', stdin=entries.encode())}\tpart{folder // 1000:04}\n")
    return place.run("mktree", stdin="".join(lines).encode())


def version(place: Place, name: str, tree_id: str, *parents: str) -> str:
    flags = [word for parent in parents for word in ("-p", parent)]
    made = place.run("commit-tree", *flags, "-m", f"Version of {name}", "--dataset", name, tree_id)
    place.run("update-ref", name, made)
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path, default=Path("/dev/shm"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="dsv-workflow-", dir=arguments.dir))
    rounds, scale = arguments.rounds, arguments.scale
    try:
        many = Place(base / "many", base)
        catalog(many, int(500 * scale), 20)
        show("start of the program (dsv --version)", many.time(rounds, "--version"), "-")
        show("list, 10,000 versions in 500 datasets", many.time(rounds, "list"), "100 ms")
        show("search of a word, 10,000 versions", many.time(rounds, "search", "recordings", "-n", "20"), "100 ms")
        show("search tag=gold rows>100, 10,000 versions", many.time(rounds, "search", "tag=gold", "rows>100"), "100 ms")
        show("log -n 20 of one dataset, 10,000 versions", many.time(rounds, "log", "-n", "20", "project1/set1"), "100 ms")
        show("log -n 20 --all, 10,000 versions", many.time(rounds, "log", "-n", "20", "--all"), "100 ms")

        large = Place(base / "large", base)
        blob = large.run("hash-object", "-w", "--stdin", stdin=b"one")
        other = large.run("hash-object", "-w", "--stdin", stdin=b"another")
        half, whole = int(500_000 * scale), int(1_000_000 * scale)
        version(large, "a", tree(large, half, "a", blob))
        # Half of the folders of the second parent are those of the first one: every folder is gone through.
        version(large, "b", tree(large, half, "b", blob))

        def undo() -> None:
            large.run("abort", check=False)
            large.run("delete", "--draft", "both", check=False)

        show("create --parents of two parents of 500,000 files", large.time(rounds, "create", "both", "--parents", "a", "b", before=undo), "2000 ms")
        undo()

        step = max(1, whole // 100)
        first = version(large, "ours", tree(large, whole, "x", blob))
        version(large, "ours", tree(large, whole, "x", blob, other, range(0, whole, step)), first)
        version(large, "theirs", tree(large, whole, "x", blob, other, range(step // 2, whole, step)), first)
        target = "200 ms"
        merge_tree = large.time(rounds, "merge-tree", first, "ours", "theirs")
        show("merge-tree of 1,000,000 files, 100 changed on each side", merge_tree, target)
        number = iter(range(1000))

        def stand() -> None:
            # On a dataset of its own in each round, none of whose files are in the folder.
            large.run("create", f"work{next(number)}", "--parents", "ours")
            large.run("commit", "-m", "Begin")

        merge = large.time(rounds, "merge", "theirs", before=stand)
        show("merge, the whole command, no file in the folder", merge, target)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
