/** The page of a run in the chat of a host: it is drawn once the host has greeted it. */
import { useEffect, useState } from "preact/hooks";
import { RunPage } from "../run/RunPage";
import type { AppSource } from "../sources/app";

export function AppPage({ source }: { source: AppSource }) {
  const [state, setState] = useState<"waiting" | "greeted" | "alone">("waiting");
  useEffect(() => {
    source.start().then(
      () => setState("greeted"),
      () => setState("alone"),
    );
  }, [source]);
  if (state === "greeted") return <RunPage source={source} />;
  return (
    <p class="message" role="status">
      {state === "waiting"
        ? "Waiting for the host…"
        : "The host does not answer this page. The text of the result says how to open it otherwise."}
    </p>
  );
}
