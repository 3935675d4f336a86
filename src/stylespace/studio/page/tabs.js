// Tabs: one panel at a time; arrow keys go from tab to tab.
import { element } from "./element.js";

export class Tabs {
  // ``shown``: called with the panel that comes to be seen, before it is.
  constructor(list, panels, shown = () => {}) {
    this.shown = shown;
    this.tabs = Object.entries(panels).map(([name, title]) => {
      const panel = document.getElementById(`panel-${name}`);
      const tab = element("button", { type: "button", id: `tab-${name}`, role: "tab", "aria-controls": panel.id }, title);
      panel.setAttribute("aria-labelledby", tab.id);
      tab.onclick = () => this.show(name);
      tab.onkeydown = (event) => this.key(event, name);
      return { name, tab, panel };
    });
    list.append(...this.tabs.map(({ tab }) => tab));
    this.show(this.tabs[0].name);
  }

  show(name) {
    this.now = name;
    this.shown(document.getElementById(`panel-${name}`));
    for (const each of this.tabs) {
      const chosen = each.name === name;
      each.panel.hidden = !chosen;
      each.tab.setAttribute("aria-selected", chosen);
      each.tab.tabIndex = chosen ? 0 : -1;
    }
  }

  key(event, name) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = this.tabs.findIndex((each) => each.name === name);
    const next = this.tabs[(at + step + this.tabs.length) % this.tabs.length];
    this.show(next.name);
    next.tab.focus();
  }
}
