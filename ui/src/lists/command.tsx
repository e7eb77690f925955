/** A line for a command line, with a button that copies it. */

import { useState } from "preact/hooks";

export function Command({ line }: { line: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <p class="command">
      <code>{line}</code>
      <button
        type="button"
        onClick={() => void navigator.clipboard.writeText(line).then(() => setCopied(true))}
      >
        {copied ? "Copied" : "Copy"}
      </button>
    </p>
  );
}
