import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaProps, Tooltip, TooltipTrigger } from "react-aria-components";
import { Kbd } from "./Kbd";
import css from "./parts.module.css";

export interface ButtonProps extends Omit<AriaProps, "className" | "children"> {
  tone?: "normal" | "primary" | "danger" | "quiet";
  children: ReactNode;
  /** Shown when one points at it. */
  tip?: string | undefined;
  /** The key that does the same. */
  keys?: string | undefined;
}

/** A button with a word. */
export function Button({ tone = "normal", tip, keys, children, ...rest }: ButtonProps) {
  const button = (
    <AriaButton {...rest} className={`${css.button} ${tone === "normal" ? "" : css[tone]}`}>
      {children}
    </AriaButton>
  );
  return tip || keys ? <WithTip tip={tip ?? ""} keys={keys} button={button} /> : button;
}

export interface IconButtonProps extends Omit<AriaProps, "className" | "children" | "aria-label"> {
  /** What it does, for those who cannot see the icon and for the tooltip. */
  label: string;
  icon: ReactNode;
  keys?: string | undefined;
  tone?: "quiet" | "danger" | "primary";
}

/** A button with an icon alone. */
export function IconButton({ label, icon, keys, tone = "quiet", ...rest }: IconButtonProps) {
  const look = tone === "danger" ? `${css.quiet} ${css.danger}` : css[tone];
  const button = (
    <AriaButton {...rest} aria-label={label} className={`${css.button} ${css.icon} ${look}`}>
      {icon}
    </AriaButton>
  );
  return <WithTip tip={label} keys={keys} button={button} />;
}

function WithTip({ tip, keys, button }: { tip: string; keys?: string | undefined; button: ReactNode }) {
  return (
    <TooltipTrigger delay={500} closeDelay={0}>
      {button}
      <Tooltip offset={6} className={css.tooltip ?? ""}>
        {tip}
        {keys ? <Kbd keys={keys} /> : null}
      </Tooltip>
    </TooltipTrigger>
  );
}
