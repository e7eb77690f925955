/** What went wrong with the last request, and when it is made again. */

import type { Trouble as LostAnswer } from "./asking";
import { useNow } from "./hooks";

export function Trouble({ trouble, onAgain }: { trouble: LostAnswer | null; onAgain: () => void }) {
  return (
    <div role="alert">
      {trouble && (
        <div class="lost trouble">
          <p>
            {trouble.reason} {trouble.againAt !== null && <Countdown until={trouble.againAt} />}
          </p>
          <button type="button" onClick={onAgain}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}

/** Counts down without being read out each second. */
function Countdown({ until }: { until: number }) {
  const left = Math.max(0, Math.ceil((until - useNow(500)) / 1000));
  return (
    <span aria-hidden="true">{left > 0 ? `Next attempt in ${left} s.` : "Trying again …"}</span>
  );
}
