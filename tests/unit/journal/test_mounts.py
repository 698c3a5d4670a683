"""Which kind of file system something lies on, from what Linux says."""

from __future__ import annotations

from sealwire.journal.mounts import NETWORK_TYPES, mount_id_of, type_of

FDINFO = "pos:\t0\nflags:\t02300000\nmnt_id:\t412\nino:\t17\n"
MOUNTS = (
    "41 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "412 41 0:52 /exports/state /var/lib/a\\040b rw master:3 shared:4 - nfs4 nas:/exports rw\n"
    "413 41 0:53 / /mnt rw - fuse.sshfs me@there: rw\n"
    "half a line\n"
)


def test_the_mount_of_an_open_file() -> None:
    """It is told by its number, so that no path has to be compared."""
    assert "412" == mount_id_of(FDINFO)
    assert "nfs4" == type_of(MOUNTS, mount_id_of(FDINFO))
    assert ["ext4", "fuse.sshfs"] == [type_of(MOUNTS, "41"), type_of(MOUNTS, "413")]


def test_where_nothing_is_told() -> None:
    """On a system that does not say so, or of a mount that is not listed."""
    assert "" == mount_id_of("")
    assert "" == mount_id_of("pos:\t0\n")
    assert ["", "", ""] == [type_of("", "412"), type_of(MOUNTS, "4"), type_of(MOUNTS, "half")]


def test_what_counts_as_a_network() -> None:
    """And what lies on a disk does not."""
    assert {"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"} <= NETWORK_TYPES
    assert not {"ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuseblk", ""} & NETWORK_TYPES
