"""From a request to the submission that has an engine open the run.

Owns the threads in which runs are planned and the check against the day's cap; the rules themselves
are in `request` and `explores`. Nothing has been spent, or recorded, when a plan is refused. A plan
is checked against the cap apart, since a call that joins a run spends nothing of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

import anyio
import anyio.to_thread

from atlas_mcp.atlas.explore_requests import ExploreRequest, plan_client_explores
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.questions import QuestionRequest, check_question, price_of_question
from atlas_mcp.atlas.resuming import carries_on
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.starting import cheapest_explore
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import bound_text
from atlas_mcp.atlas.workflows.registry import workflow_asked_for
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import AtlasError, ConfigError, InvalidInput
from atlas_mcp.journal.base import Spending
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.day_spending import DaySpending
from atlas_mcp.runs.engine import OpenRun
from atlas_mcp.runs.request import RunRequest, plan_explores, plan_solve

logger = logging.getLogger(__name__)

PLANS_AT_ONCE = 16
"""Threads that plan runs."""

MORE_OF_THE_DAY = "raise it under [budget] in atlas.toml, or try again once other runs have ended"
"""What a caller can do where the cap of the day leaves too little."""

QUICK_CHARS = 50_000
"""Characters of a problem that is planned on the event loop."""


@dataclass(slots=True)
class Planner:
    """Plans runs off the event loop where that takes a while.

    Args:
        settings: The configuration.
        pool: The models.
        journal: Holds the sum that the runs of the home have spent today.
        retries: How the calls of a run are made again.
    """

    settings: Settings
    pool: Pool
    journal: Spending
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    _plans_quickly: bool = field(init=False, default=False)
    # Threads of their own: a caller waits for its handle, and other threads may be busy with
    # pictures for minutes.
    _threads: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(PLANS_AT_ONCE)
    )

    async def solve(self, problem: Problem, request: RunRequest) -> OpenRun:
        """Plan a run that one of our workflows carries on, whatever the day has cost.

        Raises:
            InvalidInput: An argument breaks a rule.
            ConfigError: The configuration cannot serve the run.
            ModelFileError: The model hub cannot be asked about an embedded model.
        """
        workflow = workflow_asked_for(request.workflow)
        await self.pool.look_up(request.solvers, orchestrator=workflow.orchestrated)
        plan = partial(plan_solve, problem, request, pool=self.pool, settings=self.settings)
        spec = await self._planned(problem, plan)
        return OpenRun(problem, spec)

    async def explore(
        self, problem: Problem | None, request: RunRequest, explores: ExploreRequest
    ) -> OpenRun:
        """Plan a run whose explores the client asks for, with the first of them.

        What the day has cost does not count here.

        Raises:
            InvalidInput: An argument breaks a rule.
            ConfigError: The configuration cannot serve the run.
            ModelFileError: The model hub cannot be asked about an embedded model.
        """
        if problem is None:
            raise InvalidInput("problem", "is missing; only with a run_id it may be left out")
        if explores.solver is not None:
            request = replace(request, solvers=[explores.solver])
        plan = partial(
            plan_explores, problem, request, explores.count, pool=self.pool, settings=self.settings
        )
        try:
            await self.pool.look_up(request.solvers, orchestrator=False)
            spec = await self._planned(problem, plan)
        except InvalidInput as error:
            if error.argument == "solvers" and explores.solver is not None:
                raise InvalidInput("solver", error.rule) from None
            raise
        planned = plan_client_explores(spec, explores)
        return OpenRun(problem, spec, planned)

    async def question(
        self,
        state: RunState,
        question: str,
        *,
        max_cost_usd: float | Decimal | None = None,
        fresh: bool = False,
    ) -> QuestionRequest:
        """Plan a question about a run, with the model that answers where the run has none.

        Raises:
            InvalidInput: The question breaks a rule.
            ConfigError: The day's cap leaves too little for it.
        """
        cap = None if max_cost_usd is None else Decimal(str(max_cost_usd))
        model = None if state.spec.orchestrator is not None else await self._configured(state)
        request = QuestionRequest(check_question(question), model, cap, fresh)
        day = DaySpending(self.journal, self.settings.budget.max_cost_usd_per_day)
        if carries_on(state) and (left := await day.left()) is not None:
            price = price_of_question(state, request)
            if left < price:
                raise ConfigError(
                    f"{await day.text()}, and a question must be able to cost "
                    f"{bound_text(price)}: {MORE_OF_THE_DAY}, or tomorrow"
                )
        return request

    async def _configured(self, state: RunState) -> ModelSpec | None:
        """Return the configured orchestrator for a run without; `None` where it cannot be used."""
        try:
            await self.pool.look_up([], orchestrator=True)
            choose = partial(self.pool.orchestrator, state.spec.solvers)
            return await anyio.to_thread.run_sync(choose, limiter=self._threads)
        except AtlasError as error:
            logger.info("questions go to the first solver of the run: %s", error)
            return None

    async def check_day_cap(self, plan: OpenRun) -> None:
        """Refuse a run of which the day's cap leaves no explore.

        Raises:
            ConfigError: It leaves none.
        """
        day = DaySpending(self.journal, self.settings.budget.max_cost_usd_per_day)
        if (left := await day.left()) is None:
            return
        lowest = cheapest_explore(plan.problem, plan.spec, left)
        if lowest is not None:
            unknown = await day.committed() is None
            way_on = "take it out of [budget] in atlas.toml" if unknown else MORE_OF_THE_DAY
            raise ConfigError(
                f"{await day.text()}, and one explore must be able to cost "
                f"{bound_text(lowest)}: {way_on}, or tomorrow"
            )

    async def _planned(self, problem: Problem, plan: Callable[[], RunSpec]) -> RunSpec:
        """Make a plan: on the event loop where it takes a tenth of a millisecond."""
        plain = problem.answer_schema is None and not problem.images
        if self._plans_quickly and plain and len(problem.text) <= QUICK_CHARS:
            return replace(plan(), retries=self.retries)
        spec = await anyio.to_thread.run_sync(plan, limiter=self._threads)
        # The price tables load for a fifth of a second when first asked.
        self._plans_quickly = True
        return replace(spec, retries=self.retries)
