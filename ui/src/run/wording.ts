/** Facts of a run in words. */

import { count, counted, dollars, duration } from "../format";
import type { PageCandidate, PageDocument } from "../generated/run";

/** The status in a word or three. */
export function statusWord(run: PageDocument): string {
  if (run.status === "running") return run.waiting ? "Waiting" : "Running";
  if (run.stop_reason === "no_supported_answer") return "No supported answer";
  return {
    answered: "Answered",
    cancelled: "Cancelled",
    interrupted: "Interrupted",
    failed: "Failed",
  }[run.status];
}

/** How good the news is: it chooses a colour, beside the words. */
export function statusTone(run: PageDocument): "good" | "warn" | "bad" | "live" {
  if (run.status === "running") return "live";
  if (run.status === "failed") return "bad";
  return run.status === "answered" && run.stop_reason !== "no_supported_answer" ? "good" : "warn";
}

/** Why the run ended, as a sentence. */
export function stopSentence(run: PageDocument): string | null {
  const { limits } = run;
  switch (run.stop_reason) {
    case null:
      return run.status === "interrupted"
        ? "The process that drove it went away: it can go on."
        : null;
    case "decided":
      if (run.workflow.name === "explore") return "All explores that were asked for are done.";
      return run.workflow.name === "atlas"
        ? "The orchestrator stopped: it found the evidence sufficient."
        : "The workflow came to its end.";
    case "no_supported_answer":
      return "The orchestrator stopped: the evidence supports no answer.";
    case "max_explores":
      return `It stopped at its limit of ${counted(limits.max_explores, "explore")}.`;
    case "max_cost":
      return `It stopped at its cap of ${dollars(limits.max_cost_usd)}.`;
    case "deadline":
      return `It stopped at its time limit of ${duration(limits.time_limit_s)}.`;
    case "cancelled":
      return "It was cancelled.";
    case "no_candidates":
      return "No solver gave a usable answer.";
    case "error":
      return "An error ended it.";
  }
}

/** How many explores have been made, of how many: "3 of 8". */
export function progress(run: PageDocument): string {
  const done = run.candidates.filter((one) => one.state === "ok" || one.state === "failed").length;
  return `${done} of ${count(run.limits.max_explores)}`;
}

/** Who made a candidate, without its number: "sonnet, high effort, decompose". */
export function makerOf(one: PageCandidate): string {
  const parts = [one.solver];
  if (one.role !== "solver") parts.push(one.role);
  if (one.effort) parts.push(`${one.effort} effort`);
  if (one.strategy && one.strategy !== "direct") parts.push(one.strategy.replaceAll("_", " "));
  return parts.join(", ");
}

/** What has happened between two documents, for those who cannot see it. */
export function news(before: PageDocument | null, now: PageDocument): string {
  if (!before || before.run_id !== now.run_id || before.version === now.version) return "";
  const sentences: string[] = [];
  const states = new Map(before.candidates.map((one) => [one.explore_id, one.state]));
  for (const one of now.candidates) {
    if (states.get(one.explore_id) === one.state) continue;
    if (one.state === "ok")
      sentences.push(`Explore ${one.explore_id} answers: ${(one.answer_text ?? "").slice(0, 80)}.`);
    else if (one.state === "failed") sentences.push(`Explore ${one.explore_id} failed.`);
  }
  const started = now.candidates.filter(
    (one) => one.state === "running" && states.get(one.explore_id) !== "running",
  );
  if (started.length > 0) sentences.push(`${counted(started.length, "explore")} started.`);
  if (before.status !== now.status)
    sentences.push(`${statusWord(now)}. ${now.answer ? now.answer.text.slice(0, 200) : ""}`);
  const answered = now.questions.filter((one) => one.state === "answered").length;
  if (answered > before.questions.filter((one) => one.state === "answered").length)
    sentences.push("A question has its answer.");
  return sentences.join(" ");
}
