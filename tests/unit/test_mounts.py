"""What a path lies on, read from what the kernel says."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from creditaudit.mounts import mount_of

if TYPE_CHECKING:
    import array
    from pathlib import Path

LINES = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 253:1 / {there} rw - {kind} {source} rw
31 22 0:50 / {there}-other rw - tmpfs tmpfs rw
"""


def told(tmp_path: Path, *, kind: str = "ext4", source: str = "/dev/dm-1") -> Path:
    there = tmp_path / "da ta"
    there.mkdir()
    mounts = tmp_path / "mountinfo"
    mounts.write_text(LINES.format(there=str(there).replace(" ", "\\040"), kind=kind, source=source), encoding="utf-8")
    return mounts


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "ceph", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.sshfs"])
def test_a_network_file_system_is_known(tmp_path: Path, kind: str) -> None:
    mounts = told(tmp_path, kind=kind)
    found = mount_of(tmp_path / "da ta", mounts, tmp_path)
    assert found is not None
    assert (found.kind, found.is_network) == (kind, True)


def test_the_longest_mount_holds_a_path_and_a_name_that_begins_alike_does_not(tmp_path: Path) -> None:
    mounts = told(tmp_path, kind="xfs")
    inside = tmp_path / "da ta" / "book"
    inside.mkdir()
    assert getattr(mount_of(inside, mounts, tmp_path), "kind", None) == "xfs"
    beside = tmp_path / "da ta-otherwise"
    beside.mkdir()
    assert getattr(mount_of(beside, mounts, tmp_path), "kind", None) == "ext4"


def test_encryption_is_seen_through_the_layers_below(tmp_path: Path) -> None:
    mounts = told(tmp_path)
    path, block = tmp_path / "da ta", tmp_path / "253:1"
    plain = mount_of(path, mounts, tmp_path)
    assert plain is not None
    assert not plain.is_encrypted
    below = block / "slaves" / "dm-0" / "dm"
    below.mkdir(parents=True)
    (below / "uuid").write_text("CRYPT-LUKS2-00", encoding="ascii")
    (block / "dm").mkdir()
    (block / "dm" / "uuid").write_text("LVM-00", encoding="ascii")
    found = mount_of(path, mounts, tmp_path)
    assert found is not None
    assert found.is_encrypted
    (below / "uuid").write_text("LVM-00", encoding="ascii")
    assert not mount_of(path, mounts, tmp_path).is_encrypted  # type: ignore[union-attr]


def test_what_checks_and_hides_nothing_is_no_encryption(tmp_path: Path) -> None:
    mounts = told(tmp_path)
    (tmp_path / "253:1" / "dm").mkdir(parents=True)
    (tmp_path / "253:1" / "dm" / "uuid").write_text("CRYPT-VERITY-00-root", encoding="ascii")
    found = mount_of(tmp_path / "da ta", mounts, tmp_path)
    assert found is not None
    assert not found.is_encrypted


def test_one_plain_disk_below_is_enough_to_be_plain(tmp_path: Path) -> None:
    mounts = told(tmp_path)
    for name, uuid in (("dm-0", "CRYPT-LUKS2-00"), ("sdb", "")):
        (tmp_path / "253:1" / "slaves" / name / "dm").mkdir(parents=True)
        (tmp_path / "253:1" / "slaves" / name / "dm" / "uuid").write_text(uuid, encoding="ascii")
    found = mount_of(tmp_path / "da ta", mounts, tmp_path)
    assert found is not None
    assert not found.is_encrypted


def test_where_the_kernel_says_nothing_nothing_is_claimed(tmp_path: Path) -> None:
    assert mount_of(tmp_path, tmp_path / "none", tmp_path) is None


@pytest.mark.parametrize(("flags", "is_encrypted"), [(0x800, True), (0x80010, False), (None, False)])
def test_a_folder_that_its_file_system_encrypts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int | None, is_encrypted: bool
) -> None:
    """Fscrypt: the flag is asked of the folder itself; a file system without flags encrypts nothing that is seen."""
    mounts = told(tmp_path)

    def asked(_: int, request: int, answer: array.array[int]) -> int:
        assert request == 0x80086601
        if flags is None:
            raise OSError(errno.ENOTTY, "no flags")
        answer[0] = flags
        return 0

    monkeypatch.setattr("creditaudit.mounts.fcntl.ioctl", asked)
    assert getattr(mount_of(tmp_path / "da ta", mounts, tmp_path), "is_encrypted", None) is is_encrypted
