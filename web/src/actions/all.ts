import {
  BarChart3,
  Blocks,
  Check,
  CircleStop,
  Copy,
  Folder,
  Hand,
  Inbox,
  Keyboard,
  LayoutGrid,
  ListTree,
  MessageSquareText,
  Monitor,
  Moon,
  Play,
  Plus,
  RotateCcw,
  Search,
  Settings,
  Sun,
  X,
} from "lucide-react";
import { setTheme } from "../app/theme";
import { focusNext } from "./focus";
import { type Action, Registry, type Scene } from "./registry";
import * as tasks from "./tasks";

const withTask =
  (works: (task: NonNullable<Scene["task"]>) => boolean) =>
  ({ task }: Scene): boolean =>
    task !== undefined && works(task);

const onTask =
  (perform: (task: NonNullable<Scene["task"]>, scene: Scene) => unknown) =>
  (scene: Scene): void => {
    if (scene.task) void perform(scene.task, scene);
  };

const go = (id: string, label: string, path: string, keys: string, icon: Action["icon"], keywords = ""): Action => ({
  id,
  label,
  section: "Go",
  icon,
  keys,
  keywords,
  perform: (scene) => scene.go(path),
});

const permission =
  (behavior: "allow" | "deny") =>
  (scene: Scene): void => {
    if (scene.question) void tasks.answer(scene.cache, scene.question, { behavior });
  };

const asksLeave = ({ question }: Scene): boolean => question?.kind === "permission";

/** Every action of the pages. A new page adds its `Go` line here. */
export const all = new Registry([
  go("go.board", "Board", "/", "g b", LayoutGrid, "home tasks"),
  go("go.list", "List of tasks", "/?view=list", "g l", ListTree, "table"),
  go("go.inbox", "Needs you", "/inbox", "g i", Inbox, "inbox questions permissions"),
  go("go.projects", "Projects", "/projects", "g p", Folder, "repositories"),
  go("go.prompts", "Prompts", "/prompts", "g r", MessageSquareText, "templates library"),
  go("go.plugins", "Plugins", "/plugins", "g e", Blocks, "extensions chains"),
  go("go.usage", "Usage", "/usage", "g u", BarChart3, "cost tokens"),
  go("go.settings", "Settings", "/settings", "g s", Settings, "tokens theme"),
  {
    id: "create",
    label: "New task",
    section: "Create",
    icon: Plus,
    keys: "c",
    keywords: "create add",
    perform: (scene) => scene.go("/new"),
  },
  {
    id: "palette",
    label: "All commands",
    section: "View",
    icon: Search,
    keys: "mod+k",
    whileTyping: true,
    keyOnly: true,
    perform: (scene) => scene.show("palette"),
  },
  {
    id: "shortcuts",
    label: "Keyboard shortcuts",
    section: "View",
    icon: Keyboard,
    keys: "?",
    keywords: "help keys",
    perform: (scene) => scene.show("shortcuts"),
  },
  {
    id: "search",
    label: "Search tasks",
    section: "View",
    icon: Search,
    keys: "/",
    keywords: "filter find",
    perform: (scene) => {
      const field = document.querySelector<HTMLInputElement>('input[type="search"]');
      if (field) field.focus();
      else scene.go("/");
    },
  },
  {
    id: "next",
    label: "Next task",
    section: "View",
    icon: LayoutGrid,
    keys: "j",
    keyOnly: true,
    perform: () => focusNext(1),
  },
  {
    id: "previous",
    label: "Previous task",
    section: "View",
    icon: LayoutGrid,
    keys: "k",
    keyOnly: true,
    perform: () => focusNext(-1),
  },
  { id: "theme.light", label: "Light theme", section: "View", icon: Sun, perform: () => setTheme("light") },
  { id: "theme.dark", label: "Dark theme", section: "View", icon: Moon, perform: () => setTheme("dark") },
  {
    id: "theme.system",
    label: "Theme of the system",
    section: "View",
    icon: Monitor,
    perform: () => setTheme("system"),
  },
  {
    id: "task.start",
    label: "Start",
    section: "Task",
    icon: Play,
    keys: "s",
    available: withTask(tasks.canStart),
    perform: onTask(tasks.start),
  },
  {
    id: "task.resume",
    label: "Resume",
    section: "Task",
    icon: Play,
    keys: "r",
    available: withTask(tasks.canResume),
    perform: onTask(tasks.resume),
  },
  {
    id: "task.interrupt",
    label: "Interrupt the turn",
    section: "Task",
    icon: Hand,
    keys: "mod+i",
    whileTyping: true,
    available: withTask(tasks.canInterrupt),
    perform: onTask(tasks.interrupt),
  },
  {
    id: "task.stop",
    label: "Stop",
    section: "Task",
    icon: CircleStop,
    keys: "x s",
    available: withTask(tasks.canStop),
    perform: onTask(tasks.stop),
  },
  {
    id: "task.retry",
    label: "Retry with more iterations",
    section: "Task",
    icon: RotateCcw,
    keys: "x t",
    available: withTask(tasks.canRetry),
    perform: onTask(tasks.retry),
  },
  {
    id: "task.complete",
    label: "Mark as done",
    section: "Task",
    icon: Check,
    keys: "x d",
    available: withTask((task) => !tasks.isFinal(task.status)),
    perform: onTask(tasks.complete),
  },
  {
    id: "task.attempt",
    label: "New attempt",
    section: "Task",
    icon: Copy,
    keys: "x n",
    keywords: "clone copy again",
    available: withTask(() => true),
    perform: onTask(async (task, scene) => {
      const name = await tasks.attempt(scene.cache, task);
      if (name) scene.go(`/tasks/${encodeURIComponent(name)}`);
    }),
  },
  {
    id: "answer.allow",
    label: "Allow",
    section: "Answer",
    icon: Check,
    keys: "y",
    available: asksLeave,
    perform: permission("allow"),
  },
  {
    id: "answer.deny",
    label: "Deny",
    section: "Answer",
    icon: X,
    keys: "n",
    available: asksLeave,
    perform: permission("deny"),
  },
]);
