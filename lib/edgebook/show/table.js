(function (script) {
  var root = script && script.closest(".edgebook");
  if (!root || root.dataset.ready) return;
  root.dataset.ready = "1";
  function button(text, title, act) {
    var made = document.createElement("button");
    made.type = "button"; made.textContent = text; made.title = title;
    made.style.cssText = "font:inherit;color:inherit;background:transparent;border:1px solid rgba(128,128,128,.5);border-radius:4px;padding:0 8px;margin-left:8px;cursor:pointer";
    made.addEventListener("click", act);
    return made;
  }
  function copy(text, made) {
    function done() { var old = made.textContent; made.textContent = "copied"; setTimeout(function () { made.textContent = old; }, 1500); }
    function fallback() {
      var area = document.createElement("textarea");
      area.value = text; document.body.appendChild(area); area.select();
      document.execCommand("copy"); area.remove(); done();
    }
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, fallback); else fallback();
  }
  root.querySelectorAll(".eb-paste").forEach(function (box) {
    var made = button("copy", "Copy these lines", function () { copy(box.textContent, made); });
    box.after(made);
  });
  var table = root.querySelector(".eb-scroll > table");
  if (!table) return;
  var body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows), count = root.querySelector(".eb-count");
  function value(row, column) {
    var cell = row.cells[column].firstChild;
    return cell ? cell.textContent.trim() : "";
  }
  var SECONDS = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86400, day: 86400, days: 86400 };
  function number(text) {
    var parts = text.match(/^(?:[\d.]+ (?:ms|s|min|h|d|days?)\b ?)+/);
    if (!parts) return parseFloat(text.replace(/^(-?\d{1,3})((?:,\d{3})+)/, function (all) { return all.replace(/,/g, ""); }));
    return parts[0].trim().split(/ (?=[\d.])/).reduce(function (sum, part) {
      var one = part.split(" ");
      return sum + parseFloat(one[0]) * SECONDS[one[1]];
    }, 0);
  }
  function compare(a, b) {
    var x = number(a), y = number(b);
    if (!isNaN(x) && !isNaN(y) && x !== y) return x - y;
    return a.localeCompare(b, undefined, { numeric: true });
  }
  Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
    var name = head.textContent;
    head.tabIndex = 0; head.style.cursor = "pointer"; head.title = "Sort by " + name;
    function sort() {
      var up = head.getAttribute("aria-sort") !== "ascending";
      Array.prototype.forEach.call(head.parentNode.cells, function (other) { other.removeAttribute("aria-sort"); other.textContent = other.textContent.replace(/ [▲▼]$/, ""); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      head.textContent = name + (up ? " ▲" : " ▼");
      rows.slice().sort(function (a, b) { return (up ? 1 : -1) * compare(value(a, column), value(b, column)); })
        .forEach(function (row) { body.appendChild(row); });
    }
    head.addEventListener("click", sort);
    head.addEventListener("keydown", function (event) { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
  });
  if (rows.length < 4) return;
  var find = document.createElement("input");
  find.type = "search"; find.placeholder = "find in " + rows.length + " rows"; find.setAttribute("aria-label", "Find in this table");
  find.style.cssText = "font:inherit;color:inherit;background:transparent;border:1px solid rgba(128,128,128,.5);border-radius:4px;padding:0 6px;margin-left:10px;width:16em";
  find.addEventListener("input", function () {
    var words = find.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase(), fits = words.every(function (word) { return text.indexOf(word) >= 0; });
      row.style.display = fits ? "" : "none"; shown += fits ? 1 : 0;
    });
    count.textContent = words.length ? (shown ? shown + " of " + rows.length + " rows" : "no row has this") : rows.length + " rows";
  });
  find.addEventListener("keydown", function (event) { event.stopPropagation(); });
  var made = button("copy", "Copy the rows shown, for a spreadsheet", function () {
    var heads = Array.prototype.map.call(table.tHead.rows[0].cells, function (head) { return head.textContent.replace(/ [▲▼]$/, ""); });
    var lines = Array.prototype.filter.call(body.rows, function (row) { return row.style.display !== "none"; })
      .map(function (row) { return heads.map(function (_, column) { return value(row, column).replace(/^[=+\-@](?=.)(?![\d.,]+$)/, "'$&"); }).join("\t"); });
    copy([heads.join("\t")].concat(lines).join("\n"), made);
  });
  var title = root.querySelector(".eb-title");
  title.appendChild(find); title.appendChild(made);
})(document.currentScript);
