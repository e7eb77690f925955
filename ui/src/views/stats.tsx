/** The statistics of all runs: what was spent, what ended on the winning side, how runs ended. */

import { count, counted, dollars, moment } from "../format";
import type { StatsDocument } from "../generated/stats";
import { Frame } from "../lists/frame";
import { useAsked } from "../lists/hooks";
import { getStatistics } from "../lists/server";
import { Trouble } from "../lists/trouble";
import { Command, Section } from "../parts";
import { Endings } from "../stats/endings";
import { Shares } from "../stats/shares";
import { Spending } from "../stats/spending";
import "../lists/lists.css";
import "../stats/stats.css";

/** How long the figures are good, in milliseconds; while runs are still being read, much shorter. */
const FRESH_MS = { read: 60_000, reading: 2_000 } as const;

export function StatsPage() {
  const {
    answer: stats,
    trouble,
    again,
    asking,
  } = useAsked("stats", getStatistics, (stats) =>
    stats.unindexed > 0 ? FRESH_MS.reading : FRESH_MS.read,
  );
  return (
    <Frame title="Statistics" here="stats">
      <h1>Statistics</h1>
      <Trouble trouble={trouble} onAgain={again} />
      {!stats && asking && <p role="status">Counting …</p>}
      {stats && stats.runs === 0 && stats.unindexed === 0 && <NoRuns />}
      {stats && (stats.runs > 0 || stats.unindexed > 0) && <Figures stats={stats} />}
    </Frame>
  );
}

function NoRuns() {
  return (
    <div class="nothing">
      <p>There is no run yet, so there is nothing to count. Start one:</p>
      <p class="command">
        <Command line={'atlas-mcp solve "How many primes are there below 100?"'} />
      </p>
    </div>
  );
}

function Figures({ stats }: { stats: StatsDocument }) {
  return (
    <>
      <Headline stats={stats} />
      {stats.note && <p class="note">{stats.note}</p>}
      <Spending months={stats.months} />
      <Section id="winning" title="On the winning side">
        <p>
          How often a candidate gave the answer that its run ended with. The line is the range in
          which the true share lies with 95 % confidence: it is wide where few were judged. A share
          says who agreed with the final answer, not who was right.
        </p>
        <Shares kind="Solver" rows={stats.solvers} />
        <Shares kind="Strategy" rows={stats.strategies} />
        <Shares kind="Effort" rows={stats.efforts} />
      </Section>
      <Endings rows={stats.outcomes} />
    </>
  );
}

function Headline({ stats }: { stats: StatsDocument }) {
  const { runs, answered, cost_usd, unpriced_runs, mean_cost_usd, mean_cost_of } = stats;
  return (
    <dl class="headline">
      <div>
        <dt>Runs</dt>
        <dd>{count(runs)}</dd>
        {stats.since !== null && <dd class="aside">since {moment(stats.since)}</dd>}
      </div>
      <div>
        <dt>Spent</dt>
        <dd>{dollars(cost_usd)}</dd>
        {unpriced_runs > 0 && (
          <dd class="aside">and {counted(unpriced_runs, "run")} of partly unknown price</dd>
        )}
      </div>
      <div>
        <dt>Answered</dt>
        <dd>
          {count(answered)} of {count(runs)}
        </dd>
        {stats.mean_explores !== null && (
          <dd class="aside">{stats.mean_explores.toFixed(1)} explores each, on average</dd>
        )}
      </div>
      <div>
        <dt>An answer costs</dt>
        <dd>{mean_cost_usd === null ? "–" : dollars(mean_cost_usd)}</dd>
        {mean_cost_usd !== null && (
          <dd class="aside">on average of {counted(mean_cost_of, "answered run")}</dd>
        )}
      </div>
    </dl>
  );
}
