"use strict";
// Sortable, filterable tables from arrays; only as many rows as asked for are in the document.

const ROWS_AT_ONCE = 200;

function formatNumber(value, digits) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value.toPrecision(3);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// columns: [{name, digits?}] (digits makes it a number); rows: arrays of cells in that order.
// Returns {update(rows)}.
function makeTable(host, caption, columns, rows) {
  let shown = ROWS_AT_ONCE, sortBy = null, downwards = false, all = rows;
  const body = element("tbody");
  const headers = columns.map((column, k) => {
    const button = element("button", { type: "button" }, column.name);
    const header = element("th", { scope: "col", class: "digits" in column ? "number" : "" }, button);
    button.addEventListener("click", () => {
      downwards = sortBy === k ? !downwards : "digits" in column;
      sortBy = k;
      headers.forEach((h) => h.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", downwards ? "descending" : "ascending");
      fill();
    });
    return header;
  });
  const filter = element("input", { type: "search", placeholder: "filter", "aria-label": `Filter ${caption}` });
  const status = element("span", { class: "quiet", "aria-live": "polite" });
  const more = element("button", { type: "button" }, "Show all");
  const controls = element("div", { class: "controls" }, filter, status, more);
  const table = element("table", {}, element("caption", {}, caption), element("thead", {}, element("tr", {}, ...headers)), body);
  host.replaceChildren(controls, element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table));
  filter.addEventListener("input", fill);
  more.addEventListener("click", () => { shown = Infinity; fill(); });

  function compare(a, b) {
    const x = a[sortBy], y = b[sortBy];
    if (x === y) return 0;
    if (x === null || x === undefined) return 1;
    if (y === null || y === undefined) return -1;
    const order = typeof x === "number" && typeof y === "number"
      ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return downwards ? -order : order;
  }

  function fill() {
    const words = filter.value.trim().toLowerCase();
    const labels = columns.map((column, k) => ("digits" in column ? -1 : k)).filter((k) => k >= 0);
    let chosen = words ? all.filter((row) => labels.some((k) => String(row[k]).toLowerCase().includes(words))) : all.slice();
    if (sortBy !== null) chosen.sort(compare);
    const visible = chosen.slice(0, shown);
    body.replaceChildren(...visible.map((row) => element("tr", {}, ...row.map((cell, k) => {
      const column = columns[k];
      const text = "digits" in column ? formatNumber(cell, column.digits) : cell === null ? "–" : String(cell);
      return element("td", { class: "digits" in column ? "number" : "" }, text);
    }))));
    controls.hidden = all.length <= 12;
    more.hidden = visible.length === chosen.length;
    status.textContent = visible.length === chosen.length
      ? `${chosen.length} rows` : `${visible.length} of ${chosen.length} rows`;
  }

  fill();
  return { update(newRows) { all = newRows; fill(); } };
}
