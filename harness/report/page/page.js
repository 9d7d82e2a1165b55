// Pressing a heading sorts its table by that column; printing opens all folded tables.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = heading.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const rows = Array.from(body.rows);
      const known = rows.filter((row) => value(row) !== "");
      const isNumeric = known.every((row) => Number.isFinite(Number(value(row))));
      const order = (a, b) => (isNumeric ? Number(value(a)) - Number(value(b)) : value(a).localeCompare(value(b), "en", { numeric: true }));
      known.sort((a, b) => (direction === "ascending" ? order(a, b) : order(b, a)));
      body.append(...known, ...rows.filter((row) => value(row) === "")); // empty cells stay last
      table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", direction);
    });
  });
}
const open = () => document.querySelectorAll("details").forEach((one) => { one.open = true; });
addEventListener("beforeprint", open);
