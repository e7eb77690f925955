import { defineConfig } from "vite";

/** The host of the tests; nothing of it is shipped. */
export default defineConfig({
  root: import.meta.dirname,
  build: {
    outDir: process.env.ATLAS_HOST_FOLDER ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    rolldownOptions: { input: ["index.html", "sandbox.html"] },
  },
});
