/** What the page was given: where it stands, and the document that came with it. */

export type Config =
  | { mode: "file" }
  | {
      mode: "served";
      view: "run" | "runs" | "stats" | "compare";
      token: string;
      run_id?: string;
      other?: string;
    }
  | { mode: "app" };

/** Read the configuration; a page without one shows a file. */
export function readConfig(): Config {
  return (embedded("atlas-config") as Config | null) ?? { mode: "file" };
}

/** Read the JSON of a placeholder. */
export function embedded(id: string): unknown {
  const text = document.getElementById(id)?.textContent ?? "null";
  return JSON.parse(text) as unknown;
}
