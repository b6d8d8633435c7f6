"""The same work done by other tools, on the same data in the same run.

Each peer gets a folder of its own with a copy of the data in `files`. Its set-up (init, keys, settings) is not timed.
What is timed: `add` (until the data is safe in its store and a version of it recorded), `again` (told of the same data
once more, nothing having changed), `second` (after the data changed) and `checkout` (all files brought back).
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import measure
from measure import run, size_of

ADAPTER = Path(__file__).with_name("peer_adapter.py")
GIT_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "measured" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "measured@localhost" for who in ("AUTHOR", "COMMITTER")},
}


class Peer:
    """One tool. Commands are lines for `sh`, run in the folder that holds `files`; None where it has no such thing."""

    name = ""
    needs = ""
    """The program that must be there."""
    setup = "true"
    add = ""
    again = None
    second = None
    """None: the same as `add`."""
    checkout = ""
    lands = "files"
    """Where the checkout puts the files."""
    stores = ()
    """What the tool keeps below the folder."""
    slow = False
    """Takes minutes: measured once only."""
    env = {}

    def __init__(self, folder, tools):
        self.folder, self.tools = folder, tools

    def fill(self, line):
        """`line` with the places of this run put in."""
        return line.replace("@FOLDER", str(self.folder)).replace("@PYTHON", str(self.tools / "venv/bin/python"))

    @classmethod
    def installed(cls, tools):
        """Whether it can be run."""
        return shutil.which(cls.needs, path=search_path(tools)) is not None


class Dsv(Peer):
    """The subject itself, as one more tool."""

    name, needs = "dsv", "dsv"
    setup = "dsv init --dataset bench"
    add = "dsv add files && dsv commit -m measured"
    again = "dsv status"
    checkout = "dsv checkout --force HEAD"
    stores = (".dsv",)


class Borg(Peer):
    """BorgBackup without encryption and with its default compression (lz4)."""

    name, needs = "borg", "borg"
    setup = "borg init -e none store"
    add = "borg create store::first files"
    again = "borg create store::again files"
    second = "borg create store::second files"
    checkout = "borg extract store::first"
    stores = ("store",)
    env = {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}


class Restic(Peer):
    """restic, which always encrypts; a key is derived from the password at each start."""

    name, needs = "restic", "restic"
    setup = "restic init"
    add = again = "restic backup files"
    checkout = "restic restore latest --target ."
    stores = ("store",)
    env = {"RESTIC_PASSWORD": "measured", "RESTIC_REPOSITORY": "store"}


class GitAnnex(Peer):
    """git-annex: checks out symbolic links into its object folder, so only a clone holds files again."""

    name, needs, slow = "git-annex", "git-annex", True
    setup = "git init -q && git annex init -q"
    add = "git annex add -q files && git commit -q -m measured"
    again = "git status --porcelain"
    checkout = "git clone -q . copy && cd copy && git annex get -q ."
    lands = "copy/files"
    stores = (".git",)
    env = GIT_ENV


class GitLfs(Peer):
    """git-lfs with every file tracked."""

    name, needs = "git-lfs", "git-lfs"
    setup = "git init -q && git lfs install --local && git lfs track 'files/**' && git add .gitattributes"
    add = "git add files && git commit -q -m measured"
    again = "git status --porcelain"
    checkout = "git checkout -q -- files"
    stores = (".git",)
    env = GIT_ENV


class Dvc(Peer):
    """DVC with its default link type."""

    name, needs = "DVC", "dvc"
    setup = "git init -q && dvc init -q && dvc config core.analytics false && dvc config core.check_update false"
    add = "dvc add -q files && git add files.dvc .gitignore .dvc && git commit -q -m measured"
    again = "dvc status -q"
    checkout = "dvc checkout -q"
    stores = (".dvc/cache",)
    env = {**GIT_ENV, "DVC_NO_ANALYTICS": "1"}

    def __init__(self, folder, tools):
        super().__init__(folder, tools)
        self.env = {**self.env, "DVC_SITE_CACHE_DIR": str(folder / "site-cache")}


class Xvc(Peer):
    """Xvc with copies in the worktree, its default."""

    name, needs = "xvc", "xvc"
    setup = "git init -q && xvc init"
    add = "xvc file track files && xvc file carry-in files"
    again = "xvc file list --format '' files"
    checkout = "xvc file recheck files"
    stores = (".xvc",)
    env = GIT_ENV


class Oxen(Peer):
    """Oxen by its Python library, in one process for each command, Python's start included."""

    name, needs = "Oxen", "venv/bin/python"
    setup = f"@PYTHON {ADAPTER} oxen init @FOLDER"
    add = f"@PYTHON {ADAPTER} oxen add @FOLDER files"
    again = f"@PYTHON {ADAPTER} oxen status @FOLDER"
    checkout = f"@PYTHON {ADAPTER} oxen restore @FOLDER files"
    stores = (".oxen",)

    @classmethod
    def installed(cls, tools):
        return any(tools.glob("venv/lib/*/site-packages/oxen"))


