import { createHash } from "node:crypto";
import type { Plugin } from "vite";
import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";

/** Where the built file goes; CI builds into a folder of its own and compares. */
const target = process.env.ATLAS_PAGE_FOLDER ?? "../atlas_mcp/views/page";

/** Leave of KaTeX's fonts the one format that every browser of today reads. */
function oneFontFormat(): Plugin {
  return {
    name: "one-font-format",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("katex") || !id.endsWith(".css")) return null;
      return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\("[a-z]+"\)/g, "");
    },
  };
}

/** Put the policy into the file: this script and this style, and no address but its own server. */
function contentPolicy(): Plugin {
  return {
    name: "content-policy",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const page = bundle["index.html"];
        if (page?.type !== "asset") throw new Error("there is no index.html");
        const html = String(page.source);
        const policy = [
          "default-src 'none'",
          `script-src ${hashes(html, /<script type="module"[^>]*>([\s\S]*?)<\/script>/g)}`,
          `style-src ${hashes(html, /<style rel="stylesheet"[^>]*>([\s\S]*?)<\/style>/g)}`,
          "img-src data: 'self'",
          "font-src data:",
          "connect-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
        ].join("; ");
        const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}" />`;
        page.source = html.replace('<meta charset="utf-8" />', (first) => `${first}\n    ${meta}`);
        page.fileName = "page.html";
      },
    },
  };
}

function hashes(html: string, parts: RegExp): string {
  const found = [...html.matchAll(parts)].map((part) => part[1] ?? "");
  if (found.length !== 1) throw new Error(`${found.length} parts match ${parts}`);
  return found
    .map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`)
    .join(" ");
}

export default defineConfig({
  plugins: [oneFontFormat(), viteSingleFile({ removeViteModuleLoader: true }), contentPolicy()],
  build: {
    outDir: target,
    emptyOutDir: false,
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    target: "es2022",
    modulePreload: false,
    reportCompressedSize: false,
    license: { fileName: "page.licenses.md" },
  },
});
