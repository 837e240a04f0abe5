import { lazy, memo, Suspense } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import remend from "remend";
import { blocks } from "./blocks";
import css from "./markdown.module.css";

const Highlighted = lazy(() => import("./Highlighted").then(({ Highlighted }) => ({ default: Highlighted })));

const plugins = [remarkGfm];

const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  ),
  // Images of foreign servers would tell them who reads; the link is enough.
  img: ({ src, alt }) => <a href={typeof src === "string" ? src : undefined}>{alt || "image"}</a>,
  pre: ({ children }) => <>{children}</>,
  code: ({ className, children }) => {
    const text = String(children ?? "");
    const language = /language-(\S+)/.exec(className ?? "")?.[1];
    if (!language && !text.includes("\n")) return <code className={css.code}>{children}</code>;
    return <CodeBlock text={text.replace(/\n$/, "")} language={language} />;
  },
  table: ({ children }) => (
    <div className={css.table} tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
};

function CodeBlock({ text, language }: { text: string; language: string | undefined }) {
  const plain = <code>{text}</code>;
  return (
    <pre className={css.block} tabIndex={0}>
      {language ? (
        <Suspense fallback={plain}>
          <Highlighted text={text} language={language} />
        </Suspense>
      ) : (
        plain
      )}
    </pre>
  );
}

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <ReactMarkdown remarkPlugins={plugins} components={components}>
      {text}
    </ReactMarkdown>
  );
});

/**
 * Markdown as elements, never as HTML. Text that `streams` is drawn block by block, so that only its last block is read
 * again with each word, and what is open at its end is closed for the eye.
 */
export const Markdown = memo(function Markdown({ text, streams = false }: { text: string; streams?: boolean }) {
  const list = streams ? blocks(text) : [text];
  return (
    <div className={css.markdown}>
      {list.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks only grow at the end.
        <Block key={index} text={streams && index === list.length - 1 ? remend(block) : block} />
      ))}
    </div>
  );
});
