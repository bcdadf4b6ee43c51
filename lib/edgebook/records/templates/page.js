(function () {
  var root = document.documentElement, kept = null;
  try { kept = localStorage.getItem("edgebook-theme"); } catch (e) { kept = null; }
  if (kept) root.dataset.theme = kept;
  document.getElementById("theme").addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("edgebook-theme", root.dataset.theme); } catch (e) { /* private */ }
  });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not([open])").forEach(function (one) { one.open = true; one.dataset.printed = "1"; });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("details[data-printed]").forEach(function (one) { one.open = false; delete one.dataset.printed; });
  });
  var find = document.getElementById("find"), state = document.getElementById("state");
  if (!find) return;
  var rows = Array.prototype.slice.call(document.querySelectorAll("tr[data-text]"));
  function filter() {
    var words = find.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    rows.forEach(function (row) {
      var fits = words.every(function (word) { return row.dataset.text.indexOf(word) >= 0; })
        && (!state.value || row.dataset.state === state.value);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    document.getElementById("shown").textContent = shown + " of " + rows.length;
    document.getElementById("none").hidden = shown > 0 || rows.length === 0;
  }
  var order = ["failed", "interrupted", "refused", "succeeded"], body = document.querySelector("#records tbody");
  function value(row, column, kind) {
    var cell = row.cells[column];
    if (kind === "state") return order.indexOf(row.dataset.state);
    if (kind === "number") return parseFloat(cell.dataset.value || cell.textContent) || 0;
    return cell.textContent.trim();
  }
  Array.prototype.forEach.call(document.querySelectorAll("#records th[data-kind]"), function (head, column) {
    var kind = head.dataset.kind, button = document.createElement("button"), name = head.textContent;
    button.type = "button"; button.textContent = name; button.title = "Sort by " + name.toLowerCase();
    head.textContent = ""; head.appendChild(button);
    button.addEventListener("click", function () {
      var up = head.getAttribute("aria-sort") !== "ascending";
      document.querySelectorAll("#records th[aria-sort]").forEach(function (other) { other.removeAttribute("aria-sort"); other.firstChild.textContent = other.firstChild.textContent.replace(/ [▲▼]$/, ""); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      button.textContent = name + (up ? " ▲" : " ▼");
      rows.slice().sort(function (a, b) {
        var x = value(a, column, kind), y = value(b, column, kind);
        var less = typeof x === "number" ? x - y : x.localeCompare(y);
        return up ? less : -less;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
  find.addEventListener("input", filter);
  state.addEventListener("change", filter);
  filter();
})();
