/** What a host says of the place that it gives the page: colours, room, safe edges. */
import { applyHostStyleVariables, type McpUiHostContext } from "@modelcontextprotocol/ext-apps";
import { setTheme } from "../theme";

/**
 * Look as the host does.
 *
 * Fonts of hosts come from addresses, and are left out: the page asks for nothing but its run.
 */
export function takeHostContext(context: McpUiHostContext): void {
  const { theme, styles, displayMode, safeAreaInsets: edges, containerDimensions: room } = context;
  const root = document.documentElement;
  if (theme) setTheme(theme);
  if (styles?.variables) applyHostStyleVariables(styles.variables);
  root.dataset.place = displayMode ?? "inline";
  if (edges) {
    const { top, right, bottom, left } = edges;
    document.body.style.padding = `${top}px ${right}px ${bottom}px ${left}px`;
  }
  const most = room && "maxHeight" in room ? room.maxHeight : undefined;
  if (most) root.style.setProperty("--most-height", `${most}px`);
}
