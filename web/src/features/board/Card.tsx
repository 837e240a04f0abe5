import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ellipsis, GitBranch } from "lucide-react";
import { memo } from "react";
import { activityQuery, taskStatusQuery } from "../../api/queries";
import type { Task } from "../../api/types";
import { useScene, useTaskActions } from "../../app/scene";
import { IconButton } from "../../parts/Button";
import { grouped, short } from "../../parts/format";
import { Menu } from "../../parts/Menu";
import { Money, Time } from "../../parts/Shown";
import { Spark } from "../../parts/Spark";
import { StatusBadge } from "../../parts/StatusBadge";
import css from "./board.module.css";
import { needsYou, projectName, projectOf, summaryOf } from "./columns";

/** What a task does now: from its events, or, before any came, from the server. */
export function useDoing(task: Task): string {
  const { data: activity } = useQuery(activityQuery(task.task_name));
  const busy = task.status === "RUNNING" || task.status === "TESTING";
  const { data: status } = useQuery({ ...taskStatusQuery(task.task_name), enabled: busy && !activity?.doing });
  if (busy) return activity?.doing || status?.latest_claude_response || status?.progress || summaryOf(task);
  return summaryOf(task);
}

export interface CardProps {
  task: Task;
  asked: boolean;
}

/** A task on the board. */
export const Card = memo(function Card({ task, asked }: CardProps) {
  const doing = useDoing(task);
  const { data: activity } = useQuery(activityQuery(task.task_name));
  const busy = task.status === "RUNNING" || task.status === "TESTING";
  return (
    <article className={css.card} data-task={task.task_name} aria-label={task.task_name}>
      <div className={css.cardHead}>
        <Link to="/tasks/$name" params={{ name: task.task_name }} className={css.name} data-stop>
          {task.task_name}
        </Link>
        <span className={css.over}>
          <TaskMenu task={task} />
        </span>
      </div>
      <div className={css.line}>
        <StatusBadge status={needsYou(task, asked) ? "NEEDS_YOU" : task.status} />
        <span title={projectOf(task)}>{projectName(projectOf(task))}</span>
        {task.queue_position != null ? <span>No. {task.queue_position} in the queue</span> : null}
        {task.paused_until ? (
          <span>
            goes on <Time at={task.paused_until} />
          </span>
        ) : null}
      </div>
      <p className={css.doing}>{doing}</p>
      {task.branch_name ? (
        <div className={css.line}>
          <span className={css.branch} title={task.branch_name}>
            <GitBranch size={12} aria-label="Branch" role="img" />
            {task.branch_name}
          </span>
        </div>
      ) : null}
      <div className={css.line}>
        <span>{grouped(task.iterations)} turns</span>
        <span title={`${grouped(task.total_tokens_used)} tokens`}>{short(task.total_tokens_used)} tokens</span>
        <Money usd={task.total_cost_usd} />
        <Time at={task.updated_at} />
        {busy && activity ? <Spark beats={activity.beats} className={css.spark} /> : null}
      </div>
    </article>
  );
});

/** What can be done with a task, from its card. */
export function TaskMenu({ task }: { task: Task }) {
  const actions = useTaskActions(task);
  const scene = useScene();
  return (
    <Menu
      label={`Actions for ${task.task_name}`}
      button={<IconButton label={`Actions for ${task.task_name}`} icon={<Ellipsis size={16} />} />}
      entries={actions.map((action) => ({
        id: action.id,
        label: action.label,
        icon: <action.icon size={16} aria-hidden />,
        keys: action.keys,
        danger: action.danger,
        perform: () => action.perform({ ...scene(), task }),
      }))}
    />
  );
}
