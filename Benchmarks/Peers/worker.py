"""Runs jobs that do nothing through another library's queue, which the benchmark compares with Holdfast's.

usage: worker.py arq|saq|streaq|rq SOCKET [JOBS]

With a number of jobs it empties the server, enqueues them and says `enqueued`. Without one it works: it says `working`
at the first job, and answers each line that it reads with the number of jobs that it has begun.
Libraries that run jobs side by side run up to a hundred; everything else has its default.
"""
import asyncio
import os
import sys
import threading

CONCURRENCY = 100
begun = 0


def note() -> None:
    global begun
    begun += 1
    if begun == 1:
        print("working", flush=True)


async def nothing(*_, **__) -> None:
    note()


def nothing_at_all() -> None:
    pass


async def in_parts(enqueue, jobs: int) -> None:
    """Calls `enqueue` for each job, many at a time."""
    for _ in range(0, jobs, CONCURRENCY):
        await asyncio.gather(*(enqueue() for _ in range(CONCURRENCY)))


async def arq(socket: str, jobs: int) -> None:
    from arq import create_pool
    from arq.connections import RedisSettings
    from arq.worker import Worker

    settings = RedisSettings(unix_socket_path=socket)
    if jobs:
        pool = await create_pool(settings)
        await in_parts(lambda: pool.enqueue_job("nothing"), jobs)
    else:
        await Worker([nothing], redis_settings=settings, max_jobs=CONCURRENCY).async_run()


async def saq(socket: str, jobs: int) -> None:
    from redis.asyncio import Redis
    from saq import Worker
    from saq.queue.redis import RedisQueue

    queue = RedisQueue(Redis(unix_socket_path=socket))
    await queue.connect()
    if jobs:
        await in_parts(lambda: queue.enqueue("nothing"), jobs)
    else:
        await Worker(queue, [nothing], concurrency=CONCURRENCY).start()


async def streaq(socket: str, jobs: int) -> None:
    from streaq import Worker

    worker = Worker(redis_url=f"unix://{socket}", concurrency=CONCURRENCY)
    task = worker.task(nothing)
    if jobs:
        async with worker:
            for _ in range(0, jobs, 1000):
                await worker.enqueue_many([task.enqueue() for _ in range(1000)])
    else:
        await worker.run_async()


async def rq(socket: str, jobs: int) -> None:
    from redis import Redis
    from rq import Queue, Worker

    # Each job runs in a process of its own, so the worker does the counting.
    class CountingWorker(Worker):
        def execute_job(self, job, queue):
            note()
            super().execute_job(job, queue)

    connection = Redis(unix_socket_path=socket)
    queue = Queue(connection=connection)
    if jobs:
        data = [Queue.prepare_data(nothing_at_all) for _ in range(jobs)]
        queue.enqueue_many(data)
    else:
        CountingWorker([queue], connection=connection).work(logging_level="ERROR")


def answer() -> None:
    for _ in sys.stdin:
        print(begun, flush=True)
    # The benchmark is gone.
    os._exit(0)


def main() -> None:
    library, socket = sys.argv[1:3]
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    if jobs:
        from redis import Redis

        Redis(unix_socket_path=socket).flushall()
    else:
        threading.Thread(target=answer, daemon=True).start()
    asyncio.run({"arq": arq, "saq": saq, "streaq": streaq, "rq": rq}[library](socket, jobs))
    print("enqueued", flush=True)


main()
