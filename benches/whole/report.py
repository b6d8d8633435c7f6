"""What was measured, as Markdown for people and as JSON for programs."""

import dataclasses
import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

from data import MIB

BEGIN, END = "<!-- begin: measured -->", "<!-- end: measured -->"


def machine(work, dsv):
    """The machine and the program, in words."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    mounted = ["findmnt", "-n", "-o", "FSTYPE", "-T", str(work)]
    file_system = subprocess.run(mounted, capture_output=True, text=True, check=False)
    version = subprocess.run([str(dsv), "--version"], capture_output=True, text=True, check=False)
    return {
        "cores": os.cpu_count(),
        "cpu": cpu,
        "memory GiB": round(memory / 2**30),
        "kernel": platform.release(),
        "file system": file_system.stdout.strip(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "dsv": version.stdout.strip(),
    }


def amount(value, unit):
    """A figure with its unit, in three digits."""
    if unit == "ratio":
        return f"{value:.2f}"
    if unit == "files":
        return f"{value:,.0f}"
    if unit == "bytes":
        return f"{value / MIB:,.1f} MiB" if value < 100 * MIB else f"{value / MIB:,.0f} MiB"
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def target(check):
    """The target in words."""
    bound = "under" if check.strict else "at most"
    return f"{check.what}: {bound} {amount(check.limit, check.unit)}"


def rows_table(rows):
    """The table of targets; one line for each, with the verdict and the times behind it."""
    lines = ["| work | target | measured | | seconds (median) |", "|---|---|---|---|---|"]
    for row in rows:
        walls = [f"{name.removesuffix(' wall s')} {value:.3g}" for name, value in row.figures.items()
                 if name.endswith("wall s")]
        for place, check in enumerate(row.checks):
            lines.append(
                f"| {row.work if place == 0 else ''} | {target(check)} | {amount(check.measured, check.unit)}"
                f" | {'met' if check.met() else '**missed**'} | {', '.join(walls) if place == 0 else ''} |"
            )
    return "\n".join(lines)


def peers_table(results):
    """One table for each data set: a line for each tool."""
    parts = []
    for data in dict.fromkeys(result.data for result in results):
        chosen = [result for result in results if result.data == data]
        second = any(result.growth is not None for result in chosen)
        head = ["tool", "add s", "nothing changed s", "checkout s", "memory of add", "store on disk", "files"]
        head += ["second add s", "store grows by"] if second else []
        lines = [f"**{data}**", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        failed = []
        for result in chosen:
            if result.error or result.store is None:
                failed.append(f"{result.peer} ({(result.error or '').splitlines()[0]})")
                continue
            cells = [result.peer, *(seconds(result.median(step)) for step in ("add", "again", "checkout")),
                     amount(result.peaks["add"], "bytes"), amount(result.store.allocated, "bytes"),
                     amount(result.store.files, "files")]
            if second:
                cells += [seconds(result.median("second")), amount(result.growth, "bytes")]
            lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(lines))
        if failed:
            parts.append(f"Not measured: {', '.join(failed)}.")
    return "\n\n".join(parts)


def seconds(value):
    """A time in seconds, or a dash."""
    return "–" if value is None else f"{value:.2f}"


def markdown(about, options, rows, failures, results):
    """The whole report."""
    facts = (
        f"{about['cores']} cores of {about['cpu']}, {about['memory GiB']} GiB of memory, Linux {about['kernel']},"
        f" {about['file system']}; {about['dsv']}; {about['date']}."
    )
    how = f"Medians of {options.runs} runs, each beside its floor, all in one run, page cache warm."
    if options.scale != 1:
        how += f" **Scaled: all counts and sizes are {options.scale} of what the rows say.**"
    parts = [facts, how]
    if rows:
        parts.append(rows_table(rows))
    parts += [f"- `{name}` could not be measured: {reason.splitlines()[0]}" for name, reason in failures.items()]
    if results:
        parts.append(peers_table(results))
    return "\n\n".join(parts) + "\n"


def document(about, options, rows, failures, results):
    """The same and every figure behind it."""
    listed = [{**dataclasses.asdict(row), "checks": [{**dataclasses.asdict(check), "met": check.met()}
                                                      for check in row.checks]} for row in rows]
    return json.dumps({
        "machine": about,
        "runs": options.runs,
        "scale": options.scale,
        "rows": listed,
        "failures": failures,
        "peers": [dataclasses.asdict(result) for result in results],
    }, indent=2) + "\n"


def replace_between(path, text):
    """Puts `text` between the two marks of the page at `path`."""
    page = Path(path).read_text()
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    Path(path).write_text(f"{before}{BEGIN}\n{text}{END}{after}")
