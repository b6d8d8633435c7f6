"""Measures whole commands of dsv against floors and against other tools; see benches/README.md.

    python3 benches/whole --dir /a/folder/with/60/GB
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import measure
import peers
import report
import rows
from data import GIB, MIB, Sets


def arguments():
    """The command line."""
    root = Path(__file__).resolve().parents[2]
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    parser = argparse.ArgumentParser(prog="benches/whole", description=__doc__.splitlines()[0])
    parser.add_argument("--dsv", type=Path, default=target / "release/dsv", help="the program to measure")
    parser.add_argument("--dir", type=Path, default=target / "bench-whole", help="where data and repositories are made")
    parser.add_argument("--tools", type=Path, default=target / "peers", help="where benches/peers.sh installed peers")
    parser.add_argument("--scale", type=float, default=1.0, help="make all counts and sizes this much smaller")
    parser.add_argument("--runs", type=int, default=5, help="runs of each command and of its floor")
    parser.add_argument("--peer-runs", type=int, default=3, help="runs of each peer")
    parser.add_argument("--rows", default=",".join(rows.ROWS), help="rows to measure, or `none`")
    parser.add_argument("--peers", default="none", help=f"peers to measure, `all` or `none`: {', '.join(peers.PEERS)}")
    parser.add_argument("--keep", action="store_true", help="leave the data sets for the next run")
    parser.add_argument("--docs", type=Path, help="a page to put the tables in, between its two marks")
    options = parser.parse_args()
    options.rows = [] if options.rows == "none" else options.rows.split(",")
    options.peers = {"none": [], "all": list(peers.PEERS)}.get(options.peers, options.peers.split(","))
    for known, asked in ((rows.ROWS, options.rows), (peers.PEERS, options.peers)):
        if unknown := set(asked) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    options.dsv = options.dsv.resolve()
    return options


def say(text):
    """Talk, on standard error."""
    print(text, file=sys.stderr, flush=True)


def measure_rows(bench, names):
    """The rows asked for, in the table's order, and why others failed."""
    done, failures = [], {}
    for name, row in rows.ROWS.items():
        if name not in names:
            continue
        say(f"row {name}")
        try:
            result = row(bench)
        except measure.CommandFailed as failure:
            say(f"  failed: {failure}")
            failures[name] = str(failure)
            continue
        done.append(result)
        for check in result.checks:
            verdict = "met" if check.met() else "MISSED"
            say(f"  {report.target(check)}: {report.amount(check.measured, check.unit)} ({verdict})")
    return done, failures


def measure_peers(bench, options):
    """All peers on both data sets."""
    if not options.peers:
        return []
    contest = peers.Contest(bench, options.tools, options.peers)
    count = bench.sets.scaled(25_000, 100)
    small = bench.sets.small("small-peers", 25_000) / "files"
    results = contest.hold(f"{count:,} files of 1 to 8 KiB", small, options.peer_runs)
    random_old, random_new = bench.sets.random("random-peers", GIB)
    table_old, table_new = bench.sets.table("table-peers", GIB // 2)
    large = bench.fresh("large-peers")
    large.mkdir()
    shutil.copyfile(random_old, large / "random.bin")
    shutil.copyfile(table_old, large / "table.csv")

    def change(folder):
        rows.place(random_new, folder / "random.bin")
        rows.place(table_new, folder / "table.csv")

    sizes = [f"{path.stat().st_size / MIB:,.0f} MiB of {what}" for path, what in
             ((random_old, "random bytes"), (table_old, "CSV"))]
    name = f"{' and '.join(sizes)}; then 1 MiB inserted, 1,000 rows edited"
    return results + contest.hold(name, large, options.peer_runs, change, large=True)


def main():
    """Measures, prints, writes the report, and cleans up last of all."""
    options = arguments()
    work = options.dir / f"run-{os.getpid()}"
    work.mkdir(parents=True)
    sets = Sets(options.dir / "data", options.scale, say)
    bench = rows.Bench(options.dsv, sets, work.resolve(), options.runs, say)
    done, failures = measure_rows(bench, options.rows)
    results = measure_peers(bench, options)
    about = report.machine(options.dir, options.dsv)
    text = report.markdown(about, options, done, failures, results)
    print(text)
    (options.dir / "benchmarks.md").write_text(text)
    (options.dir / "benchmarks.json").write_text(report.document(about, options, done, failures, results))
    if options.docs:
        report.replace_between(options.docs, text)
    say("cleaning up")
    peers.remove(work)
    for worktree in (options.dir / "data").iterdir():
        shutil.rmtree(worktree / ".dsv", ignore_errors=True)
    if not options.keep:
        shutil.rmtree(options.dir / "data")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
