import anyio

from atlas_mcp.runs.driving.open_blocks import OpenBlocks


async def test_a_stop_ends_at_once_what_waits_for_its_turn_and_gives_the_rest_a_grace() -> None:
    blocks, ended = OpenBlocks(), list[str]()

    async def block(name: str, *, gets_grace: bool, until: anyio.Event) -> None:
        with blocks.bounded(anyio.current_time() + 100, gets_grace=lambda: gets_grace):
            await until.wait()
            ended.append(f"{name} was done")
            return
        ended.append(f"{name} was ended")

    replied = anyio.Event()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: block("call", gets_grace=True, until=replied))
            tasks.start_soon(lambda: block("wait", gets_grace=False, until=anyio.Event()))
            await anyio.wait_all_tasks_blocked()
            blocks.stop(anyio.current_time() + 50)
            await anyio.wait_all_tasks_blocked()
            assert ended == ["wait was ended"]
            replied.set()
    assert ended == ["wait was ended", "call was done"]


async def test_a_later_stop_only_shortens_the_grace_also_of_blocks_that_open_after_it() -> None:
    blocks = OpenBlocks()
    now = anyio.current_time()
    blocks.stop(now + 50)
    blocks.stop(now + 20)
    blocks.stop(now + 70)

    with blocks.bounded(now + 100, gets_grace=lambda: True) as late:
        assert (late.scope.deadline, late.ends_by_stop) == (now + 20, True)
    with blocks.bounded(now + 10, gets_grace=lambda: True) as soon:
        assert (soon.scope.deadline, soon.ends_by_stop) == (now + 10, False)


async def test_a_lift_gives_blocks_their_own_deadlines_back_but_no_ended_one_its_time() -> None:
    blocks = OpenBlocks()
    now = anyio.current_time()
    with blocks.bounded(now + 100, gets_grace=lambda: True) as call:
        with blocks.bounded(now + 100, gets_grace=lambda: False) as wait:
            blocks.stop(now + 20)
            assert (call.scope.deadline, call.ends_by_stop) == (now + 20, True)
            blocks.lift()
            assert (call.scope.deadline, call.ends_by_stop) == (now + 100, False)
            await anyio.sleep_forever()
        assert wait.ends_by_stop, "also for the part that learns of its end only after the lift"

    with blocks.bounded(now + 70, gets_grace=lambda: True) as later:
        assert later.scope.deadline == now + 70
