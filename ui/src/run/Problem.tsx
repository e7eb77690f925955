/** The question as it was asked, with its pictures. */
import type { PageDocument, PagePicture } from "../generated/run";
import { Section } from "../parts";
import { Rich } from "../text/Rich";
import { visible } from "../text/visible";

export function Problem({ run }: { run: PageDocument }) {
  const { problem } = run;
  return (
    <Section id="problem" title="Problem">
      <Rich text={problem.text} />
      {problem.images.length > 0 && (
        <ul class="pictures">
          {problem.images.map((one, index) => (
            <li key={index}>
              <Picture one={one} number={index + 1} />
            </li>
          ))}
        </ul>
      )}
      {problem.answer_schema && (
        <details>
          <summary>Schema of the answer</summary>
          <pre class="json">
            {visible(JSON.stringify(problem.answer_schema, null, 2)).slice(0, 50_000)}
          </pre>
        </details>
      )}
    </Section>
  );
}

/** A picture that came with the problem; one at an address stays there, and is named. */
function Picture({ one, number }: { one: PagePicture; number: number }) {
  if (one.data && /^image\/(?:png|jpeg|gif|webp)$/.test(one.media_type ?? ""))
    return (
      <img
        src={`data:${one.media_type};base64,${one.data}`}
        alt={`Number ${number} of those that came with the problem`}
      />
    );
  return (
    <p class="note">
      Picture {number}: {one.url ? visible(one.url).slice(0, 500) : "it cannot be shown"}
    </p>
  );
}
