// Makes src/generated/*.ts from schema/*.schema.json, which Python writes.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const schemas = new URL("../schema/", import.meta.url);
const generated = new URL("../src/generated/", import.meta.url);
mkdirSync(generated, { recursive: true });
for (const name of readdirSync(schemas).filter((one) => one.endsWith(".schema.json"))) {
  const stem = name.replace(".schema.json", "");
  const schema = JSON.parse(readFileSync(new URL(name, schemas), "utf8"));
  const root = schema.title ?? stem;
  const types = await compile(untitled(schema), root, {
    additionalProperties: false,
    bannerComment: `// Made from schema/${name} by scripts/types.mjs.`,
    unknownAny: true,
  });
  writeFileSync(new URL(`${stem}.ts`, generated), types);
}

/** Take the titles of fields out: a type of its own for each of them tells a reader nothing. */
function untitled(part) {
  if (Array.isArray(part)) return part.map(untitled);
  if (part === null || typeof part !== "object") return part;
  const entries = Object.entries(part).filter(
    ([key, value]) => !(key === "title" && typeof value === "string"),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, untitled(value)]));
}
