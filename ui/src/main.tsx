/** The page: which view is shown in which place. */
import "./sources/no-eval";
import { render } from "preact";
import { embedded, readConfig } from "./config";
import type { PageDocument } from "./generated/run";
import { RunPage } from "./run/RunPage";
import { AppSource } from "./sources/app";
import { FileSource } from "./sources/file";
import { ServedSource } from "./sources/served";
import "katex/dist/katex.min.css";
import "./styles.css";
import { tryFonts } from "./text/math";
import { startTheme } from "./theme";
import { AppPage } from "./views/app";
import { ComparePage } from "./views/compare";
import { RunsPage } from "./views/runs";
import { StatsPage } from "./views/stats";

function page() {
  const config = readConfig();
  if (config.mode === "file") {
    const held = embedded("atlas-document") as PageDocument | null;
    return held ? (
      <RunPage source={new FileSource(held)} />
    ) : (
      <p class="message">This file holds no run.</p>
    );
  }
  if (config.mode === "app") return <AppPage source={new AppSource()} />;
  const { view, token, run_id: run = "", other = "" } = config;
  if (view === "runs") return <RunsPage />;
  if (view === "stats") return <StatsPage />;
  if (view === "compare") return <ComparePage a={run} b={other} />;
  return <RunPage source={new ServedSource(run, token)} />;
}

startTheme();
void tryFonts();
const place = document.getElementById("page");
if (place) render(page(), place);
