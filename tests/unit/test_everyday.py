"""Which cases of a test run every day, and which only in CI."""

from __future__ import annotations

from tests.support.everyday import Case, are_files, not_every_day


def cases_of(name: str, cases: int, loops: int = 1) -> list[Case]:
    return [
        (name, {"n": case, "anyio_backend": loop}) for loop in range(loops) for case in range(cases)
    ]


def test_a_test_of_both_loops_runs_on_one_of_them_with_each_of_its_cases() -> None:
    cases = cases_of("a", 20, loops=2)

    left = [case for place, case in enumerate(cases) if place not in not_every_day(cases, {})]

    assert sorted(parameters["n"] for _, parameters in left) == list(range(20))
    assert {parameters["anyio_backend"] for _, parameters in left} == {0, 1}


def test_of_a_limited_test_so_many_cases_run_from_its_beginning_to_its_end() -> None:
    cases = [*cases_of("a", 42), *cases_of("b", 3)]

    left = set(range(45)) - not_every_day(cases, {"a": 7, "b": 7})

    assert left == {0, 6, 12, 18, 24, 30, 36, 42, 43, 44}


def test_a_test_limited_to_none_runs_in_ci_only() -> None:
    assert not_every_day([*cases_of("a", 2, loops=2), ("b", {})], {"a": 0, "b": 0}) == set(range(5))


def test_a_test_without_parameters_runs_every_day() -> None:
    assert not_every_day([("a", {}), ("b", {})], {"a": 1}) == set()


def test_named_files_are_told_from_folders() -> None:
    assert are_files([__file__, f"{__file__}::test_x[a::b]"])
    assert not are_files([__file__, "tests/unit"])
