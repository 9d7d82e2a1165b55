// A column's heading sorts its table; links open folds; copied names have plain hyphens; printing opens all folds.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th[data-sort]").forEach((heading, column) => {
    const sort = () => {
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
    };
    heading.tabIndex = 0;
    heading.title = "sort by this column";
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      sort();
    });
  });
}
const openAround = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target?.scrollIntoView();
};
addEventListener("hashchange", openAround);
openAround();
document.addEventListener("copy", (event) => {
  event.clipboardData.setData("text/plain", String(getSelection()).replaceAll("\u2011", "-"));
  event.preventDefault();
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
