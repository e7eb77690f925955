/** A line for a command line, with a button that copies it. */
import { CopyButton } from "../parts";

export function Command({ line }: { line: string }) {
  return (
    <p class="command">
      <code>{line}</code>
      <CopyButton text={() => line}>Copy</CopyButton>
    </p>
  );
}
