import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./app.css";
import { router } from "./app/router";
import { cache, live } from "./app/services";

live.start();
addEventListener("pagehide", () => live.stop());
addEventListener("pageshow", (event) => event.persisted && live.start());

const place = document.getElementById("root");
if (!place) throw new Error("the page has no place for the application");
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
