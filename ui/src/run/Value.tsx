/** A JSON value as a reader sees it: names with values, lists and tables, and no braces. */
import { Wide } from "../parts";
import { cut } from "../text/cut";
import { Rich, RichLine } from "../text/Rich";
import { visible } from "../text/visible";

/** Deeper values, and more of them, are shown as JSON. */
const DEEPEST = 5;
const MOST = 100;

export function Value({ value, depth = 0 }: { value: unknown; depth?: number }) {
  if (value === null || value === undefined) return <span class="quiet">none</span>;
  if (typeof value === "string") return <Words text={value} />;
  if (typeof value === "boolean") return <>{value ? "yes" : "no"}</>;
  if (typeof value === "number") return <span class="figure">{String(value)}</span>;
  const entries = Object.entries(value as object);
  if (depth >= DEEPEST || entries.length > MOST) return <Json value={value} />;
  if (entries.length === 0) return <span class="quiet">empty</span>;
  if (!Array.isArray(value)) return <Fields entries={entries} depth={depth} />;
  const columns = columnsOf(value);
  return columns ? (
    <Rows rows={value} columns={columns} depth={depth} />
  ) : (
    <Items items={value} depth={depth} />
  );
}

/** An answer in a line: a text as it is drawn, a value with its names and no braces. */
export function AnswerLine({ answer, text }: { answer: unknown; text: string }) {
  const line = answer !== null && typeof answer === "object" ? valueLine(answer) : text;
  return <RichLine text={cut(line, LONGEST_LINE)} />;
}

const LONGEST_LINE = 300;

/** Return a value in a line: "left: red, right: blue". */
export function valueLine(value: unknown, depth = 0): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value).slice(0, 20);
  if (entries.length === 0) return "empty";
  if (depth > 3) return "…";
  const parts = entries.map(([name, one]) =>
    Array.isArray(value) ? valueLine(one, depth + 1) : `${name}: ${valueLine(one, depth + 1)}`,
  );
  const line = parts.join(", ");
  return depth > 0 ? `(${line})` : line;
}

function Words({ text }: { text: string }) {
  if (text === "") return <span class="quiet">empty</span>;
  return text.length <= 200 && !text.includes("\n") ? (
    <RichLine text={text} />
  ) : (
    <Rich text={text} />
  );
}

function Fields({ entries, depth }: { entries: [string, unknown][]; depth: number }) {
  return (
    <dl class="fields">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{visible(name)}</dt>
          <dd>
            <Value value={value} depth={depth + 1} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Items({ items, depth }: { items: unknown[]; depth: number }) {
  return (
    <ol class="items">
      {items.map((one, index) => (
        <li key={index}>
          <Value value={one} depth={depth + 1} />
        </li>
      ))}
    </ol>
  );
}

function Rows(props: { rows: unknown[]; columns: string[]; depth: number }) {
  return (
    <Wide label="Table">
      <table>
        <thead>
          <tr>
            {props.columns.map((name) => (
              <th key={name} scope="col">
                {visible(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, index) => (
            <tr key={index}>
              {props.columns.map((name) => (
                <td key={name}>
                  <Value
                    value={new Map(Object.entries(row as object)).get(name)}
                    depth={props.depth + 1}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

/** The names that all items of a list have, where each item is a flat object of the same few. */
function columnsOf(items: unknown[]): string[] | null {
  const first = items[0];
  if (items.length < 2 || !isFlat(first)) return null;
  const names = Object.keys(first);
  if (names.length === 0 || names.length > 6) return null;
  const same = items.every(
    (one) => isFlat(one) && Object.keys(one).join("\n") === names.join("\n"),
  );
  return same ? names : null;
}

function isFlat(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  return Object.values(value).every((one) => one === null || typeof one !== "object");
}

function Json({ value }: { value: unknown }) {
  return <pre class="json">{visible(JSON.stringify(value, null, 2)).slice(0, 20_000)}</pre>;
}
