import { useQuery } from "@tanstack/react-query";
import { type PluginView, pluginsQuery } from "../../api/library";
import { Page } from "../../app/Shell";
import { bytes } from "../../parts/format";
import { Empty, Loaded } from "../../parts/States";
import css from "../pages.module.css";

const chains = [
  ["responder", "Answer the agent"],
  ["criteria", "Judge the work"],
  ["test-runner", "Run the tests"],
] as const;

/** What is loaded, and what it may do. */
export function Plugins() {
  const plugins = useQuery(pluginsQuery);
  return (
    <Page title="Plugins">
      <Loaded query={plugins}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No plugin is loaded" />
          ) : (
            <div className={css.column}>
              {chains.map(([chain, title]) => {
                const mine = list.filter((plugin) => plugin.chain === chain);
                return mine.length > 0 ? (
                  <section key={chain} className={css.column} style={{ width: "100%" }} aria-label={title}>
                    <h2>{title}</h2>
                    {mine.map((plugin) => (
                      <PluginItem key={plugin.name} plugin={plugin} />
                    ))}
                  </section>
                ) : null;
              })}
            </div>
          )
        }
      </Loaded>
    </Page>
  );
}

function PluginItem({ plugin }: { plugin: PluginView }) {
  const { name, version, hash, summary, wants, granted, built_in, file, size_bytes, problem } = plugin;
  const denied = wants.filter((wish) => !granted.includes(wish));
  return (
    <article className={css.item} aria-label={name}>
      <div className={css.row}>
        <h3 className={css.grow}>
          {name} {version}
        </h3>
        <span className={css.muted}>
          {built_in ? "built in" : file}, {bytes(size_bytes)}
        </span>
      </div>
      <p>{summary}</p>
      {problem ? <p className={css.bad}>{problem}</p> : null}
      <p className={css.muted}>
        {wants.length === 0 ? "Asks for nothing." : `May use: ${granted.join(", ") || "nothing"}.`}
        {denied.length > 0 ? ` Asks also for ${denied.join(", ")}, which is not granted.` : ""} {hash}
      </p>
    </article>
  );
}
