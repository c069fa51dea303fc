"use strict";
// What a number in a unit that tables choose by size is multiplied by, to be in seconds or bytes.
const units = new Map([["us", 1e-6], ["ms", 1e-3], ["s", 1], ["B", 1]]);
["KiB", "MiB", "GiB", "TiB"].forEach((name, place) => units.set(name, 1024 ** (place + 1)));
const number = (cell) => cell.textContent.replace(/,/g, "").match(/^\s*[*~]?\s*([+-]?\d+(?:\.\d+)?)(?:\s+(\w+))?/);
// The number that a cell begins with, in its base unit; words sort as words.
const key = (cell) => {
  const found = number(cell);
  return cell.dataset.sort ? +cell.dataset.sort : found ? +found[1] : cell.textContent.trim().toLowerCase();
};
const compare = (one, other) =>
  typeof one === typeof other ? (one < other ? -1 : one > other ? 1 : 0) : typeof one === "number" ? -1 : 1;
for (const table of document.querySelectorAll("table")) {
  const headings = [...table.querySelectorAll("thead th")];
  const metric = headings.findIndex((heading) => heading.textContent === "metric");
  // A row whose first cells are blank goes on with those above it, and must say so once it stands elsewhere.
  let above = [];
  for (const row of table.tBodies[0].rows) {
    const cells = [...row.cells];
    for (const [place, cell] of cells.entries()) {
      if (cell.textContent.trim() !== "" || !above[place]) break;
      cell.textContent = above[place];
      cell.classList.add("again");
    }
    above = cells.map((cell) => cell.textContent);
    const unit = units.get((above[metric] ?? "").split(" ").pop());
    for (const [place, cell] of cells.entries()) {
      const found = number(cell);
      const times = found && (units.get(found[2]) ?? (place > metric ? unit : undefined));
      if (times) cell.dataset.sort = found[1] * times;
    }
  }
  headings.forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [key(row.cells[place]), row]);
      rows.sort(([one], [other]) => (down ? compare(other, one) : compare(one, other)));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
const filter = document.getElementById("filter");
// What the filter opened, and closes again.
const opened = new Set();
filter.addEventListener("input", () => {
  const word = filter.value.toLowerCase();
  const rows = [...document.querySelectorAll("tbody tr")];
  for (const row of rows) row.classList.toggle("hidden", !row.textContent.toLowerCase().includes(word));
  for (const fold of document.querySelectorAll("details")) {
    const hit = word && fold.querySelector("tbody tr:not(.hidden)");
    if (hit && !fold.open) opened.add(fold);
    if (hit) fold.open = true;
    else if (opened.delete(fold)) fold.open = false;
  }
  const shown = rows.filter((row) => !row.classList.contains("hidden")).length;
  document.getElementById("shown").textContent = word ? `${shown} of ${rows.length} rows` : "";
});
// Paper cannot be opened.
window.addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});
