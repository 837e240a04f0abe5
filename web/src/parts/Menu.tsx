import type { ReactNode } from "react";
import { Menu as AriaMenu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { Kbd } from "./Kbd";
import css from "./parts.module.css";

export interface MenuEntry {
  id: string;
  label: string;
  icon?: ReactNode;
  keys?: string | undefined;
  danger?: boolean | undefined;
  perform: () => void;
}

/** A button that opens a list of things to do. */
export function Menu({ label, entries, button }: { label: string; entries: MenuEntry[]; button: ReactNode }) {
  return (
    <MenuTrigger>
      {button}
      <Popover className={css.popover ?? ""}>
        <AriaMenu aria-label={label} items={entries}>
          {(entry) => (
            <MenuItem
              id={entry.id}
              textValue={entry.label}
              onAction={entry.perform}
              className={`${css.item} ${entry.danger ? css.itemDanger : ""}`}
            >
              {entry.icon}
              {entry.label}
              {entry.keys ? <Kbd keys={entry.keys} /> : null}
            </MenuItem>
          )}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
