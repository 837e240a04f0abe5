import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { WifiOff } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { all } from "../actions/all";
import { questionsQuery, tasksQuery } from "../api/queries";
import { needsYou } from "../features/board/columns";
import { keyText } from "../parts/Kbd";
import { Toasts } from "../parts/Toast";
import { SceneProvider } from "./scene";
import { useConnection } from "./services";
import css from "./shell.module.css";

const Palette = lazy(() => import("./Palette").then(({ Palette }) => ({ default: Palette })));
const Shortcuts = lazy(() => import("./Shortcuts").then(({ Shortcuts }) => ({ default: Shortcuts })));

const places = [
  ["go.board", "/"],
  ["go.inbox", "/inbox"],
  ["create", "/new"],
  ["go.projects", "/projects"],
  ["go.prompts", "/prompts"],
  ["go.plugins", "/plugins"],
  ["go.usage", "/usage"],
  ["go.settings", "/settings"],
] as const;

/** What stands around every page: the places, what waits, the connection, the palette. */
export function Shell() {
  const [shown, show] = useState<"palette" | "shortcuts">();
  const close = () => show(undefined);
  const waiting = useWaiting();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const title = useRouterState({ select: (state) => titleOf(state.location.pathname) });
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${title}`;
  }, [waiting, title]);

  return (
    <SceneProvider show={show}>
      <a className={css.skip} href="#view">
        To the content
      </a>
      <div className={css.shell}>
        <nav className={css.nav} aria-label="Places">
          <Link to="/" className={css.brand}>
            <img src="/icon.svg" width={20} height={20} alt="" />
            <span className={css.word}>Taskwright</span>
          </Link>
          {places.map(([id, to]) => {
            const { icon: Icon, label, keys } = all.get(id);
            const current = to === "/" ? path === "/" || path.startsWith("/tasks/") : path.startsWith(to);
            return (
              <Link
                key={id}
                to={to as "/"}
                className={css.link}
                title={keys ? `${label} (${keyText(keys)})` : label}
                {...(current ? { "aria-current": "page" as const } : {})}
              >
                <Icon size={16} aria-hidden />
                <span className={css.word}>{label}</span>
                {id === "go.inbox" && waiting > 0 ? (
                  <span className={css.waits}>
                    {waiting}
                    <span className="visually-hidden"> waiting</span>
                  </span>
                ) : null}
              </Link>
            );
          })}
        </nav>
        <div className={css.main}>
          <Offline />
          <main id="view" className={css.view} tabIndex={-1}>
            <Outlet />
          </main>
        </div>
      </div>
      <Toasts />
      <Suspense>
        {shown === "palette" ? <Palette onClose={close} /> : null}
        {shown === "shortcuts" ? <Shortcuts onClose={close} /> : null}
      </Suspense>
    </SceneProvider>
  );
}

/** How many things wait for a person. */
function useWaiting(): number {
  const { data: questions = [] } = useQuery(questionsQuery);
  const { data: tasks = [] } = useQuery(tasksQuery);
  const asked = new Set(questions.map((question) => question.task_name));
  return questions.length + tasks.filter((task) => needsYou(task, false) && !asked.has(task.task_name)).length;
}

function Offline() {
  const connection = useConnection();
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (connection === "open") return setLate(false);
    const timer = setTimeout(() => setLate(true), 1_500);
    return () => clearTimeout(timer);
  }, [connection]);
  return (
    <div role="status">
      {late && connection !== "open" ? (
        <div className={css.offline}>
          <WifiOff size={14} aria-hidden />
          The connection is lost. What you see may be old; it is tried again.
        </div>
      ) : null}
    </div>
  );
}

function titleOf(path: string): string {
  const task = /^\/tasks\/(.+)$/.exec(path)?.[1];
  if (task) return `${decodeURIComponent(task)} · Taskwright`;
  const place = places.find(([, to]) => to !== "/" && path.startsWith(to));
  return place ? `${all.get(place[0]).label} · Taskwright` : "Taskwright";
}

/** The head of a page: its name and what one can do there. */
export function PageHead({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <header className={css.head}>
      <h1>{title}</h1>
      {children}
    </header>
  );
}

/** A page that is a head and a column of content. */
export function Page({
  title,
  tools,
  children,
}: {
  title: string;
  tools?: React.ReactNode;
  children: React.ReactNode;
}) {
  return (
    <>
      <PageHead title={title}>{tools}</PageHead>
      <div className={css.body} tabIndex={0} role="region" aria-label={title}>
        {children}
      </div>
    </>
  );
}
