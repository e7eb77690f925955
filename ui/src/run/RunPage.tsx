/** The page of a run, in the order in which a doubting reader asks. */
import { useRun } from "../follow";
import type { Source } from "../source";
import { RichLine } from "../text/Rich";

export function RunPage({ source }: { source: Source }) {
  const { run, lost } = useRun(source);
  if (!run) return <p class="message">{lost ?? "Loading the run…"}</p>;
  return (
    <main>
      <h1>{run.title}</h1>
      {run.answer && <RichLine text={run.answer.text} />}
    </main>
  );
}
