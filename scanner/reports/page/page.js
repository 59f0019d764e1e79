"use strict";
// Names come from hostile files: they are only ever set as text.
const rows = JSON.parse(document.getElementById("rows").textContent);
const NUMBERS = new Set([2, 6, 7, 8]);
const PAGE = 200;
const body = document.querySelector("#files tbody");
const search = document.getElementById("search");
const show = document.getElementById("show");
const place = document.getElementById("place");
const headers = [...document.querySelectorAll("#files th")];
let shown = rows;
let first = 0;
let sorted = { column: -1, down: false };

function compare(a, b) {
  const x = a[sorted.column], y = b[sorted.column];
  if (x === y) return 0;
  if (x === null) return 1; // what has no value comes last either way
  if (y === null) return -1;
  return (x < y ? -1 : 1) * (sorted.down ? -1 : 1);
}

// A long name is broken between folders and containers, not inside a word.
function breakable(name) {
  return name.split(/(?<=\/)/).flatMap((part, n) => (n ? [document.createElement("wbr"), part] : [part]));
}

function draw() {
  body.replaceChildren();
  for (const row of shown.slice(first, first + PAGE)) {
    const line = document.createElement("tr");
    row.forEach((value, column) => {
      const cell = document.createElement("td");
      if (NUMBERS.has(column)) cell.className = "number";
      if (column === 3 && value !== null) cell.className = value;
      if (column === 0) cell.append(...breakable(value));
      else cell.textContent = value === null ? "" : column === 2 ? value.toFixed(6) : column === 9 ? value.slice(0, 12) : value;
      if (column === 9 && value !== null) cell.title = value;
      line.append(cell);
    });
    body.append(line);
  }
  const last = Math.min(first + PAGE, shown.length);
  place.textContent = shown.length ? `${first + 1}–${last} of ${shown.length}` : "no file";
  document.getElementById("back").disabled = first === 0;
  document.getElementById("on").disabled = last >= shown.length;
}

function choose() {
  const text = search.value.toLowerCase();
  const kind = show.value;
  shown = rows.filter((row) =>
    (!text || row[0].toLowerCase().includes(text) || (row[9] || "").startsWith(text)) &&
    (!kind || row[3] === kind || row[1] === kind));
  if (sorted.column >= 0) shown.sort(compare);
  first = 0;
  draw();
}

headers.forEach((header, column) => header.querySelector("button").addEventListener("click", () => {
  // Numbers are mostly wanted from the top.
  const down = sorted.column === column ? !sorted.down : NUMBERS.has(column);
  sorted = { column, down };
  for (const other of headers) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  choose();
}));
search.addEventListener("input", choose);
show.addEventListener("change", choose);
document.getElementById("back").addEventListener("click", () => { first = Math.max(0, first - PAGE); draw(); });
document.getElementById("on").addEventListener("click", () => { first += PAGE; draw(); });
choose();
