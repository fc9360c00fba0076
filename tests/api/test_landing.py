"""Landing by itself: what threads came to is brought back, whoever gave up meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from api.landing import Landing


def test_more_than_there_are_threads_for_are_all_brought() -> None:
    async def bring() -> list[int]:
        with ThreadPoolExecutor(2) as pool:
            landing = Landing[int](pool, threads=2)

            def begun(number: int) -> Future[int]:
                future = Future[int]()
                future.set_result(number)
                return future

            waiting = [landing.bring(lambda n=n: begun(n)) for n in range(64)]  # type: ignore[misc]  # n is an int
            return await asyncio.gather(*waiting)

    assert list(range(64)) == asyncio.run(bring())


def test_who_gave_up_keeps_nobody_else_waiting() -> None:
    async def bring() -> None:
        with ThreadPoolExecutor(1) as pool:
            landing = Landing[int](pool, threads=1)
            one, other = Future[int](), Future[int]()
            given_up = asyncio.create_task(landing.bring(lambda: one))
            waiting = asyncio.create_task(landing.bring(lambda: other))
            await asyncio.sleep(0)
            await asyncio.wrap_future(pool.submit(lambda: None))  # behind both
            given_up.cancel()
            await asyncio.sleep(0)
            one.set_result(1)  # they land together
            other.set_result(2)

            assert 2 == await asyncio.wait_for(waiting, 20)

    asyncio.run(bring())


def test_what_goes_wrong_before_there_is_a_future_is_raised_where_it_is_waited_for() -> None:
    def fail() -> Future[int]:
        raise OSError("no")

    async def bring() -> None:
        with ThreadPoolExecutor(1) as pool:
            landing = Landing[int](pool, threads=1)
            with pytest.raises(OSError, match="no"):
                await landing.bring(fail)

    asyncio.run(bring())
