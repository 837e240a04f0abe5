import { type CSSProperties, Fragment, useEffect, useState } from "react";
import { createHighlighterCore, type HighlighterCore, type ThemedTokenWithVariants } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";
import { bundledLanguages } from "./code/languages";
import css from "./markdown.module.css";

const others: Record<string, string> = {
  sh: "bash",
  shell: "bash",
  zsh: "bash",
  console: "bash",
  js: "javascript",
  jsx: "tsx",
  ts: "typescript",
  py: "python",
  rs: "rust",
  yml: "yaml",
  md: "markdown",
  rb: "ruby",
  "c++": "cpp",
  h: "c",
  patch: "diff",
};

let highlighter: Promise<HighlighterCore> | undefined;

async function tokens(text: string, name: string): Promise<ThemedTokenWithVariants[][] | undefined> {
  const language = others[name] ?? name;
  const load = bundledLanguages[language];
  if (!load) return undefined;
  highlighter ??= createHighlighterCore({
    themes: [import("@shikijs/themes/github-light-high-contrast"), import("@shikijs/themes/github-dark-high-contrast")],
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
            const colours = {
              "--token-light": token.variants.light?.color,
              "--token-dark": token.variants.dark?.color,
            };
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
