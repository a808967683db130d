"""Where Stepwell's time goes: row b's flood under a profiler. `python -m bench.profile --help`.

`--how calls` is cProfile on the loop's thread: exact counts, but it slows Python by two or three times and
says nothing of other threads. `--how samples` looks at all threads every few milliseconds and leaves out those
that wait for a lock or a socket: cheaper, and the way to see what the threads of `def` workflows do.
"""

import asyncio
import cProfile
import pstats
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from types import FrameType

import click

from bench import meter
from bench.lab import Lab
from bench.peers import Peer, load_peer
from bench.sizes import DEFAULT

SAMPLE_SECONDS = 0.002
START_PATIENCE_SECONDS = 60.0
#: Innermost functions that wait rather than work.
WAITING = frozenset({"wait", "select", "_wait_for_tstate_lock", "_flood_threads"})


@click.command()
@click.option("--concurrency", default=100, show_default=True)
@click.option("--seconds", default=5.0, show_default=True)
@click.option("--how", type=click.Choice(["calls", "samples"]), default="calls", show_default=True)
@click.option("--threads", is_flag=True, help="def workflows on threads; implies samples.")
@click.option("--sqlite", is_flag=True, help="On a SQLite file instead of Postgres.")
@click.option("--top", default=35, show_default=True, help="How many functions to print.")
def main(concurrency: int, seconds: float, how: str, threads: bool, sqlite: bool, top: int) -> None:
    """Profile steps per second of Stepwell in this process."""
    with Lab(DEFAULT) as lab:
        peer = load_peer("stepwell")
        peer.configure(lab.fresh_file("stepwell") if sqlite else lab.fresh_database("stepwell"))
        meter.reset_counts(concurrency)
        if threads:
            _flood_threads(peer, concurrency, seconds, top)
        else:
            asyncio.run(_flood_async(peer, concurrency, seconds, how, top))


async def _flood_async(peer: Peer, concurrency: int, seconds: float, how: str, top: int) -> None:
    async with peer.serving_async():
        runs = [asyncio.ensure_future(peer.flood_async(cell)) for cell in range(concurrency)]
        await meter.until(lambda: all(meter.counts), START_PATIENCE_SECONDS)
        with _rate(), _counted(top) if how == "calls" else _sampled(top):
            await asyncio.sleep(seconds)
        meter.flooding[0] = False
        await asyncio.gather(*runs)


def _flood_threads(peer: Peer, concurrency: int, seconds: float, top: int) -> None:
    with peer.serving():
        threads = [threading.Thread(target=peer.flood, args=(cell,)) for cell in range(concurrency)]
        for thread in threads:
            thread.start()
        while not all(meter.counts):
            time.sleep(0.01)
        with _rate(), _sampled(top):
            time.sleep(seconds)
        meter.flooding[0] = False
        for thread in threads:
            thread.join()


@contextmanager
def _rate() -> Iterator[None]:
    """Print steps per second, and CPU time per step of all threads of this process."""
    steps, wall, cpu = sum(meter.counts), time.perf_counter(), time.process_time()
    yield
    steps, wall, cpu = sum(meter.counts) - steps, time.perf_counter() - wall, time.process_time() - cpu
    print(f"{steps / wall:,.0f} steps per second while profiled, {cpu / steps * 1e6:.1f} us of CPU per step")


@contextmanager
def _counted(top: int) -> Iterator[None]:
    profiler = cProfile.Profile()
    profiler.enable()
    yield
    profiler.disable()
    stats = pstats.Stats(profiler, stream=sys.stdout).strip_dirs()
    stats.sort_stats("tottime").print_stats(top)
    _print_by_file(profiler, top)


def _print_by_file(profiler: cProfile.Profile, top: int) -> None:
    """Own time summed by file: which layer costs what."""
    own: Counter[str] = Counter()
    for entry in profiler.getstats():
        # A built-in function is described by a text, a Python function by its code object.
        file = "(built in)" if isinstance(entry.code, str) else _short(entry.code.co_filename)
        own[file] += round(entry.inlinetime * 1e6)
    _print_shares(own, "own time by file", top)


@contextmanager
def _sampled(top: int) -> Iterator[None]:
    """Count innermost frames, and the innermost of Stepwell's own files, over all other threads."""
    # By default the GIL is taken away so rarely that only places that give it up would be seen; even so they
    # are seen too often: for shares of the loop's thread trust the calls, for those of many threads the samples.
    sys.setswitchinterval(SAMPLE_SECONDS / 20)
    innermost: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            for thread, frame in sys._current_frames().items():
                if thread != threading.get_ident() and frame.f_code.co_name not in WAITING:
                    innermost[_name(frame)] += 1
                    own = _innermost_of_stepwell(frame)
                    if own is not None:
                        ours[_name(own)] += 1

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    yield
    over.set()
    sampler.join()
    _print_shares(innermost, "innermost function, of threads that do not wait", top)
    _print_shares(ours, "innermost function of stepwell", top)


def _innermost_of_stepwell(frame: FrameType | None) -> FrameType | None:
    while frame is not None and "/stepwell/" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame


def _print_shares(counted: Counter[str], title: str, top: int) -> None:
    total = sum(counted.values()) or 1
    print(f"\n{title}")
    for name, amount in counted.most_common(top):
        print(f"  {amount / total:6.1%}  {name}")


def _name(frame: FrameType) -> str:
    return f"{_short(frame.f_code.co_filename)}:{frame.f_code.co_firstlineno} {frame.f_code.co_qualname}"


def _short(file: str) -> str:
    return "/".join(PurePath(file).parts[-2:])


if __name__ == "__main__":
    main()
