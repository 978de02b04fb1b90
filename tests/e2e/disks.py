"""Disks that lose power: folders of a test's world, each an ext4 of its own on a loop device, whose image is copied without being
brought in step. The copy has what the file system had written back by then, and nothing else; mounting it replays its journal.
"""
import itertools
import os
import shutil
import subprocess

SIZE = "40M"


def call(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def copy(source, target):
    call("cp", "--sparse=always", source, target)


class Disks:
    def __init__(self, world, names):
        self.names = names
        self.places = {name: os.path.join(world, name) for name in names}
        self.folder = world.rstrip("/") + ".disks"
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder, 0o700)
        for name in names:
            self.make(name)

    def image(self, name, which):
        return os.path.join(self.folder, "%s.%s" % (name, which))

    def make(self, name):
        """What lies in the folder moves onto the disk."""
        moved, place, image = os.path.join(self.folder, name), self.places[name], self.image(name, "saved")
        call("mv", place, moved)
        os.mkdir(place, 0o700)
        call("truncate", "-s", SIZE, image)
        call("mkfs.ext4", "-q", "-E", "root_owner=%d:%d" % (os.getuid(), os.getgid()), image)
        copy(image, self.image(name, "live"))
        self.mount(name)
        call("cp", "-a", moved + "/.", place)
        self.unmount(name)
        os.replace(self.image(name, "live"), image)
        shutil.rmtree(moved)

    def mount(self, name):
        call("mount", "-o", "loop", self.image(name, "live"), self.places[name])

    def unmount(self, name):
        if os.path.ismount(self.places[name]):
            call("umount", self.places[name])

    def restore(self):
        for name in self.names:
            copy(self.image(name, "saved"), self.image(name, "live"))
            self.mount(name)

    def down(self):
        for name in self.names:
            self.unmount(name)

    def dissolve(self):
        """The folders are plain ones again, with what they had at the start."""
        for name in self.names:
            self.unmount(name)
            copy(self.image(name, "saved"), self.image(name, "live"))
            self.mount(name)
            moved = os.path.join(self.folder, name)
            call("cp", "-a", self.places[name] + "/.", moved)
            self.unmount(name)
            os.rmdir(self.places[name])
            call("mv", moved, self.places[name])
        shutil.rmtree(self.folder)

    def copies(self, names, which):
        """What would be on these disks if the power went now."""
        for name in names:
            copy(self.image(name, "live"), self.image(name, which))

    def up(self, names, which):
        for name in names:
            self.unmount(name)
            copy(self.image(name, which), self.image(name, "live"))
            self.mount(name)

    def choices(self):
        """Who loses power: each alone, and all at once."""
        several = [self.names] if len(self.names) > 1 else []
        return list(itertools.chain(several, ([name] for name in self.names)))
