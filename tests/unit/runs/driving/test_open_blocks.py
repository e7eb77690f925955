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
        assert late.deadline == now + 20
    with blocks.bounded(now + 10, gets_grace=lambda: True) as soon:
        assert soon.deadline == now + 10
