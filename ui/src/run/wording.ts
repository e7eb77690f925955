/** Facts of a run in words. */

import { count, counted } from "../format";
import type { PageCandidate, PageDocument } from "../generated/run";

/** How good the news is: it chooses a colour, beside the words. */
export function statusTone(run: PageDocument): "good" | "warn" | "bad" | "live" {
  if (run.status === "running") return "live";
  if (run.status === "failed") return "bad";
  return run.status === "answered" && run.stop_reason !== "no_supported_answer" ? "good" : "warn";
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
    sentences.push(`${now.status_text}. ${now.answer ? now.answer.text.slice(0, 200) : ""}`);
  const answered = now.questions.filter((one) => one.state === "answered").length;
  if (answered > before.questions.filter((one) => one.state === "answered").length)
    sentences.push("A question has its answer.");
  return sentences.join(" ");
}
