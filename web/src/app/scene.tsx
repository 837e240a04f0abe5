import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useRouter } from "@tanstack/react-router";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef } from "react";
import { all } from "../actions/all";
import { match, pressed, SEQUENCE_MS } from "../actions/keys";
import type { Action, Scene } from "../actions/registry";
import { keys, questionsQuery, taskQuery } from "../api/queries";
import type { Question, Task } from "../api/types";

const SceneContext = createContext<(() => Scene) | undefined>(undefined);

/** What actions may use at this moment. */
export function useScene(): () => Scene {
  const scene = useContext(SceneContext);
  if (!scene) throw new Error("a scene is needed around this");
  return scene;
}

interface Props {
  show: Scene["show"];
  children: ReactNode;
}

/** Gives actions their scene and listens to the keyboard. */
export function SceneProvider({ show, children }: Props) {
  const cache = useQueryClient();
  const router = useRouter();
  const params = useParams({ strict: false }) as { name?: string };
  const name = params.name;

  const scene = useCallback((): Scene => {
    const focused = document.activeElement?.closest<HTMLElement>("[data-task]")?.dataset.task;
    const wanted = focused ?? name;
    const tasks = cache.getQueryData<Task[]>(keys.tasks);
    const task =
      wanted === undefined
        ? undefined
        : (cache.getQueryData<Task>(keys.task(wanted)) ?? tasks?.find((other) => other.task_name === wanted));
    const asked = document.activeElement?.closest<HTMLElement>("[data-question]")?.dataset.question;
    const questions = cache.getQueryData<Question[]>(keys.questions) ?? [];
    const question = questions.find((one) => (asked ? one.id === asked : one.task_name === wanted));
    return { cache, task, question, show, go: (path) => void router.navigate({ href: path }) };
  }, [cache, name, router, show]);

  const prefix = useRef({ keys: "", at: 0 });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || /^(Shift|Control|Alt|Meta)$/.test(event.key)) return;
      const target = event.target as HTMLElement;
      const typing = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
      if (
        document.querySelector('[role="dialog"], [role="listbox"], [role="menu"]') &&
        !event.metaKey &&
        !event.ctrlKey
      )
        return;
      const before = Date.now() - prefix.current.at < SEQUENCE_MS ? prefix.current.keys : "";
      const found = match(all.available(scene()), before, pressed(event), typing);
      prefix.current = { keys: found.prefix, at: Date.now() };
      if (found.action || found.prefix !== "") event.preventDefault();
      found.action?.perform(scene());
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [scene]);

  return <SceneContext value={scene}>{children}</SceneContext>;
}

/** The actions of a task that are possible now, for its menu. */
export function useTaskActions(task: Task): Action[] {
  useQuery({ ...taskQuery(task.task_name), enabled: false });
  const { data: questions } = useQuery(questionsQuery);
  const scene = useScene()();
  const question = questions?.find((one) => one.task_name === task.task_name);
  return all.available({ ...scene, task, question }).filter((action) => action.section === "Task");
}
