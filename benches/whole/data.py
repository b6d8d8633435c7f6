"""The data sets: made from a seed, the same bytes on every little-endian machine and under every Python.

Text comes from `random.Random(seed).randbytes`, whose output Python keeps stable, through plain
integer arithmetic and tables of words; no floating point takes part.
"""

import array
import base64
import functools
import itertools
import json
import os
import random
import shutil
import subprocess
from multiprocessing import Pool
from pathlib import Path

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

WORDS = (
    "amber anchor apple arrow aspen autumn basin beacon birch bishop blossom border branch breeze bridge brook"
    " candle canyon carbon castle cedar cinder circle cliff clover cobalt comet copper coral cotton crater crystal"
    " dagger delta desert diamond dolphin dragon drift eagle ember engine falcon feather fern field flame flint"
    " forest fossil fountain frost galaxy garden garnet glacier granite grove harbor harvest hazel heron hollow"
    " horizon hunter indigo iron island ivory jasmine jasper jungle juniper kernel kettle lagoon lantern lark"
    " laurel lemon lichen lilac linen lotus lunar magnet maple marble marsh meadow mercury meteor mirror mist"
    " moss mountain nectar needle nickel nimbus oak oasis ocean olive onyx opal orbit orchid otter owl paper"
    " pebble pepper petal pilot pine planet plum pollen prairie quartz quill rain raven reef ridge river robin"
    " rocket rose saddle saffron sage sail salmon sand sapphire shadow shell silver slate smoke sparrow spruce"
    " stone storm summit swan temple thistle thunder timber topaz torch tulip tundra valley velvet violet walnut"
    " water willow winter wolf"
).split()
CLOCK = [f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}" for second in range(86400)]
DAYS = [f"{2019 + day // 336}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}" for day in range(336 * 6)]


def pick(choices, numbers):
    """One of `choices` for each of `numbers`."""
    count = len(choices)
    return [choices[number % count] for number in numbers]


