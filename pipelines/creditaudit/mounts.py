"""What a path lies on: the kind of its file system, and whether a layer below encrypts (Linux; elsewhere unknown)."""

from __future__ import annotations

import array
import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_BLOCKS = Path("/sys/dev/block")
# File systems that ask another machine, by the names that the Linux kernel or their own drivers give them. One that a
# user's program serves is named ``fuse.<program>``.
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "9p", "afs", "gpfs", "beegfs", "gfs2", "ocfs2"})
_NETWORK_PROGRAMS = ("sshfs", "glusterfs", "ceph", "s3fs", "juicefs", "rclone", "moosefs", "davfs")
_ENCRYPTING = frozenset({"ecryptfs", "fuse.gocryptfs", "fuse.encfs"})
_ESCAPED = re.compile(r"\\([0-7]{3})")
_MOST_LAYERS = 8
# From linux/fs.h: asks for the flags of a file, and the one that says that its file system encrypts it (fscrypt).
_GET_FLAGS, _ENCRYPTED = 0x80086601, 0x800


@dataclass(frozen=True, slots=True)
class Mount:
    """What a path lies on.

    Parameters
    ----------
    kind : str
        Name of the file system's kind, as the kernel says it.
    is_network : bool
        Another machine holds the bytes.
    is_encrypted : bool
        A layer that is seen from here encrypts: dm-crypt, an encrypting file system, or one that encrypts this folder
        (fscrypt). False says nothing of what lies
        outside of this machine's sight.
    """

    kind: str
    is_network: bool
    is_encrypted: bool


def mount_of(path: Path, mounts: Path = _MOUNTS, blocks: Path = _BLOCKS) -> Mount | None:
    """Return what a path lies on; None where the kernel does not say.

    Parameters
    ----------
    path : Path
        Any path that exists.
    mounts, blocks : Path
        Where the kernel tells of mounts and block devices.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    target = os.path.realpath(path)
    best: tuple[int, str, str] | None = None
    for line in lines:  # "36 35 98:0 /root /mount opts - kind source opts": the longest prefix, and of those the last
        own, _, rest = line.partition(" - ")
        fields, kind = own.split(" "), rest.split(" ")[0]
        point = _ESCAPED.sub(lambda m: chr(int(m.group(1), 8)), fields[4])
        holds = point in {"/", target} or target.startswith(f"{point}/")
        if holds and (best is None or len(point) >= best[0]):
            best = (len(point), fields[2], kind)
    if best is None:
        return None
    _, device, kind = best
    served = kind.removeprefix("fuse.")
    is_network = kind in _NETWORK or (served != kind and served.startswith(_NETWORK_PROGRAMS))
    return Mount(kind, is_network, kind in _ENCRYPTING or _is_crypt(blocks / device) or _is_flagged(target))


def _is_flagged(path: str) -> bool:
    """Say whether the file system says of a folder that it encrypts what is in it."""
    flags = array.array("l", [0])
    try:
        folder = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.ioctl(folder, _GET_FLAGS, flags)
    except OSError:
        return False  # it keeps no flags
    finally:
        os.close(folder)
    return bool(flags[0] & _ENCRYPTED)


def _is_crypt(block: Path, depth: int = 0) -> bool:
    """Say whether a block device is a dm-crypt one, or all that lie below it are.

    cryptsetup names what it opens ``CRYPT-<kind>-…``; VERITY and INTEGRITY check and hide nothing.
    """
    try:
        kind = (block / "dm" / "uuid").read_text(encoding="ascii").split("-")
        if kind[0] == "CRYPT" and kind[1:2] not in (["VERITY"], ["INTEGRITY"]):
            return True
    except OSError:
        pass  # no device-mapper device
    below = block / "slaves"
    if depth >= _MOST_LAYERS or not below.is_dir():
        return False
    layers = sorted(below.iterdir())
    return bool(layers) and all(_is_crypt(child, depth + 1) for child in layers)
