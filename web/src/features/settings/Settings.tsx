import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { ask, client } from "../../api/client";
import { Page } from "../../app/Shell";
import { onTheme, setTheme, type Theme, theme } from "../../app/theme";
import { Select } from "../../parts/Field";
import { Loaded } from "../../parts/States";
import css from "./settings.module.css";

/** What belongs to this browser and to the server. */
export function Settings() {
  const chosen = useSyncExternalStore(onTheme, theme);
  const health = useQuery({ queryKey: ["health"], queryFn: ({ signal }) => ask(client.GET("/health", { signal })) });
  return (
    <Page title="Settings">
      <div className={css.column}>
        <section className={css.section}>
          <h2>Appearance</h2>
          <Select
            label="Theme"
            value={chosen}
            onChange={(value) => setTheme(value as Theme)}
            options={[
              { id: "system", label: "As the system" },
              { id: "light", label: "Light" },
              { id: "dark", label: "Dark" },
            ]}
          />
        </section>
        <section className={css.section}>
          <h2>Server</h2>
          <Loaded query={health}>
            {({ version, status }) => (
              <p>
                Taskwright {version}, {status}.
              </p>
            )}
          </Loaded>
          <p className={css.muted}>
            Limits, roots and defaults stand in the server’s settings file; <code>taskwright config</code> shows them
            all with where each value comes from.
          </p>
          <p>
            <a href="/api/docs">The interface’s documentation</a>
          </p>
        </section>
      </div>
    </Page>
  );
}
