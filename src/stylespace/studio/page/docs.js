// Lists the addresses of openapi.json: what each takes, what it answers.
import { text as words } from "./text.js";

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function schemaOf(schema, document_) {
  if (schema?.$ref) return schemaOf(document_.components.schemas[schema.$ref.split("/").pop()], document_);
  return schema ?? {};
}

function kind(schema) {
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return schema.anyOf.map(kind).join(" | ");
  if (schema.type === "array") return words.docs.list(kind(schema.items ?? {}));
  if (schema.contentMediaType || schema.format === "binary") return words.docs.file;
  return schema.$ref?.split("/").pop() ?? schema.type ?? "";
}

function rows(operation, document_) {
  const found = (operation.parameters ?? []).map((p) => [p.name, kind(p.schema), p.description ?? "", p.required]);
  for (const content of Object.values(operation.requestBody?.content ?? {})) {
    const schema = schemaOf(content.schema, document_);
    for (const [name, property] of Object.entries(schema.properties ?? {}))
      found.push([name, kind(property), property.description ?? "", schema.required?.includes(name)]);
  }
  return found;
}

const answer = await (await fetch("/openapi.json")).json();
const main = document.getElementById("docs");
document.title = `Stylespace: ${words.docs.title.toLowerCase()}`;
const same = element("p", words.docs.same);
same.append(Object.assign(element("a", "openapi.json"), { href: "/openapi.json" }));
main.append(element("h1", words.docs.title), same);
for (const [path, methods] of Object.entries(answer.paths))
  for (const [method, operation] of Object.entries(methods)) {
    const section = element("section");
    section.append(element("h2", `${method.toUpperCase()} ${path}`), element("p", operation.description ?? operation.summary));
    const table = element("table");
    for (const [name, type, description, required] of rows(operation, answer)) {
      const row = element("tr");
      row.append(element("td", name), element("td", type), element("td", required ? words.docs.needed(description) : description));
      table.append(row);
    }
    section.append(table, element("small", words.docs.answers(Object.keys(operation.responses))));
    main.append(section);
  }
