import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// In development the pages come from Vite and everything else from a server that runs already.
const server = process.env.TASKWRIGHT_SERVER ?? "http://127.0.0.1:8080";
const toServer = { target: server, ws: true, headers: { origin: server } };

export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": toServer, "/login": toServer, "/health": toServer } },
  build: { target: "es2023", sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
