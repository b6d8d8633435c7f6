"""Versions a real dataset with a history, checks every byte of it, and prints what it costs.

    python3 benches/real_history.py [--dsv PROGRAM] [--dir FOLDER] [--docs docs/benchmarks.md]

The dataset is the npm package `vega-datasets`: CSV, JSON, Arrow, Parquet and images. Four of its published versions are
committed one after the other and compared; then each is brought back and held against what was published: every file's
bytes, and its SHA-256 as hashlib computes it against the id that dsv prints. Needs npm, or the four packages in FOLDER.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

PACKAGE = "vega-datasets"
VERSIONS = {
    "1.31.1": "4880fb755559bb0d709aa836ab2f1887ccd273abf880d6fdfb1a1cf14fbbe8df",
    "2.5.4": "56a56c864ad6435e64f74f33cfd4374edb0514ebec6afc7c8a1edc3e4d005919",
    "2.11.0": "d888f3d9f0a9799a2f6066e5dbe5ed40eb86f75b4568b493d9bdd55e9652050a",
    "3.2.1": "6f72fda460a9863fae5fcb32f85bcd49e1761fdea6dc6cf9f4962472881cc5a3",
}
"""Each version and the SHA-256 of its package."""
BEGIN, END = "<!-- begin: real history -->", "<!-- end: real history -->"
ID = re.compile(rb"\b[0-9a-f]{64}\b")


class Mismatch(Exception):
    """Something came back other than it was published."""


def sha256(path):
    """The SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(folder, version):
    """The published version, unpacked below `folder`."""
    package = folder / f"{PACKAGE}-{version}.tgz"
    if not package.exists():
        subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{version}"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
    found = sha256(package)
    if found != VERSIONS[version]:
        raise Mismatch(f"{package} is not what was published: SHA-256 {found}")
    unpacked = folder / version
    if not unpacked.exists():
        with tarfile.open(package) as archive:
            archive.extractall(unpacked, filter="data")
    return unpacked / "package"


def files_of(folder):
    """Relative path to SHA-256 of every file below `folder`, `.dsv` left out."""
    found = {}
    for where, folders, names in os.walk(folder):
        if ".dsv" in folders:
            folders.remove(".dsv")
        for name in names:
            path = Path(where, name)
            found[os.fsencode(path.relative_to(folder))] = sha256(path)
    return found


class Dsv:
    """The program in one repository, in an environment of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "DSV_AUTHOR_NAME": "Eva",
                    "DSV_AUTHOR_EMAIL": "eva@example.com", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}

    def __call__(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], cwd=self.folder, env=self.env,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise Mismatch(f"dsv {' '.join(map(str, arguments))} exited with {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def ids(self, revision):
        """Path to id of every file of a version, as `ls-tree` prints it."""
        found = {}
        for line in self("ls-tree", "-r", "-z", revision).split(b"\0"):
            if line:
                facts, path = line.split(b"\t", 1)
                found[path] = ID.search(facts).group().decode()
        return found


def replace_content(worktree, published):
    """Makes the worktree hold what was published, and nothing else."""
    for entry in worktree.iterdir():
        if entry.name != ".dsv":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(published, worktree, dirs_exist_ok=True)


def same(what, expected, found):
    """Raises `Mismatch` with the paths that differ."""
    if expected != found:
        wrong = [path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path)]
        raise Mismatch(f"{what}: {len(wrong)} files differ, among them {sorted(wrong)[:5]}")


def main():
    """Commits, compares, brings back, checks, reports."""
    root = Path(__file__).resolve().parents[1]
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dsv", type=Path, default=target / "release/dsv")
    parser.add_argument("--dir", type=Path, default=target / "real-history")
    parser.add_argument("--docs", type=Path, help="a page to put the figures in, between its two marks")
    options = parser.parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    worktree = options.dir.resolve() / "repository"
    shutil.rmtree(worktree, ignore_errors=True)
    worktree.mkdir()
    dsv = Dsv(options.dsv.resolve(), worktree)
    dsv("init", "--dataset", "vega")

    published, lines = {}, ["| version | files | bytes | stored after it | change to the version before |", "|---|---|---|---|---|"]
    for version in VERSIONS:
        folder = fetch(options.dir.resolve(), version)
        replace_content(worktree, folder)
        dsv("add", ".")
        dsv("commit", "-m", f"{PACKAGE} {version}", "--label", version)
        published[version] = files_of(folder)
        stored = sum(path.stat().st_size for path in (worktree / ".dsv").rglob("*") if path.is_file())
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        change = dsv("diff", "HEAD~1", "HEAD", "--summary").decode().strip() if len(published) > 1 else ""
        lines.append(f"| {version} | {len(published[version])} | {size:,} | {stored:,} | {change} |")

    for version, expected in reversed(published.items()):
        revision = f"vega@{version}"
        dsv("checkout", revision)
        same(f"{revision} on disk", expected, files_of(worktree))
        same(f"ids of {revision}", expected, dsv.ids(revision))
        hashed = dsv("hash-object", *(os.fsdecode(path) for path in expected)).decode().split()
        if hashed != list(expected.values()):
            raise Mismatch(f"hash-object of the files of {revision} is not their SHA-256")
        dsv("verify", revision)
    dsv("fsck", "--full")

    count = sum(map(len, published.values()))
    report = "\n".join([
        *lines, "",
        f"All {len(published)} versions came back byte for byte; the ids of all {count} files are their SHA-256.",
        "`dsv info vega`:", "", "```text", dsv("info", "vega").decode().rstrip(), "```", ""])
    print(report)
    if options.docs:
        before, rest = options.docs.read_text().split(BEGIN, 1)
        options.docs.write_text(f"{before}{BEGIN}\n{report}{END}{rest.split(END, 1)[1]}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Mismatch as failure:
        sys.exit(f"error: {failure}")
