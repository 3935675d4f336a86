// Search among the references; one is taken as a style.
import { json } from "./api.js";
import { button, element } from "./element.js";
import { text } from "./text.js";

export function library(take, problem) {
  const asked = element("input", { type: "text", placeholder: text.query, "aria-label": text.search });
  const found = element("div", { className: "found", "aria-live": "polite" });
  let last = null;
  async function search(like) {
    try {
      const { references } = await json(`/v1/library?${new URLSearchParams({ query: asked.value, limit: 60, ...(like ? { like } : {}) })}`);
      found.replaceChildren(...(references.length ? references.map(shown) : [text.nothing]));
    } catch (error) {
      problem(error.message);
    }
  }
  function shown(reference) {
    const label = text.take([reference.title, reference.artist].filter(Boolean).join(", "));
    const image = element("img", { src: `/v1/library/${reference.key}/thumbnail`, alt: "", loading: "lazy" });
    return element("button", { type: "button", title: label, "aria-label": label, onclick: () => take((last = reference.key)) }, image);
  }
  asked.onkeydown = ({ key }) => key === "Enter" && search();
  return [element("div", { className: "row" }, asked, button(text.search, () => search()), button(text.like, () => last && search(last))), found];
}
