import { CircleCheck, CircleDashed, CircleDot } from "lucide-react";
import type { Todo } from "./talk";
import css from "./task.module.css";

const icons = { pending: CircleDashed, in_progress: CircleDot, completed: CircleCheck };
const words = { pending: "to do", in_progress: "in work", completed: "done" };

/** The agent's own list of things to do. */
export function Todos({ todos }: { todos: readonly Todo[] }) {
  if (todos.length === 0) return null;
  const done = todos.filter((todo) => todo.state === "completed").length;
  const now = todos.find((todo) => todo.state === "in_progress");
  return (
    <details className={css.todos}>
      <summary>
        <progress value={done} max={todos.length} aria-label="The agent’s list" />
        {done} of {todos.length}
        <span className={css.subject}>{now?.text}</span>
      </summary>
      <ul>
        {todos.map((todo) => {
          const Icon = icons[todo.state];
          return (
            <li key={todo.text} data-state={todo.state}>
              <Icon size={14} role="img" aria-label={words[todo.state]} />
              {todo.text}
            </li>
          );
        })}
      </ul>
    </details>
  );
}
