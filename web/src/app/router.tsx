import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Board } from "../features/board/Board";
import { readBoardSearch } from "../features/board/search";
import { Empty, ErrorState, Skeleton } from "../parts/States";
import { Shell } from "./Shell";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Empty title="There is no such page">
      <a href="/">To the board</a>
    </Empty>
  ),
  errorComponent: ({ error, reset }) => <ErrorState error={error} again={reset} />,
});

const board = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: readBoardSearch,
  component: Board,
});

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const task = createRoute({
  getParentRoute: () => root,
  path: "/tasks/$name",
  validateSearch: (search: Record<string, unknown>): { tab?: string; file?: string } => {
    const [tab, file] = [text(search.tab), text(search.file)];
    return { ...(tab ? { tab } : {}), ...(file ? { file } : {}) };
  },
  component: lazyRouteComponent(() => import("../features/task/TaskPage"), "TaskPage"),
});

// A page: one line here, one `go` line in `actions/all.ts`, one entry of `places` in `Shell.tsx`.
const inbox = createRoute({
  getParentRoute: () => root,
  path: "/inbox",
  component: lazyRouteComponent(() => import("../features/inbox/Inbox"), "Inbox"),
});
const create = createRoute({
  getParentRoute: () => root,
  path: "/new",
  validateSearch: (search: Record<string, unknown>): { project?: string } => {
    const project = text(search.project);
    return project ? { project } : {};
  },
  component: lazyRouteComponent(() => import("../features/create/Create"), "Create"),
});
const projects = createRoute({
  getParentRoute: () => root,
  path: "/projects",
  component: lazyRouteComponent(() => import("../features/projects/Projects"), "Projects"),
});
const prompts = createRoute({
  getParentRoute: () => root,
  path: "/prompts",
  component: lazyRouteComponent(() => import("../features/prompts/Prompts"), "Prompts"),
});
const plugins = createRoute({
  getParentRoute: () => root,
  path: "/plugins",
  component: lazyRouteComponent(() => import("../features/plugins/Plugins"), "Plugins"),
});
const usage = createRoute({
  getParentRoute: () => root,
  path: "/usage",
  component: lazyRouteComponent(() => import("../features/usage/Usage"), "Usage"),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("../features/settings/Settings"), "Settings"),
});

export const router = createRouter({
  routeTree: root.addChildren([board, task, inbox, create, projects, prompts, plugins, usage, settings]),
  defaultPreload: "intent",
  defaultPendingComponent: Skeleton,
  defaultPendingMs: 150,
  scrollRestoration: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
