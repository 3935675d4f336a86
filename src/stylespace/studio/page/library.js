// Search among the references; each can be taken as a style, or those like it searched.
import { json } from "./api.js";
import { button, element } from "./element.js";
import { text } from "./text.js";

const MOST = 60;

export function library(take, guarded) {
  const asked = element("input", { type: "search", id: "library-query", placeholder: text.query, "aria-label": text.search });
  const told = element("p", { role: "status", className: "quiet" }, text.libraryHelp);
  const found = element("div", { className: "found" });

  const search = (like = "", name = "") =>
    guarded(async () => {
      const { references } = await json(`/v1/library?${new URLSearchParams({ query: asked.value, limit: MOST, ...(like ? { like } : {}) })}`);
      told.textContent = text.found(references.length, name);
      found.replaceChildren(...references.map(shown));
    });

  function shown(reference) {
    const name = reference.title || text.untitled;
    const by = [reference.artist, reference.year].filter(Boolean).join(", ");
    const image = element("img", { src: `/v1/library/${reference.key}/thumbnail`, alt: "", loading: "lazy", width: 96, height: 96 });
    const taken = button(text.take, () => {
      take({ key: reference.key, title: name });
      taken.textContent = text.taken;
    }, { "aria-label": text.takeNamed(name) });
    const like = button(text.like, () => search(reference.key, name), { "aria-label": text.likeNamed(name) });
    const label = element("figcaption", { title: by ? `${name} (${by})` : name }, name);
    return element("figure", {}, image, label, element("div", { className: "row" }, taken, like));
  }

  const form = element("form", { className: "row", role: "search" }, asked, element("button", { type: "submit" }, text.search));
  form.onsubmit = (event) => {
    event.preventDefault();
    search();
  };
  return [form, told, found];
}
