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
  }
  find.addEventListener("input", filter);
  state.addEventListener("change", filter);
  filter();
})();
