"""What a siege looks at: how others are answered meanwhile, and what the web processes take."""

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.bench.table import MIB

PROBES_A_SECOND = 2
SAMPLE_SECONDS = 0.25
# A probe that waits for its answer must not keep back the next ones.
CLIENTS = 48


@dataclass
class Seen:
    """What was seen during a stretch of time.

    :param seconds: of each probe, by its name
    :param failures: what came instead of a 200 in time, with the probe's name
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    peak_mib: float = 0.0
    processors: float = 0.0

    def median(self, name: str) -> float:
        """The seconds of a probe; of one that failed, how long that took."""
        return statistics.median(self.seconds[name])

    def worst(self, name: str) -> float:
        """The longest."""
        return max(self.seconds[name])


@dataclass(frozen=True)
class Probe:
    """A request that must always be answered."""

    name: str
    path: str
    headers: dict[str, str]


class Watch:
    """Asks and looks, as long as it is told to.

    :param limit_seconds: how long an answer may take
    :param master: the id of gunicorn's master
    """

    def __init__(self, port: int, master: int, probes: list[Probe], limit_seconds: float) -> None:
        self._port = port
        self._master = psutil.Process(master)
        self._probes = probes
        self._limit = limit_seconds

    @contextmanager
    def seen(self) -> Iterator[Seen]:
        """What is seen within this block; it is complete after it."""
        seen, stop = Seen({probe.name: [] for probe in self._probes}), threading.Event()
        # The first peak is that of this block alone.
        processes = self._master.children()
        for process in processes:
            _forget_peak(process.pid)
        tasks = (self._ask_steadily, self._sample)
        threads = [threading.Thread(target=task, args=(seen, stop)) for task in tasks]
        began, used = time.monotonic(), _used(processes)
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            seen.processors = (_used(processes) - used) / (time.monotonic() - began)
            if {p.pid for p in processes} != {p.pid for p in self._master.children()}:
                seen.failures.append("a web process ended")

    def _ask_steadily(self, seen: Seen, stop: threading.Event) -> None:
        began, count = time.monotonic(), 0
        with ThreadPoolExecutor(CLIENTS) as clients:
            while not stop.wait(max(0.0, began + count / PROBES_A_SECOND - time.monotonic())):
                count += 1
                for probe in self._probes:
                    clients.submit(self._ask, probe, seen)

    def _ask(self, probe: Probe, seen: Seen) -> None:
        began = time.monotonic()
        status = self._status(probe)
        seconds = time.monotonic() - began
        seen.seconds[probe.name].append(seconds)
        if status != 200 or seconds > self._limit:
            seen.failures.append(f"{probe.name}: {status or 'no answer'}, {seconds:.1f} s")

    def _status(self, probe: Probe) -> int:
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._limit)
        try:
            client.request("GET", probe.path, headers=probe.headers)
            answer = client.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            client.close()

    def _sample(self, seen: Seen, stop: threading.Event) -> None:
        while True:
            with suppress(psutil.Error):
                for process in self._master.children():
                    seen.peak_mib = max(seen.peak_mib, _peak(process) / MIB)
            if stop.wait(SAMPLE_SECONDS):
                return


def _peak(process: psutil.Process) -> int:
    """The most resident memory of a process; where the system does not tell, the present one."""
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return process.memory_info().rss


def _forget_peak(pid: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _used(processes: list[psutil.Process]) -> float:
    seconds = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds
