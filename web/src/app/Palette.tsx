import { useQueryClient } from "@tanstack/react-query";
import { CircleDot } from "lucide-react";
import {
  Autocomplete,
  Dialog,
  Header,
  Input,
  Menu,
  MenuItem,
  MenuSection,
  Modal,
  ModalOverlay,
  TextField,
  useFilter,
} from "react-aria-components";
import { all } from "../actions/all";
import type { Action } from "../actions/registry";
import { keys } from "../api/queries";
import type { Task } from "../api/types";
import { Kbd } from "../parts/Kbd";
import parts from "../parts/parts.module.css";
import { useScene } from "./scene";
import css from "./shell.module.css";

const TASKS_AT_MOST = 200;
const sections: Action["section"][] = ["Answer", "Task", "Create", "Go", "View"];

/** Everything one can do and every task, by typing a part of its name. */
export function Palette({ onClose }: { onClose: () => void }) {
  const scene = useScene();
  const cache = useQueryClient();
  const { contains } = useFilter({ sensitivity: "base" });
  const now = scene();
  const actions = all.available(now).filter((action) => !action.keyOnly);
  const tasks = (cache.getQueryData<Task[]>(keys.tasks) ?? []).slice(0, TASKS_AT_MOST);
  const fits = (text: string, typed: string) => typed.split(/\s+/).every((word) => contains(text, word));

  return (
    <ModalOverlay isOpen onOpenChange={(open) => !open && onClose()} isDismissable className={parts.overlay ?? ""}>
      <Modal className={parts.dialog ?? ""}>
        <Dialog aria-label="Commands" className={css.palette ?? ""}>
          <Autocomplete filter={fits}>
            <TextField aria-label="Command or task" autoFocus>
              <Input className={css.paletteInput ?? ""} placeholder="Type a command or the name of a task" />
            </TextField>
            <Menu aria-label="Commands" className={css.paletteList ?? ""} onClose={onClose}>
              {sections.map((section) => {
                const group = actions.filter((action) => action.section === section);
                if (group.length === 0) return null;
                return (
                  <MenuSection key={section} id={section}>
                    <Header className={css.paletteHeader ?? ""}>
                      {section === "Task" && now.task ? now.task.task_name : section}
                    </Header>
                    {group.map((action) => (
                      <MenuItem
                        key={action.id}
                        id={action.id}
                        textValue={`${action.label} ${action.keywords ?? ""}`}
                        className={parts.item ?? ""}
                        onAction={() => action.perform(now)}
                      >
                        <action.icon size={16} aria-hidden />
                        {action.label}
                        {action.keys ? <Kbd keys={action.keys} /> : null}
                      </MenuItem>
                    ))}
                  </MenuSection>
                );
              })}
              {tasks.length > 0 ? (
                <MenuSection id="tasks">
                  <Header className={css.paletteHeader ?? ""}>Tasks</Header>
                  {tasks.map((task) => (
                    <MenuItem
                      key={task.id}
                      id={`task ${task.id}`}
                      textValue={task.task_name}
                      className={parts.item ?? ""}
                      onAction={() => now.go(`/tasks/${encodeURIComponent(task.task_name)}`)}
                    >
                      <CircleDot size={16} aria-hidden />
                      {task.task_name}
                    </MenuItem>
                  ))}
                </MenuSection>
              ) : null}
            </Menu>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
