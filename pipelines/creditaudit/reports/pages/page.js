"use strict";
(function () {
  var root = document.documentElement;
  function speak(language) {
    root.dataset.lang = language;
    root.lang = language;
    document.title = document.querySelector("h1 [lang=" + language + "]").textContent;
  }
  var language = document.getElementById("language");
  language.addEventListener("change", function () { speak(language.value); });
  speak(language.value);
  var theme = document.getElementById("theme");
  theme.addEventListener("change", function () {
    if (theme.value === "auto") { delete root.dataset.theme; } else { root.dataset.theme = theme.value; }
  });
  Array.prototype.forEach.call(document.querySelectorAll(".tools[hidden], .filter[hidden]"), function (part) {
    part.hidden = false;
  });
  var table = document.getElementById("institutions-table");
  if (!table) { return; }
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);
  var filter = document.getElementById("filter");
  var shown = Array.prototype.slice.call(document.querySelectorAll(".shown"));
  filter.addEventListener("input", function () {
    var wanted = filter.value.trim().toLowerCase(), count = 0;
    rows.forEach(function (row) {
      var fits = row.cells[0].textContent.toLowerCase().indexOf(wanted) >= 0;
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    shown.forEach(function (place) { place.textContent = String(count); });
  });
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  heads.forEach(function (head, column) {
    head.querySelector("button").addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending" ||
        (head.className === "n" && head.getAttribute("aria-sort") !== "descending");
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      var sorted = rows.map(function (row, place) {
        var text = row.cells[column].textContent;
        return { row: row, place: place, key: head.className === "n" ? Number(text) : text };
      });
      sorted.sort(function (a, b) {
        var order = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
        return (down ? -order : order) || a.place - b.place;
      });
      sorted.forEach(function (one) { body.appendChild(one.row); });
    });
  });
}());
