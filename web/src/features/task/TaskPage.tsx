import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Ellipsis, GitBranch } from "lucide-react";
import { lazy, Suspense, useCallback } from "react";
import type { Action } from "../../actions/registry";
import { evidenceQuery, logQuery, questionsQuery, taskQuery } from "../../api/queries";
import type { Task } from "../../api/types";
import { PageHead } from "../../app/Shell";
import { useScene, useTaskActions } from "../../app/scene";
import { Button, IconButton } from "../../parts/Button";
import { duration, grouped, short } from "../../parts/format";
import { Menu } from "../../parts/Menu";
import { Money } from "../../parts/Shown";
import { Loaded, Skeleton } from "../../parts/States";
import { StatusBadge } from "../../parts/StatusBadge";
import { type TabEntry, Tabs } from "../../parts/Tabs";
import { useNarrow } from "../../parts/useNarrow";
import { needsYou, projectName, projectOf } from "../board/columns";
import { QuestionCard } from "../inbox/QuestionCard";
import { ActivityLog } from "./ActivityLog";
import { Composer, Queue } from "./Composer";
import { Conversation, useTalk } from "./Conversation";
import { useComments } from "./comments";
import { Evidence } from "./Evidence";
import { TaskSettings } from "./TaskSettings";
import { Tests } from "./Tests";
import { Todos } from "./Todos";
import css from "./task.module.css";

const Changes = lazy(() => import("./Changes").then(({ Changes }) => ({ default: Changes })));
const Finish = lazy(() => import("../finish/Finish").then(({ Finish }) => ({ default: Finish })));
const route = getRouteApi("/tasks/$name");

/** A task: its conversation, and beside it what came of it. */
export function TaskPage() {
  const { name } = route.useParams();
  const task = useQuery(taskQuery(name));
  return <Loaded query={task}>{(found) => <Shown key={name} task={found} />}</Loaded>;
}

function Shown({ task }: { task: Task }) {
  const name = task.task_name;
  const narrow = useNarrow();
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: questions = [] } = useQuery(questionsQuery);
  const { data: evidence } = useQuery(evidenceQuery(name));
  const comments = useComments(name);
  const asked = questions.some((question) => question.task_name === name);
  const failed = evidence?.tests.rounds.at(-1)?.summary.failed;

  const beside: TabEntry[] = [
    {
      id: "changes",
      label: "Changes",
      badge: comments.length || evidence?.diff_stat.files,
      content: () => (
        <Suspense fallback={<Skeleton />}>
          <Changes name={name} />
        </Suspense>
      ),
    },
    { id: "tests", label: "Tests", badge: failed, content: () => <Tests name={name} /> },
    { id: "evidence", label: "Evidence", content: () => <Evidence name={name} /> },
    {
      id: "finish",
      label: "Finish",
      content: () => (
        <Suspense fallback={<Skeleton />}>
          <Finish task={task} />
        </Suspense>
      ),
    },
    { id: "activity", label: "Activity", content: () => <ActivityLog name={name} /> },
    { id: "settings", label: "Settings", content: () => <TaskSettings task={task} /> },
  ];
  const tabs = narrow
    ? [{ id: "talk", label: "Conversation", content: () => <Talking task={task} /> }, ...beside]
    : beside;
  const selected = tabs.find((one) => one.id === tab)?.id ?? tabs[0]?.id ?? "";
  const select = (id: string) => void navigate({ search: { tab: id }, replace: true });

  return (
    <>
      <PageHead title={name}>
        <div className={css.facts}>
          <StatusBadge status={needsYou(task, asked) ? "NEEDS_YOU" : task.status} />
          <span title={projectOf(task)}>{projectName(projectOf(task))}</span>
          {task.branch_name ? (
            <span className={css.branch} title={task.branch_name}>
              <GitBranch size={12} role="img" aria-label="Branch" /> {task.branch_name}
            </span>
          ) : null}
          <span>{grouped(task.iterations)} turns</span>
          <span title={`${grouped(task.total_tokens_used)} tokens`}>{short(task.total_tokens_used)} tokens</span>
          <Money usd={task.total_cost_usd} />
          <span>{duration(task.running_seconds)}</span>
        </div>
        <Actions task={task} />
      </PageHead>
      <div className={css.page}>
        {narrow ? null : (
          <div className={css.left}>
            <Talking task={task} />
          </div>
        )}
        <div className={css.right}>
          <Tabs label="About the task" tabs={tabs} selected={selected} onSelect={select} />
        </div>
      </div>
    </>
  );
}

/** What is most likely wanted now, as buttons; the rest in a menu. */
function Actions({ task }: { task: Task }) {
  const actions = useTaskActions(task);
  const scene = useScene();
  const perform = (action: Action) => () => action.perform({ ...scene(), task });
  const first = ["task.start", "task.resume", "task.stop", "task.retry"];
  const shown = first.flatMap((id) => actions.filter((action) => action.id === id));
  return (
    <div className={css.tools}>
      {shown.map((action) => (
        <Button
          key={action.id}
          tone={action.id === "task.start" || action.id === "task.resume" ? "primary" : "normal"}
          tip={action.label}
          keys={action.keys}
          onPress={perform(action)}
        >
          <action.icon size={16} aria-hidden />
          {action.label.split(" ", 1)[0]}
        </Button>
      ))}
      <Menu
        label="Actions"
        button={<IconButton label="More actions" icon={<Ellipsis size={16} />} />}
        entries={actions.map((action) => ({
          id: action.id,
          label: action.label,
          icon: <action.icon size={16} aria-hidden />,
          keys: action.keys,
          perform: perform(action),
        }))}
      />
    </div>
  );
}

/** The conversation, what waits for an answer, and where one writes. */
function Talking({ task }: { task: Task }) {
  const name = task.task_name;
  const { data: log } = useQuery(logQuery(name));
  const talk = useTalk(log);
  const { data: questions = [] } = useQuery(questionsQuery);
  const open = questions.filter((question) => question.task_name === name);
  const sent = useCallback(() => talk.sent, [talk]);
  return (
    <div className={css.left} style={{ height: "100%" }}>
      <Conversation name={name} talk={talk} />
      <div className={css.under}>
        <div className={css.underInner}>
          <Todos todos={talk.todos} />
          {open.length > 0 ? (
            <div className={css.asked}>
              {open.map((question) => (
                <QuestionCard key={question.id} question={question} withTask={false} />
              ))}
            </div>
          ) : null}
          <Queue name={name} />
          <Composer
            key={name}
            name={name}
            status={task.status}
            sent={sent}
            asked={open.length > 0}
            works={task.status === "RUNNING" && !task.waiting_for_input}
          />
        </div>
      </div>
    </div>
  );
}
