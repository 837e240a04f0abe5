import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { questionsQuery, tasksQuery } from "../../api/queries";
import type { Question, Task } from "../../api/types";
import { Page } from "../../app/Shell";
import { Time } from "../../parts/Shown";
import { Empty, Loaded } from "../../parts/States";
import { StatusBadge } from "../../parts/StatusBadge";
import { needsYou } from "../board/columns";
import css from "./inbox.module.css";
import { QuestionCard } from "./QuestionCard";

/** Everything that waits for a person. */
export function Inbox() {
  const questions = useQuery(questionsQuery);
  const { data: tasks = [] } = useQuery(tasksQuery);
  return (
    <Page title="Needs you">
      <Loaded query={questions}>{(open) => <Waiting open={open} tasks={tasks} />}</Loaded>
    </Page>
  );
}

function Waiting({ open, tasks }: { open: Question[]; tasks: Task[] }) {
  const asked = new Set(open.map((question) => question.task_name));
  const waiting = tasks.filter((task) => needsYou(task, false) && !asked.has(task.task_name));
  if (open.length === 0 && waiting.length === 0) {
    return (
      <Empty title="Nothing waits for you">
        <p>Questions, permissions and escalations of all tasks appear here.</p>
      </Empty>
    );
  }
  return (
    <div className={css.list}>
      {open.map((question) => (
        <QuestionCard key={question.id} question={question} />
      ))}
      {waiting.map((task) => (
        <article key={task.id} className={css.card} aria-label={task.task_name} data-task={task.task_name}>
          <div className={css.head}>
            <StatusBadge status="NEEDS_YOU" />
            <Time at={task.updated_at} />
          </div>
          <p>
            <Link to="/tasks/$name" params={{ name: task.task_name }} data-stop>
              {task.task_name}
            </Link>{" "}
            waits for your next message.
          </p>
        </article>
      ))}
    </div>
  );
}
