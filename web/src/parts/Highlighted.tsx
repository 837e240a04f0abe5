import { type CSSProperties, Fragment, useEffect, useState } from "react";
import { createHighlighterCore, type HighlighterCore, type ThemedTokenWithVariants } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";
import css from "./markdown.module.css";

const languages: Record<string, () => Promise<unknown>> = {
  bash: () => import("shiki/langs/bash.mjs"),
  c: () => import("shiki/langs/c.mjs"),
  cpp: () => import("shiki/langs/cpp.mjs"),
  css: () => import("shiki/langs/css.mjs"),
  diff: () => import("shiki/langs/diff.mjs"),
  go: () => import("shiki/langs/go.mjs"),
  html: () => import("shiki/langs/html.mjs"),
  java: () => import("shiki/langs/java.mjs"),
  javascript: () => import("shiki/langs/javascript.mjs"),
  json: () => import("shiki/langs/json.mjs"),
  markdown: () => import("shiki/langs/markdown.mjs"),
  python: () => import("shiki/langs/python.mjs"),
  ruby: () => import("shiki/langs/ruby.mjs"),
  rust: () => import("shiki/langs/rust.mjs"),
  sql: () => import("shiki/langs/sql.mjs"),
  toml: () => import("shiki/langs/toml.mjs"),
  tsx: () => import("shiki/langs/tsx.mjs"),
  typescript: () => import("shiki/langs/typescript.mjs"),
  yaml: () => import("shiki/langs/yaml.mjs"),
};
const others: Record<string, string> = {
  sh: "bash", shell: "bash", zsh: "bash", console: "bash", js: "javascript", jsx: "tsx", ts: "typescript", py: "python",
  rs: "rust", yml: "yaml", md: "markdown", rb: "ruby", "c++": "cpp", h: "c", patch: "diff",
};

let highlighter: Promise<HighlighterCore> | undefined;

async function tokens(text: string, name: string): Promise<ThemedTokenWithVariants[][] | undefined> {
  const language = others[name] ?? name;
  const load = languages[language];
  if (!load) return undefined;
  highlighter ??= createHighlighterCore({
    themes: [import("shiki/themes/github-light-high-contrast.mjs"), import("shiki/themes/github-dark-high-contrast.mjs")],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  const made = await highlighter;
  if (!made.getLoadedLanguages().includes(language)) {
    await made.loadLanguage(((await load()) as { default: Parameters<typeof made.loadLanguage>[0] }).default);
  }
  const themes = { light: "github-light-high-contrast", dark: "github-dark-high-contrast" };
  return made.codeToTokensWithThemes(text, { lang: language, themes });
}

/** Code in colours; plain until they are there. */
export function Highlighted({ text, language }: { text: string; language: string }) {
  const [lines, setLines] = useState<ThemedTokenWithVariants[][]>();
  useEffect(() => {
    let current = true;
    void tokens(text, language.toLowerCase()).then((found) => current && setLines(found));
    return () => {
      current = false;
    };
  }, [text, language]);
  if (!lines) return <code>{text}</code>;
  return (
    <code>
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place.
        <Fragment key={row}>
          {row > 0 ? "\n" : null}
          {line.map((token) => {
            const colours = { "--token-light": token.variants.light?.color, "--token-dark": token.variants.dark?.color };
            return (
              <span key={token.offset} className={css.token} style={colours as CSSProperties}>
                {token.content}
              </span>
            );
          })}
        </Fragment>
      ))}
    </code>
  );
}
