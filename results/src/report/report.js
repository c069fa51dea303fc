"use strict";
// The number that a cell begins with, whatever its unit and its thousands' marks; words sort as words.
const key = (cell) => {
  const text = cell.textContent.trim();
  const number = text.replace(/,/g, "").match(/^[*~]?\s*([+-]?\d+(?:\.\d+)?)/);
  return number ? parseFloat(number[1]) : text.toLowerCase();
};
const compare = (one, other) =>
  typeof one === typeof other ? (one < other ? -1 : one > other ? 1 : 0) : typeof one === "number" ? -1 : 1;
for (const table of document.querySelectorAll("table")) {
  // A row whose first cells are blank goes on with those above it, and must say so once it stands elsewhere.
  let above = [];
  for (const row of table.tBodies[0].rows) {
    for (const [place, cell] of [...row.cells].entries()) {
      if (cell.textContent.trim() !== "" || !above[place]) break;
      cell.textContent = above[place];
      cell.classList.add("again");
    }
    above = [...row.cells].map((cell) => cell.textContent);
  }
  const headings = [...table.querySelectorAll("thead th")];
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
filter.addEventListener("input", () => {
  const word = filter.value.toLowerCase();
  for (const row of document.querySelectorAll("tbody tr"))
    row.classList.toggle("hidden", !row.textContent.toLowerCase().includes(word));
  for (const fold of document.querySelectorAll("details"))
    if (word && fold.querySelector("tbody tr:not(.hidden)")) fold.open = true;
});
// Paper cannot be opened.
window.addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});
