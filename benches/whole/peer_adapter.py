"""Drives the two peers that are Python libraries and have no command line of their own; run with their Python.

    peer_adapter.py oxen init|add|status|restore REPOSITORY [ARGUMENT...]
    peer_adapter.py hf-xet add|checkout STORE FOLDER POINTERS
"""

import json
import os
import sys


def oxen(verb, repository, *arguments):
    """Local use of the Oxen library."""
    from oxen import Repo, user

    repo = Repo(repository)
    if verb == "init":
        user.config_user("measured", "measured@localhost")
        repo.init()
    elif verb == "add":
        repo.add(os.path.join(repository, arguments[0]))
        repo.commit("measured")
    elif verb == "status":
        str(repo.status())
    elif verb == "restore":
        repo.restore(arguments[0])


def hf_xet(verb, store, folder, pointers):
    """Upload to and download from a local store, as the client does for a server; POINTERS keeps the files' hashes."""
    import hf_xet as xet

    endpoint = f"local://{store}"
    if verb == "add":
        paths = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in sorted(names)]
        infos = xet.upload_files(paths, endpoint, None, None, None, None)
        kept = [[os.path.relpath(path, folder), info.hash, info.file_size] for path, info in zip(paths, infos)]
        with open(pointers, "w", encoding="utf-8") as file:
            json.dump(kept, file)
    else:
        with open(pointers, encoding="utf-8") as file:
            kept = json.load(file)
        for directory in {os.path.dirname(path) for path, _, _ in kept}:
            os.makedirs(os.path.join(folder, directory), exist_ok=True)
        wanted = [xet.PyXetDownloadInfo(os.path.join(folder, path), digest, size) for path, digest, size in kept]
        xet.download_files(wanted, endpoint, None, None, None)


if __name__ == "__main__":
    {"oxen": oxen, "hf-xet": hf_xet}[sys.argv[1]](*sys.argv[2:])
