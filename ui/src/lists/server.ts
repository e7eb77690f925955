/** The documents about several runs, as the server has them. */
import type { CompareDocument } from "../generated/compare";
import type { RunsDocument } from "../generated/runs";
import type { StatsDocument } from "../generated/stats";
import { getJson } from "../http";

/** Get the runs that a query finds, or the newest ones. */
export function getRuns(query: string, limit: number, signal: AbortSignal): Promise<RunsDocument> {
  return getJson(`/api/runs?${new URLSearchParams({ query, limit: String(limit) })}`, signal);
}

/** Get two runs beside each other. */
export function getComparison(a: string, b: string, signal: AbortSignal): Promise<CompareDocument> {
  return getJson(`/api/compare/${encodeURIComponent(a)}/${encodeURIComponent(b)}`, signal);
}

/** Get the statistics of all runs. */
export function getStatistics(signal: AbortSignal): Promise<StatsDocument> {
  return getJson("/api/stats", signal);
}
