/** Words that lists need beside those of every page: of states, of times gone by. */
import type { RunLine } from "../generated/runs";

type StopReason = RunLine["stop_reason"];

/** How a run stands, or ended. */
export type State = Pick<RunLine, "status" | "stop_reason">;

/** A large number in few characters: "1.2M". */
export function short(value: number): string {
  return value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 1 });
}

/** How long ago a moment was, its date from a day on; both in seconds. */
export function ago(then: number, now: number): string {
  const seconds = Math.max(0, now - then);
  if (seconds < 45) return "just now";
  if (seconds < 3_570) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3_600)} h ago`;
  return new Date(then * 1_000).toLocaleDateString(undefined, { dateStyle: "medium" });
}

const STOPS: Record<NonNullable<StopReason>, string> = {
  decided: "decided",
  no_supported_answer: "no supported answer",
  max_explores: "limit of explores",
  max_cost: "limit of cost",
  deadline: "out of time",
  cancelled: "cancelled",
  no_candidates: "no candidates",
  error: "error",
};

/** Why a run ended, in a few words. */
function stopText(reason: StopReason): string {
  return reason === null ? "not ended" : STOPS[reason];
}

/** The status of a run, and why it ended where that says more. */
export function stateText({ status, stop_reason }: State): string {
  if (stop_reason === "no_supported_answer") return stopText(stop_reason);
  if (stop_reason === null || stop_reason === "decided" || stop_reason === status) return status;
  return `${status}: ${stopText(stop_reason)}`;
}
