"""A root directory that is the running system with nothing of ours in it, and that may be changed.

It is an overlay in a mount namespace of its own: what is installed there is gone afterwards.
"""

import ctypes
import glob
import os
import re
import stat
import subprocess
import tempfile

CLONE_NEWNS = 0x00020000
MNT_DETACH = 2
MS_REC = 0x4000
MS_PRIVATE = 0x40000

libc = ctypes.CDLL(None, use_errno=True)


class Impossible(Exception):
    """Why there can be no such root."""


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def namespace(result):
    if result != 0:
        raise Impossible(f"a mount namespace: {os.strerror(ctypes.get_errno())}")


def mount(*arguments):
    done = run("mount", *arguments)
    if done.returncode != 0:
        raise Impossible(done.stderr.strip())


class CleanRoot:
    """Entered once; then this process has it for its root."""

    def __init__(self, *visible):
        """visible: directories of the host to see there, at the same place."""
        if not os.path.exists("/proc/self/ns/mnt"):
            raise Impossible("there is no /proc")
        self.visible = visible
        self.path = tempfile.mkdtemp(prefix="ivshmemd-root-")
        self.outside = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        self.former = os.open("/", os.O_RDONLY)  # another than the namespace's in a chroot
        self.is_inside = False
        self.changed = self.host = None  # directories

    def __enter__(self):
        try:
            self.mount_all()
        except Impossible:
            self.__exit__()
            raise
        os.chdir(f"{self.path}/root")
        self.leave_chroot()
        self.change_root()
        os.chdir("/")
        self.forget_ours()
        return self

    def __exit__(self, *_):
        for each in (self.changed, self.host):
            if each is not None:
                os.close(each)
        if self.is_inside:
            namespace(libc.setns(self.outside, CLONE_NEWNS))  # the mounts end with the one left
            os.fchdir(self.former)
            os.chroot(".")
        os.rmdir(self.path)

    def mount_all(self):
        for path in ("/usr", "/var", "/etc"):
            if os.path.ismount(path):
                raise Impossible(f"{path} is a file system of its own")
        namespace(libc.unshare(CLONE_NEWNS))
        self.is_inside = True
        self.make_private()
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.path)
        upper, work, root = (f"{self.path}/{name}" for name in ("upper", "work", "root"))
        for each in (upper, work, root):
            os.mkdir(each)
        mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", "overlay", root)
        self.changed, self.host = os.open(upper, os.O_RDONLY), os.open("/", os.O_RDONLY)
        mount("--rbind", "/dev", f"{root}/dev")
        mount("-t", "proc", "proc", f"{root}/proc")
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{root}/run")
        for path in ("/tmp", "/dev/shm"):
            mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", root + path)
        for path in self.visible:
            os.makedirs(root + path, exist_ok=True)
            mount("--bind", path, root + path)

    @staticmethod
    def leave_chroot():
        """For the namespace's own root, which is a mount point; stays in the working directory.

        Without a chroot this changes nothing. In one, "/" is a directory among others.
        """
        here, inside = os.open(".", os.O_RDONLY), os.open("/proc/self/ns/mnt", os.O_RDONLY)
        namespace(libc.setns(inside, CLONE_NEWNS))
        os.fchdir(here)
        os.close(inside)
        os.close(here)

    def make_private(self):
        """Nothing that is mounted from now on is seen outside."""
        os.chdir("/")
        self.leave_chroot()
        made = libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
        os.chroot(".")
        namespace(made)

    @staticmethod
    def change_root():
        """To the working directory. Users may make namespaces there, but not in a mere chroot."""
        if libc.pivot_root(b".", b".") == 0:
            namespace(libc.umount2(b".", MNT_DETACH))
        else:
            os.chroot(".")  # from the root of the kernel's own initramfs

    @staticmethod
    def forget_ours():
        """And what would keep a package from being installed as on any Debian."""
        if run("dpkg", "--status", "ivshmemd").returncode == 0:
            run("dpkg", "--purge", "ivshmemd")
        for name in ("passwd", "group", "shadow", "gshadow"):
            with open(f"/etc/{name}", encoding="utf-8") as file:
                text = file.read()
            with open(f"/etc/{name}", "w", encoding="utf-8") as file:
                file.write(re.sub(r"^ivshm.*\n", "", text, flags=re.MULTILINE))
        # No manuals and no services in a container: not here.
        for path in ("/usr/sbin/policy-rc.d", *glob.glob("/etc/dpkg/dpkg.cfg.d/*")):
            if os.path.exists(path):
                os.remove(path)
        # Indexing all manuals of the host takes longer than the test.
        if os.path.exists("/var/lib/man-db/auto-update"):
            os.remove("/var/lib/man-db/auto-update")

    def changes(self):
        """Every file and directory that is new or was changed, those of tmpfs aside."""
        upper = f"/proc/self/fd/{self.changed}"
        found = set()
        for directory, directories, files in os.walk(upper):
            inside = directory.removeprefix(upper)
            found |= {f"{inside}/{name}" for name in files
                      if not stat.S_ISCHR(os.lstat(f"{directory}/{name}").st_mode)}  # a removal
            found |= {f"{inside}/{name}" for name in directories
                      if not os.path.isdir(f"/proc/self/fd/{self.host}{inside}/{name}")}
        return found
