"""Running a command and measuring it: wall time, processor time and memory."""

import os
import shlex
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


class CommandFailed(Exception):
    """A measured command did not exit as it should."""


@dataclass
class Sample:
    """What one run of a command took."""

    wall: float
    cpu: float
    """User and system time of all its processes, in seconds."""
    peak: int
    """The most memory that its largest process held, in bytes; mapped files count. Never less than what this
    script itself holds, since a child begins as its image."""


def environment(work, extra=None):
    """The environment of every measured command: only what is named here, and nothing of the person who runs it."""
    home = Path(work) / "home"
    home.mkdir(parents=True, exist_ok=True)
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1"}
    return {**variables, **(extra or {})}


def run(command, cwd, env, expect=(0,)):
    """Runs `command` (a list, or a line for `sh`) with its output thrown away, and measures it."""
    line = ["sh", "-c", command] if isinstance(command, str) else [str(part) for part in command]
    log = Path(env["HOME"]) / "stderr.log"
    with open(log, "wb") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(line, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expect:
        tail = log.read_text(errors="replace")[-2000:]
        raise CommandFailed(f"`{shlex.join(line)}` in {cwd} exited with {process.returncode}:\n{tail}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def output(command, cwd, env):
    """The standard output of a command that isn't measured."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise CommandFailed(f"{command} in {cwd} exited with {done.returncode}:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def settle():
    """Waits until what earlier commands wrote is on the disk, so that it isn't written in the time of the next."""
    os.sync()


def warm(path):
    """Reads everything below `path` once, so that it is in the page cache."""
    subprocess.run("find . -type f -print0 | xargs -0 -n 500 cat > /dev/null", shell=True, cwd=path, check=True)


@dataclass
class Pairs:
    """Runs of a command and of its floor, in turn."""

    subject: list[Sample]
    floor: list[Sample]

    def wall(self):
        """The median wall time of the command."""
        return median(sample.wall for sample in self.subject)

    def floor_wall(self):
        """The median wall time of the floor."""
        return median(sample.wall for sample in self.floor)

    def ratio(self):
        """The median of the ratios of the pairs: each run is held against the floor measured beside it."""
        return median(one.wall / other.wall for one, other in zip(self.subject, self.floor))

    def cpu(self):
        """The median processor time of the command."""
        return median(sample.cpu for sample in self.subject)

    def peak(self):
        """The most memory any run of the command held."""
        return max(sample.peak for sample in self.subject)


def median(values):
    """The middle one of `values`."""
    return statistics.median(values)


def pairs(runs, subject, floor, warm_up=True):
    """Calls `subject(i)` and `floor(i)` in turn, the order changing from pair to pair; each returns a `Sample`.

    One more pair goes before, unless told not to, and is forgotten.
    """
    result = Pairs([], [])
    for number in range(-1 if warm_up else 0, runs):
        order = [(subject, result.subject), (floor, result.floor)]
        for call, samples in order if number % 2 == 0 else reversed(order):
            settle()
            sample = call(number)
            if number >= 0:
                samples.append(sample)
    return result


def repeat(runs, subject, warm_up=True):
    """Calls `subject(i)`; one call more goes before, unless told not to, and is forgotten."""
    samples = []
    for number in range(-1 if warm_up else 0, runs):
        settle()
        sample = subject(number)
        if number >= 0:
            samples.append(sample)
    return samples


@dataclass
class Size:
    """What a folder holds."""

    bytes: int
    allocated: int
    """Bytes of disk blocks, which is what a million small files cost."""
    files: int


def size_of(*paths):
    """The size of what is below `paths`."""
    total = Size(0, 0, 0)
    stack = [str(path) for path in paths if os.path.lexists(path)]
    while stack:
        path = stack.pop()
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            # Some tools go on in the background: a lock that was listed may be gone.
            continue
        total.allocated += facts.st_blocks * 512
        if os.path.isdir(path) and not os.path.islink(path):
            stack.extend(entry.path for entry in os.scandir(path))
        else:
            total.bytes += facts.st_size
            total.files += 1
    return total
