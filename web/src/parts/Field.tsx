import { Check, ChevronDown } from "lucide-react";
import type { ReactNode, Ref } from "react";
import {
  Checkbox as AriaCheckbox,
  Select as AriaSelect,
  Button,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  SelectValue,
  Text,
  TextArea,
  TextField,
} from "react-aria-components";
import css from "./parts.module.css";

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: ReactNode;
  /** What is wrong with it. */
  error?: string | undefined;
  placeholder?: string;
  type?: "text" | "number" | "search" | "password" | "datetime-local";
  /** How many lines; one makes a plain input. */
  rows?: number;
  autoFocus?: boolean;
  required?: boolean;
  hideLabel?: boolean;
  disabled?: boolean;
  inputRef?: Ref<HTMLInputElement>;
  list?: string;
}

/** A text to type, with its label, hint and what is wrong with it. */
export function Field(props: FieldProps) {
  const { label, value, onChange, hint, error, placeholder, type, rows = 1, hideLabel = false } = props;
  return (
    <TextField
      className={css.field ?? ""}
      value={value}
      onChange={onChange}
      isInvalid={error !== undefined}
      isRequired={props.required ?? false}
      isDisabled={props.disabled ?? false}
      validationBehavior="aria"
      {...(type ? { type } : {})}
      // biome-ignore lint/a11y/noAutofocus: the caller decides where a person who opened a form begins.
      autoFocus={props.autoFocus ?? false}
    >
      <Label className={hideLabel ? "visually-hidden" : (css.label ?? "")}>{label}</Label>
      {rows > 1 ? (
        <TextArea className={css.input ?? ""} rows={rows} placeholder={placeholder ?? ""} />
      ) : (
        <Input
          className={css.input ?? ""}
          placeholder={placeholder ?? ""}
          {...(props.inputRef ? { ref: props.inputRef } : {})}
          {...(props.list ? { list: props.list } : {})}
        />
      )}
      {hint ? (
        <Text slot="description" className={css.hint ?? ""}>
          {hint}
        </Text>
      ) : null}
      <FieldError className={css.wrong ?? ""}>{error}</FieldError>
    </TextField>
  );
}

export interface Option {
  id: string;
  label: string;
}

interface SelectProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: Option[];
  hideLabel?: boolean;
}

/** One of several. */
export function Select({ label, value, onChange, options, hideLabel = false }: SelectProps) {
  return (
    <AriaSelect className={css.field ?? ""} value={value} onChange={(key) => onChange(String(key ?? ""))}>
      <Label className={hideLabel ? "visually-hidden" : (css.label ?? "")}>{label}</Label>
      <Button className={`${css.input} ${css.select}`}>
        <SelectValue />
        <ChevronDown size={14} aria-hidden />
      </Button>
      <Popover className={css.popover ?? ""}>
        <ListBox items={options}>
          {(option) => (
            <ListBoxItem id={option.id} textValue={option.label} className={css.item ?? ""}>
              {option.label}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

/** Yes or no. */
export function Checkbox(props: { label: ReactNode; value: boolean; onChange: (value: boolean) => void }) {
  return (
    <AriaCheckbox className={css.check ?? ""} isSelected={props.value} onChange={props.onChange}>
      <span className={css.box} aria-hidden>
        <Check size={14} />
      </span>
      {props.label}
    </AriaCheckbox>
  );
}
