"""Which kind of file system a directory lies on, as Linux tells (proc(5)). Pure: text in, text out.

A lock of `flock` on a network file system may hold on one host alone, and what was brought to the
disk may be on none.
"""

from __future__ import annotations

from typing import Final

NETWORK_TYPES: Final = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "glusterfs", "gpfs", "lustre", "ncpfs"),
        *("nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs"),
        *("fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    }
)


def mount_id_of(fdinfo: str) -> str:
    """Give the number of the mount that an open file lies on.

    Args:
        fdinfo: what ``/proc/self/fdinfo/N`` says.

    Returns:
        The number, or ``""`` where it is not told.
    """
    for line in fdinfo.splitlines():
        name, _, value = line.partition(":")
        if name == "mnt_id":
            return value.strip()
    return ""


def type_of(mountinfo: str, mount_id: str) -> str:
    """Give the type of a mount's file system.

    Args:
        mountinfo: what ``/proc/self/mountinfo`` says.
        mount_id: the mount's number.

    Returns:
        The type, such as ``ext4``, or ``""`` where the mount is not listed.
    """
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if before.split(" ", 1)[0] == mount_id and after:
            return after.split(" ", 1)[0]
    return ""
