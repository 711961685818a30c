"""Makes the Debian packages out of what a build directory holds already."""

import glob
import os
import re
import shutil

from clean_root import run

# Would take minutes with so many symbols, and tell nothing: a sanitizers' build is for tests alone.
SHORTCUTS = """
override_dh_dwz:
override_dh_strip:
\tdh_strip --no-automatic-dbgsym
override_dh_shlibdeps:
\techo "shlibs:Depends=libc6" | tee -a debian/ivshmemd-libvirt.substvars >>debian/ivshmemd.substvars
override_dh_builddeb:
\tdh_builddeb -- -Zgzip -z1
"""


def succeed(*command):
    """What it prints."""
    done = run(*command)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def tree_version(source):
    return succeed(f"{source}/systemd/source-package.sh", "version").strip()


def control_field(source, name):
    """Of the source package, from the place where it is set."""
    with open(f"{source}/systemd/package/control", encoding="utf-8") as file:
        return re.search(f"^{name}: (.*)$", file.read(), re.MULTILINE).group(1)


def make_packages(source, build, directory, version):
    """The paths of ivshmemd, ivshmemd-doc and ivshmemd-libvirt, as debian/rules makes them; nothing is compiled."""
    tree = f"{directory}/{version}/tree"
    succeed(f"{source}/systemd/source-package.sh", "debian", tree, version)
    shutil.copy(f"{source}/CHANGELOG.md", tree)
    with open(f"{tree}/debian/rules", "a", encoding="utf-8") as file:
        file.write(SHORTCUTS)
    with open(f"{tree}/debian/debhelper-build-stamp", "w", encoding="ascii") as file:
        file.write("ivshmemd\nivshmemd-libvirt\nivshmemd-doc\n")
    succeed("env", "-C", tree, f"IVSHMEMD_BUILD={os.path.abspath(build)}", "debian/rules", "binary")
    (main,) = glob.glob(f"{directory}/{version}/ivshmemd_*.deb")
    (doc,) = glob.glob(f"{directory}/{version}/ivshmemd-doc_*.deb")
    (bridge,) = glob.glob(f"{directory}/{version}/ivshmemd-libvirt_*.deb")
    return main, doc, bridge
