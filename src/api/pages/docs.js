// Shows the server's OpenAPI document. Everything from the document is put in as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "delete"];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function nameOf(reference) {
  return reference.split("/").pop();
}

// A schema's type in one line, with links to named schemas.
function typeOf(schema) {
  if (!schema || schema === true) return ["anything"];
  if (schema.$ref) return [make("a", { href: `#schema-${nameOf(schema.$ref)}` }, nameOf(schema.$ref))];
  const several = schema.oneOf || schema.anyOf || schema.allOf;
  if (several) {
    const between = schema.allOf ? " and " : " or ";
    return several.flatMap((one, i) => (i ? [between, ...typeOf(one)] : typeOf(one)));
  }
  if (schema.enum) return [schema.enum.map((word) => JSON.stringify(word)).join(" or ")];
  const types = [].concat(schema.type || "anything");
  return types.flatMap((type, i) => {
    const words = type === "array" ? ["list of ", ...typeOf(schema.items)] : [schema.format && type !== "null" ? `${type} (${schema.format})` : type];
    return i ? [" or ", ...words] : words;
  });
}

function row(name, needed, schema, words) {
  const type = make("div", { class: "type" }, ...typeOf(schema));
  if (schema && schema.default !== undefined) type.append(`, default ${JSON.stringify(schema.default)}`);
  return make("tr", {}, make("td", {}, make("code", needed ? { class: "needed" } : {}, name)), make("td", {}, type, words || ""));
}

function table(rows) {
  return rows.length ? make("table", {}, make("tbody", {}, ...rows)) : null;
}

function fieldsOf(schema) {
  const own = Object.entries(schema.properties || {}).map(([name, field]) =>
    row(name, (schema.required || []).includes(name), field, field.description));
  const parts = (schema.allOf || []).flatMap((part) => (part.$ref ? [row("…", false, part, "all its fields")] : fieldsOf(part)));
  return [...parts, ...own];
}

function operation(method, path, one) {
  const section = make("section", { id: one.operationId },
    make("h3", {}, make("span", { class: "method" }, method.toUpperCase()), " ", make("span", { class: "path" }, path)),
    make("p", {}, [one.summary, one.description].filter(Boolean).join(" ")));
  const parameters = (one.parameters || []).map((p) => row(`${p.name} (${p.in})`, p.required, p.schema, p.description));
  if (parameters.length) section.append(make("h4", {}, "Parameters"), table(parameters));
  for (const [type, content] of Object.entries((one.requestBody || {}).content || {})) {
    section.append(make("h4", {}, `Body, ${type}`), make("div", { class: "type" }, ...typeOf(content.schema)));
  }
  const answers = Object.entries(one.responses || {}).map(([status, answer]) => {
    if (answer.$ref) return row(status, false, { type: "problem" }, "");
    const [type, content] = Object.entries(answer.content || {})[0] || [];
    return row(status, false, content ? content.schema : { type: "no body" }, [type === "application/json" ? "" : type, answer.description].filter(Boolean).join(" "));
  });
  section.append(make("h4", {}, "Answers"), table(answers));
  return section;
}

function show(api) {
  const content = document.getElementById("content");
  const index = document.getElementById("index");
  content.replaceChildren(make("h1", {}, `${api.info.title} ${api.info.version}`), make("p", {}, api.info.description),
    make("p", {}, make("a", { href: "/api/v1/openapi.json" }, "The document as JSON")));
  const byTag = new Map((api.tags || []).map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const tag = (item[method].tags || ["server"])[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push([method, path, item[method]]);
    }
  }
  for (const [tag, operations] of byTag) {
    if (!operations.length) continue;
    content.append(make("h2", {}, tag));
    index.append(make("h2", {}, tag));
    for (const [method, path, one] of operations) {
      content.append(operation(method, path, one));
      index.append(make("a", { href: `#${one.operationId}` }, make("span", { class: "method" }, method.toUpperCase()), ` ${path.replace("/api/v1", "")}`));
    }
  }
  content.append(make("h2", {}, "Types"));
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    const variants = (schema.oneOf || []).flatMap((one) => (one.$ref ? [row("…", false, one, "")] : fieldsOf(one)));
    content.append(make("section", { id: `schema-${name}` }, make("h3", {}, name), make("p", {}, schema.description || ""),
      table([...fieldsOf(schema), ...variants]) || make("div", { class: "type" }, ...typeOf(schema))));
  }
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const link of document.querySelectorAll("#index a")) link.hidden = !link.textContent.toLowerCase().includes(wanted);
});

fetch("/api/v1/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`the server answered ${answer.status}`))))
  .then(show)
  .catch((error) => document.getElementById("content").replaceChildren(make("p", {}, `The document could not be loaded: ${error.message}.`)));