class HfXet(Peer):
    """The client of the Hugging Face hub's storage against a local folder; it records no versions."""

    name, needs = "hf-xet", "venv/bin/python"
    add = f"@PYTHON {ADAPTER} hf-xet add @FOLDER/store @FOLDER/files @FOLDER/pointers.json"
    checkout = f"@PYTHON {ADAPTER} hf-xet checkout @FOLDER/store @FOLDER/files @FOLDER/pointers.json"
    stores = ("store",)

    def __init__(self, folder, tools):
        super().__init__(folder, tools)
        self.env = {"HF_HOME": str(folder / "hf-home"), "HF_XET_CACHE": str(folder / "hf-cache"), "HF_HUB_OFFLINE": "1"}

    @classmethod
    def installed(cls, tools):
        return any(tools.glob("venv/lib/*/site-packages/hf_xet"))


PEERS = {peer.name.lower(): peer for peer in (Dsv, Borg, Restic, HfXet, Dvc, Xvc, GitLfs, Oxen, GitAnnex)}


def search_path(tools):
    """Where the peers' programs are: those of benches/peers.sh first, then the system's."""
    return f"{tools}/venv/bin:{tools}/bin:{os.environ['PATH']}"


def remove(folder):
    """Removes a folder, also one that a tool has write-protected."""
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


@dataclass
class Result:
    """What one peer did with one data set."""

    peer: str
    data: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    store: measure.Size | None = None
    growth: int | None = None
    error: str | None = None

    def keep(self, step, sample):
        """Adds one run of a step."""
        self.seconds.setdefault(step, []).append(sample.wall)
        self.peaks[step] = max(self.peaks.get(step, 0), sample.peak)

    def median(self, step):
        """The median time of a step, or None when it wasn't done."""
        return measure.median(self.seconds[step]) if step in self.seconds else None


class Contest:
    """All peers on one data set, one after the other, round after round."""

    def __init__(self, bench, tools, names):
        self.bench, self.tools = bench, Path(tools).resolve()
        self.env = {**bench.env, "PATH": f"{bench.dsv.parent}:{search_path(self.tools)}"}
        self.peers = [PEERS[name] for name in names]

    def one(self, peer_class, result, data, change, large):
        """One round of one peer. `data` is copied, `change` makes the second version of a copy."""
        folder = self.bench.fresh(peer_class.name)
        folder.mkdir()
        peer = peer_class(folder, self.tools)
        env = {**self.env, **peer.env}

        def step(name, line):
            measure.settle()
            result.keep(name, run(peer.fill(line), folder, env))

        shutil.copytree(data, folder / "files")
        run(peer.fill(peer.setup), folder, env)
        step("add", peer.add)
        result.store = size_of(*(folder / store for store in peer.stores))
        if peer.again:
            step("again", peer.again)
        if peer.lands == "files":
            (folder / "files").rename(self.bench.fresh("away"))
        step("checkout", peer.checkout)
        run(["diff", "-r", data, folder / peer.lands], folder, env)
        if change:
            change(folder / "files")
            step("second", peer.second or peer.add)
            result.growth = size_of(*(folder / store for store in peer.stores)).bytes - result.store.bytes
        if large:  # few files: their space is needed, and removing them slows nothing
            remove(folder)
            for away in self.bench.work.glob("away-*"):
                remove(away)

    def hold(self, name, data, runs, change=None, large=False):
        """The results of all peers on the folder `data`."""
        measure.warm(data)
        results = [Result(peer.name, name) for peer in self.peers]
        for round_ in range(runs):
            for peer, result in zip(self.peers, results):
                if result.error or (peer.slow and round_ > 0):
                    continue
                if peer is not Dsv and not peer.installed(self.tools):
                    result.error = "not installed"
                    continue
                self.bench.say(f"{name}: {peer.name}, round {round_ + 1} of {runs}")
                try:
                    self.one(peer, result, data, change, large)
                except measure.CommandFailed as failure:
                    result.error = str(failure)
        return results
