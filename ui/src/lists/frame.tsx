/** What stands around every list: where one is, and the way to the others. */

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

export type Place = "runs" | "stats" | "compare" | "run";

/** Show `children` below the way to the other pages; `title` names the page in the window's title. */
export function Frame({
  title,
  here,
  children,
}: {
  title: string;
  here: Place;
  children: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} – atlas-mcp`;
  }, [title]);
  return (
    <>
      <Places here={here} />
      <main class={`lists lists-${here}`}>{children}</main>
    </>
  );
}

/** The ways to the list of runs and to the statistics, above every page that a server shows. */
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
