import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// In development the pages come from Vite and everything else from a server that runs already.
const server = process.env.TASKWRIGHT_SERVER ?? "http://127.0.0.1:8080";
const toServer = { target: server, ws: true, changeOrigin: true, headers: { origin: server } };

const own = (path: string): string => new URL(`./src/parts/code/${path}`, import.meta.url).pathname;

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: [
      { find: /^shiki\/langs$/, replacement: own("languages.ts") },
      { find: /^@pierre\/theming\/themes$/, replacement: own("themes.ts") },
      { find: /^@pierre\/highlights\/themes\/loader$/, replacement: own("none.ts") },
      { find: /^shiki\/wasm$/, replacement: own("none.ts") },
    ],
  },
  preview: { proxy: { "/api": toServer, "/login": toServer, "/health": toServer } },
  server: { proxy: { "/api": toServer, "/login": toServer, "/health": toServer } },
  build: { target: "es2023", sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
