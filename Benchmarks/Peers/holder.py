"""Holds a lock again and again with another library, as the benchmark's own holder does with Holdfast.

usage: holder.py python-redis-lock|redis-py SOCKET

Says `ready`, reads until when to continue (CLOCK_MONOTONIC, ns), and reports, for each time that it held the lock,
when it ran and when it released.
"""
import sys
import time

import redis

LEASE = 30  # seconds, like Holdfast's
HOLD = 0.00005  # seconds


def make_lock(library: str, client: redis.Redis):
    """A lock as the library makes it by default, except for the lease."""
    if library == "redis-py":
        return client.lock("handoff-redis-py", timeout=LEASE)
    import redis_lock

    return redis_lock.Lock(client, "handoff", expire=LEASE)


def main() -> None:
    library, socket = sys.argv[1:]
    client = redis.Redis(unix_socket_path=socket)
    client.ping()
    print("ready", flush=True)
    end = int(sys.stdin.readline())
    records = []
    while time.monotonic_ns() < end:
        lock = make_lock(library, client)
        lock.acquire()
        running = time.monotonic_ns()
        time.sleep(HOLD)
        released = time.monotonic_ns()
        lock.release()
        records.append(f"{running} {released}")
    print("\n".join(records + ["end"]), flush=True)


main()
