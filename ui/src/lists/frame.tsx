/** What stands around the lists: the ways to the other pages, and the title of the window. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { ThemeSwitch } from "../parts";

type Place = "runs" | "stats" | "compare" | "run";

/** Show `children` under the ways to the other pages; `title` names the window. */
export function Frame(props: { title: string; here: Place; children: ComponentChildren }) {
  const { title, here, children } = props;
  useEffect(() => {
    document.title = `${title} – atlas-mcp`;
  }, [title]);
  return (
    <div class={`lists lists-${here}`}>
      <header class="top">
        <Places here={here} />
        <ThemeSwitch />
      </header>
      <main>{children}</main>
    </div>
  );
}

/** The ways to the list of runs and to the statistics. */
export function Places({ here }: { here: Place }) {
  return (
    <nav class="places" aria-label="Pages">
      <a href="/runs" aria-current={here === "runs" ? "page" : undefined}>
        Runs
      </a>
      <a href="/stats" aria-current={here === "stats" ? "page" : undefined}>
        Statistics
      </a>
    </nav>
  );
}
