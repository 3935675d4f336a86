// Lists that the browser keeps for all tabs.
export function keptList(key) {
  try {
    const found = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

export function keepList(key, list) {
  try {
    localStorage.setItem(key, JSON.stringify(list));
  } catch {
    // The browser keeps nothing: this tab still works.
  }
}
