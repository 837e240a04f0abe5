import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { Button } from "./Button";
import css from "./parts.module.css";

interface DialogProps {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  /** The buttons at the end. */
  foot?: ReactNode;
}

/** A dialog over the page; Esc and a click beside it close it. */
export function Dialog({ title, open, onClose, children, foot }: DialogProps) {
  return (
    <ModalOverlay isOpen={open} onOpenChange={(is) => !is && onClose()} isDismissable className={css.overlay ?? ""}>
      <Modal className={css.dialog ?? ""}>
        <AriaDialog className={css.dialogBody ?? ""}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
          {foot ? <div className={css.dialogFoot}>{foot}</div> : null}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

interface ConfirmProps {
  title: string;
  text: ReactNode;
  /** The word on the button that does it. */
  verb: string;
  open: boolean;
  onClose: () => void;
  onConfirm: () => void;
}

/** Asks before something is lost. */
export function Confirm({ title, text, verb, open, onClose, onConfirm }: ConfirmProps) {
  return (
    <Dialog
      title={title}
      open={open}
      onClose={onClose}
      foot={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="danger"
            autoFocus
            onPress={() => {
              onClose();
              onConfirm();
            }}
          >
            {verb}
          </Button>
        </>
      }
    >
      <div>{text}</div>
    </Dialog>
  );
}
