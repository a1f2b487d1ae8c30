"""Temporary disk is counted by tenant: one that fills its share leaves room for the others."""

import shutil
from collections import namedtuple
from threading import Thread

import pytest

from clv.errors import Unavailable
from clv.temporary_disk import TemporaryDisk

MIB = 1024 * 1024
Usage = namedtuple("Usage", "total free")


class FileSystem:
    """A file system of 100 GiB, and how often it was looked at."""

    def __init__(self, free: int = 90 * 1024 * MIB, total: int = 100 * 1024 * MIB) -> None:
        self.free, self.total, self.looks = free, total, 0

    def __call__(self) -> Usage:
        self.looks += 1
        return Usage(self.total, self.free)


def disk(limit: int, file_system: FileSystem | None = None) -> TemporaryDisk:
    return TemporaryDisk(limit, file_system or FileSystem())


def most(
    disk: TemporaryDisk, owner: str, step: int = 1, file_system: FileSystem | None = None
) -> int:
    """How much an owner gets, and writes."""
    taken = 0
    while True:
        try:
            disk.claim(owner, step)
        except Unavailable:
            return taken
        taken += step
        if file_system:
            file_system.free -= step


def test_a_tenant_alone_gets_three_quarters_and_another_the_rest():
    counted = disk(100)
    assert most(counted, "acme") == 75
    assert most(counted, "globex") == 25
    assert counted.total == 100


def test_beside_others_a_tenant_gets_half():
    counted = disk(100)
    counted.claim("globex", 1)
    assert most(counted, "acme") == 50
    assert most(counted, "globex") == 49


def test_who_holds_more_than_half_gets_no_more_once_another_holds_anything():
    counted = disk(100)
    counted.claim("acme", 60)
    counted.claim("globex", 1)
    assert most(counted, "acme") == 0
    counted.release("globex", 1)
    assert most(counted, "acme") == 15


def test_the_message_says_whether_the_share_or_the_disk_is_full():
    counted = disk(100 * MIB)
    counted.claim("acme", 75 * MIB)
    with pytest.raises(Unavailable, match=r"Your tenant's .* that a tenant gets now \(79 MB\)"):
        counted.claim("acme", MIB)
    counted.claim("globex", 20 * MIB)
    with pytest.raises(Unavailable, match="The service's temporary disk is full"):
        counted.claim("globex", 6 * MIB)


def test_a_tenth_of_a_small_file_system_stays_free():
    small = FileSystem(free=500, total=1000)
    counted = disk(4096, small)
    assert most(counted, "acme", 1, small) == 300
    assert most(counted, "globex", 1, small) == 100
    assert small.free == 100


def test_256_mib_of_a_large_file_system_stay_free():
    large = FileSystem(free=656 * MIB)
    assert most(disk(4096 * MIB, large), "acme", MIB, large) == 300 * MIB
    assert most(disk(4096 * MIB, FileSystem(free=256 * MIB)), "acme") == 0


def test_the_file_system_is_looked_at_after_16_mib():
    file_system = FileSystem()
    counted = disk(4096 * MIB, file_system)
    for _ in range(64 * 16):
        counted.claim("acme", 65_536)
    assert file_system.looks == 4


def test_what_another_process_wrote_is_seen():
    file_system = FileSystem()
    counted = disk(4096 * MIB, file_system)
    counted.claim("acme", 16 * MIB)
    file_system.free = 0
    with pytest.raises(Unavailable, match="disk is full"):
        counted.claim("acme", 16 * MIB)


def test_a_refusal_looks_for_space_that_became_free():
    file_system = FileSystem(free=0)
    counted = disk(100, file_system)
    assert most(counted, "acme") == 0
    file_system.free = 90 * 1024 * MIB
    assert most(counted, "acme") == 75


def test_everything_is_given_back_whatever_ended_it():
    counted = disk(100)
    with pytest.raises(ZeroDivisionError), counted.hold("acme") as held:
        held.grow(10)
        held.grow_to(30)
        held.grow_to(20)
        assert counted.total == held.size == 30
        raise ZeroDivisionError
    held.close()
    assert counted.total == 0
    assert most(counted, "acme") == 75


def test_a_refused_claim_takes_nothing():
    counted = disk(100)
    with counted.hold("acme") as held:
        held.grow(70)
        with pytest.raises(Unavailable):
            held.grow(10)
        assert held.size == 70
    assert counted.total == 0


def test_threads_count_right():
    counted = disk(10_000 * MIB)

    def grow(owner: str) -> None:
        for _ in range(300):
            with counted.hold(owner) as held:
                held.grow(7)
                held.grow(11)

    threads = [Thread(target=grow, args=(f"tenant-{n % 2}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.total == 0


def test_the_real_file_system_is_looked_at_by_default():
    free = shutil.disk_usage("/").free
    TemporaryDisk(4096 * MIB).claim("acme", 1)
    with pytest.raises(Unavailable):
        TemporaryDisk(10**18).claim("acme", free + 10**15)
