"""A program whose processes `multiprocessing` makes; each of them listens and logs.

    python pool_program.py processes|pool|executor fork|spawn|forkserver COUNT

It replaces a process that dies, where it makes them itself, and ends when it is terminated.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NoReturn

import ticking

from sealwire.integrations.processes import listen_in_process


def begin() -> None:
    """Set up a process as an application does, and listen: the initializer of a pool."""
    ticking.set_up()
    listen_in_process()
    ticking.start()


def work() -> None:
    """Be a process of one's own."""
    begin()
    while True:
        time.sleep(1)


def wait(_: int) -> None:
    """Be a task that takes a while, so that the next one goes to another process."""
    time.sleep(0.2)


def run_processes(how: str, count: int) -> NoReturn:
    """Keep up as many processes."""
    context = multiprocessing.get_context(how)
    running: list[multiprocessing.process.BaseProcess] = []
    while True:
        running = [each for each in running if each.is_alive()]
        while len(running) < count:
            started = context.Process(target=work, daemon=True)  # type: ignore[attr-defined]
            started.start()
            running.append(started)
        time.sleep(0.1)


def run_pool(how: str, count: int) -> NoReturn:
    """Have a pool whose processes are replaced after five tasks."""
    context = multiprocessing.get_context(how)
    with context.Pool(count, initializer=begin, maxtasksperchild=50) as pool:
        while True:
            pool.map(wait, range(count), chunksize=1)


def run_executor(how: str, count: int) -> NoReturn:
    """Have an executor; one that has lost a process is broken, and a new one takes its place."""
    context = multiprocessing.get_context(how)
    while True:
        try:
            with ProcessPoolExecutor(count, context, initializer=begin) as pool:
                while True:
                    list(pool.map(wait, range(count)))
        except BrokenProcessPool:
            continue


if __name__ == "__main__":
    kind, how, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    {"processes": run_processes, "pool": run_pool, "executor": run_executor}[kind](how, count)
