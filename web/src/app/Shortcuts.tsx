import { all } from "../actions/all";
import { Dialog } from "../parts/Dialog";
import { Kbd } from "../parts/Kbd";
import css from "./shell.module.css";

const here = [
  ["Send", "mod+enter"],
  ["Send and interrupt", "mod+shift+enter"],
  ["What was sent before", "arrowup"],
  ["Leave, close", "escape"],
] as const;

/** Every key there is. */
export function Shortcuts({ onClose }: { onClose: () => void }) {
  const rows = [
    ...all.actions.flatMap((action) => (action.keys ? [[action.label, action.keys] as const] : [])),
    ...here,
  ];
  return (
    <Dialog title="Keyboard shortcuts" open onClose={onClose}>
      <dl className={css.shortcuts}>
        {rows.map(([label, keys]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <Kbd keys={keys} />
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