def render(row, columns):
    """`row` once for each line of `columns`; a single formatting call, which is what makes this quick."""
    values = tuple(itertools.chain.from_iterable(zip(*columns)))
    return (row * (len(values) // len(columns))) % values


# ----------------------------------------------------------------------------------------- small files

JSON_ROW = '{"id":%d,"box":[%d,%d,%d],"label":"%s","embedding":"%s"}\n'
CSV_ROW = "%d,%s %s,%s,%d.%04d,%s\n"
LOG_ROW = "%s %s [%s] worker=%d trace=%s\n"
KINDS = ("json", "csv", "log")
ROW_BYTES = {"json": 198, "csv": 118, "log": 178}  # at most; the rows of most files are a little shorter
TOKEN_BYTES = {"json": 90, "csv": 48, "log": 93}
LEVELS = ["INFO"] * 6 + ["WARN", "DEBUG"]


def small_file(seed, number):
    """The suffix and bytes of small file `number`: 1 to 8 KiB of JSON lines, CSV or log, in whole lines.

    Zstandard makes 0.6 to 0.7 of one such file: more than half of each line is a random token, as in
    annotations, tables and logs that carry embeddings, hashes and trace ids.
    """
    rng = random.Random(seed * 1_000_003 + number)
    kind = KINDS[number % 3]
    rows = (KIB + 160 + rng.getrandbits(16) % (7 * KIB - 160)) // ROW_BYTES[kind]
    width = TOKEN_BYTES[kind]
    noise = rng.randbytes(rows * (width + 8))
    numbers = array.array("H", noise[: rows * 8])
    text = base64.b64encode(noise[rows * 8 :]).decode()
    width = width // 3 * 4
    tokens = [text[start : start + width] for start in range(0, rows * width, width)]
    first, second, third, fourth = (numbers[start::4] for start in range(4))
    ids = range(number * 100, number * 100 + rows)
    if kind == "json":
        columns = (ids, first, second, third, pick(WORDS, fourth), tokens)
        return kind, render(JSON_ROW, columns).encode()
    day = itertools.repeat(DAYS[number % len(DAYS)], rows)
    start = number * 61 % 80_000
    stamps = CLOCK[start : start + rows * 3 : 3]
    if kind == "csv":
        columns = (ids, day, stamps, pick(WORDS, first), second, [value % 10_000 for value in third], tokens)
        return kind, render(CSV_ROW, columns).encode()
    return kind, render(LOG_ROW, (day, stamps, pick(LEVELS, first), second, tokens)).encode()


def layout(count, seed, crowded):
    """Folders and how many files each holds: one of `crowded` files if any, the others of 100 to 1,000."""
    rng = random.Random(seed)
    folders = [("crowded", crowded)] if crowded else []
    left = count - crowded
    while left > 0:
        files = min(left, 100 + rng.getrandbits(16) % 901)
        number = len(folders)
        folders.append((f"part-{number // 50:03}/folder-{number:05}", files))
        left -= files
    return folders


def _write_folder(job):
    folder, first, count, seed = job
    os.makedirs(folder, exist_ok=True)
    for number in range(first, first + count):
        suffix, data = small_file(seed, number)
        with open(f"{folder}/item-{number:07}.{suffix}", "wb", buffering=0) as file:
            file.write(data)
    return count


def make_small(root, count, seed, crowded=0):
    """`count` small files below `root`."""
    jobs, first = [], 0
    for folder, files in layout(count, seed, crowded):
        for start in range(0, files, 1000):  # so that two processes share a crowded folder
            part = min(1000, files - start)
            jobs.append((f"{root}/{folder}", first, part, seed))
            first += part
    with Pool(os.cpu_count()) as pool:
        assert sum(pool.imap_unordered(_write_folder, jobs, chunksize=4)) == count


# ----------------------------------------------------------------------------------------- large files


def make_random(path, size, seed):
    """A file of `size` bytes that can't be compressed: the key stream of AES in counter mode, which is quick."""
    key = ["-K", f"{seed:032x}", "-iv", "0" * 32]
    cipher = subprocess.Popen(["openssl", "enc", "-aes-128-ctr", *key, "-in", "/dev/zero"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with open(path, "wb") as file:
        subprocess.run(["head", "-c", str(size)], stdin=cipher.stdout, stdout=file, check=True)
    cipher.stdout.close()
    cipher.wait()


TABLE_HEADER = b"id,measured,station,temperature,humidity,price,note,quality\n"
TABLE_BLOCK_ROWS = 20_000


@functools.cache
def table_fields():
    """What each column of the table may hold, one value for each 16-bit number: looked up, not formatted."""
    numbers = range(1 << 16)
    return {
        "station": [WORDS[number % len(WORDS)] for number in numbers],
        "temperature": [f"{number % 45}.{number // 45 % 100:02}" for number in numbers],
        "humidity": [f"0.{number:05}" for number in numbers],
        "price": [f"{number % 3000}.{number * 7919 % 10_000:04}" for number in numbers],
        "note": [f"{WORDS[number % len(WORDS)]} {WORDS[number // len(WORDS) % len(WORDS)]}" for number in numbers],
        "quality": [f"{number % 5}\n" for number in numbers],
    }


def table_block(job):
    """Rows `block * 20,000` and on of the table."""
    block, seed = job
    fields = table_fields()
    numbers = array.array("H", random.Random(seed * 1_000_003 + block).randbytes(TABLE_BLOCK_ROWS * 2 * len(fields)))
    first = block * TABLE_BLOCK_ROWS
    seconds = range(first * 7, (first + TABLE_BLOCK_ROWS) * 7, 7)  # one row every seven seconds
    columns = [map(str, range(first, first + TABLE_BLOCK_ROWS))]
    columns.append([f"{DAYS[second // 86400 % len(DAYS)]} {CLOCK[second % 86400]}" for second in seconds])
    for place, choices in enumerate(fields.values()):
        columns.append(map(choices.__getitem__, numbers[place :: len(fields)]))
    return "".join(map(",".join, zip(*columns))).encode()


def make_table(path, size, seed):
    """A CSV of `size` bytes, to the row: ids, times, words and decimals."""
    with open(path, "wb") as file, Pool(os.cpu_count()) as pool:
        left = size - file.write(TABLE_HEADER)
        for block in pool.imap(table_block, ((block, seed) for block in itertools.count())):
            if len(block) >= left:
                file.write(block[: block.rindex(b"\n", 0, left) + 1])
                pool.terminate()
                return
            left -= file.write(block)


# ----------------------------------------------------------------------------------------- second versions


def copy_range(source, target, start, end):
    """Appends bytes `start..end` of one open file to another, inside the kernel."""
    while start < end:
        start += os.sendfile(target.fileno(), source.fileno(), start, min(end - start, GIB))


def insert(source, target, size, seed):
    """`source` with `size` new random bytes at 30 % of it."""
    length = os.path.getsize(source)
    with open(source, "rb") as old, open(target, "wb", buffering=0) as new:
        copy_range(old, new, 0, length * 3 // 10)
        new.write(random.Random(seed).randbytes(size))
        copy_range(old, new, length * 3 // 10, length)


def edit_rows(source, target, count, seed):
    """`source` with `count` rows edited at random places: another word in one column, so lengths change."""
    rng = random.Random(seed)
    length = os.path.getsize(source)
    places = sorted(rng.randrange(length - 400) for _ in range(count))
    copied = 0
    with open(source, "rb", buffering=0) as old, open(target, "wb", buffering=0) as new:
        for place in places:
            old.seek(place)
            window = old.read(400)
            start = place + window.index(b"\n") + 1
            if start < copied:
                continue  # two places in one row
            row = window[start - place : window.index(b"\n", start - place)]
            fields = row.split(b",")
            fields[6] = b"corrected %d" % rng.getrandbits(20)
            copy_range(old, new, copied, start)
            new.write(b",".join(fields))
            copied = start + len(row)
        copy_range(old, new, copied, length)


# ----------------------------------------------------------------------------------------- the folder of all


class Sets:
    """The data sets below one folder, each made when first asked for, and again only if its recipe changed."""

    SEED = 20260701

    def __init__(self, folder, scale, say):
        self.folder, self.scale, self.say = Path(folder), scale, say
        self.folder.mkdir(parents=True, exist_ok=True)

    def scaled(self, amount, least=1):
        """`amount` at the scale of this run."""
        return max(int(amount * self.scale), least)

    def _made(self, name, recipe, make):
        path, stamp = self.folder / name, self.folder / f"{name}.recipe.json"
        wanted = json.dumps(recipe)
        if stamp.exists() and stamp.read_text() == wanted and path.exists():
            return path
        self.say(f"making {name}: {wanted}")
        if path.is_dir():
            shutil.rmtree(path)
        stamp.unlink(missing_ok=True)
        make(path)
        stamp.write_text(wanted)
        return path

    def small(self, name, count, crowded=0):
        """A worktree whose folder `files` holds `count` small files."""
        count, crowded = self.scaled(count, 100), self.scaled(crowded) if crowded else 0
        recipe = {"kind": "small", "files": count, "crowded": crowded, "seed": self.SEED, "recipe": 1}
        return self._made(name, recipe, lambda path: make_small(path / "files", count, self.SEED, crowded))

    def random(self, name, size):
        """Two versions of a file that can't be compressed; 1 MiB is inserted in the second."""
        size, inserted = self.scaled(size, MIB), self.scaled(MIB, KIB)
        base = {"kind": "random", "bytes": size, "seed": self.SEED, "recipe": 1}
        old = self._made(f"{name}-1.bin", base, lambda path: make_random(path, size, self.SEED))
        new = self._made(f"{name}-2.bin", {**base, "inserted": inserted},
                         lambda path: insert(old, path, inserted, self.SEED + 1))
        return old, new

    def table(self, name, size):
        """Two versions of a CSV; 1,000 rows are edited in the second."""
        size, edits = self.scaled(size, MIB), self.scaled(1000)
        base = {"kind": "table", "bytes": size, "seed": self.SEED, "recipe": 1}
        old = self._made(f"{name}-1.csv", base, lambda path: make_table(path, size, self.SEED))
        new = self._made(f"{name}-2.csv", {**base, "edited": edits},
                         lambda path: edit_rows(old, path, edits, self.SEED + 2))
        return old, new
