import { useQuery } from "@tanstack/react-query";
import { CornerLeftUp, Folder, FolderGit2 } from "lucide-react";
import { useState } from "react";
import { foldersQuery } from "../api/library";
import css from "../features/pages.module.css";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { Loaded } from "./States";

interface Props {
  onClose: () => void;
  onChoose: (path: string) => void;
}

/** Chooses a folder of the server's machine. */
export function FolderDialog({ onClose, onChoose }: Props) {
  const [path, setPath] = useState("");
  const folders = useQuery(foldersQuery(path));
  const here = folders.data?.current_path;
  return (
    <Dialog
      title="Choose a folder"
      open
      onClose={onClose}
      foot={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="primary"
            isDisabled={!here}
            onPress={() => {
              if (here) onChoose(here);
              onClose();
            }}
          >
            Take this folder
          </Button>
        </>
      }
    >
      <p className={css.mono}>{here ?? "…"}</p>
      <Loaded query={folders}>
        {({ directories, parent_path }) => (
          <div className={css.folders}>
            {parent_path ? (
              <button type="button" onClick={() => setPath(parent_path)}>
                <CornerLeftUp size={14} aria-hidden />
                The folder above
              </button>
            ) : null}
            {directories
              .filter((directory) => directory.accessible)
              .map((directory) => (
                <button key={directory.path} type="button" onClick={() => setPath(directory.path)}>
                  {directory.git ? (
                    <FolderGit2 size={14} role="img" aria-label="repository" />
                  ) : (
                    <Folder size={14} aria-hidden />
                  )}
                  {directory.name}
                </button>
              ))}
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}
