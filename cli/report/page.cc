#include "cli/report/page.h"

namespace undula::cli::report {

// clang-format off
const char kStyle[] = R"css(:root{--bg:#fff;--fg:#1b1b1b;--dim:#595959;--rule:#c9c9c9;--soft:#f3f3f1;--font:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",Arial,sans-serif;
--c0:#0072b2;--c1:#b34700;--c2:#00745a;--c3:#9c4f81;--c4:#7a5c00;--c5:#2b6c9e;--c6:#444;--c7:#a8173a}
@media (prefers-color-scheme:dark){:root{--bg:#161819;--fg:#ececec;--dim:#a9adb0;--rule:#43474a;--soft:#222527;
--c0:#56b4e9;--c1:#e69f00;--c2:#2dc6a0;--c3:#dc9fc4;--c4:#f0e442;--c5:#8ab8f5;--c6:#c9c9c9;--c7:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem 1.25rem 4rem;background:var(--bg);color:var(--fg);font:16px/1.5 var(--font)}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem;border-bottom:1px solid var(--rule)}
h3{font-size:1rem;margin:1.25rem 0 .25rem}
a{color:var(--c0)}
.verdict{font-size:1.1rem;background:var(--soft);border-left:4px solid var(--c0);padding:.75rem 1rem;margin:.5rem 0}
.missing{color:var(--dim);font-style:italic}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.75rem 0}
dt{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
nav{font-size:.9rem}
nav a{margin-right:.9rem;white-space:nowrap}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;margin:.5rem 0}
caption{text-align:left;color:var(--dim);padding:.25rem 0}
th,td{text-align:left;padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
td,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.t{text-align:left;white-space:normal}
td.w{overflow-wrap:anywhere;min-width:6rem}
td small{display:block;color:var(--dim)}
th[data-sort]{cursor:pointer}
th[data-sort]:focus-visible{outline:2px solid var(--c0)}
.best{font-weight:700}
figure{margin:1rem 0;break-inside:avoid}
figcaption{color:var(--dim);font-size:.9rem;max-width:44rem}
svg{max-width:100%;height:auto;font:11px var(--font);display:block}
td svg{display:inline-block;max-width:none}
svg text{fill:var(--fg)}
svg .tick,svg .label,svg .phrase{fill:var(--dim)}
.grid{stroke:var(--rule);stroke-width:.6}
.axis{stroke:var(--dim)}
.zero{stroke:var(--fg);stroke-dasharray:3 3}
.c0{--s:var(--c0)}.c1{--s:var(--c1)}.c2{--s:var(--c2)}.c3{--s:var(--c3)}.c4{--s:var(--c4)}.c5{--s:var(--c5)}.c6{--s:var(--c6)}.c7{--s:var(--c7)}
.unclear{--s:var(--dim)}
.line{fill:none;stroke:var(--s);stroke-width:2.2}
.c1 .line{stroke-dasharray:7 3}.c2 .line{stroke-dasharray:2 2}.c3 .line{stroke-dasharray:9 3 2 3}.c4 .line{stroke-dasharray:4 2}.c5 .line{stroke-dasharray:12 4}.c6 .line{stroke-dasharray:1 3}.c7 .line{stroke-dasharray:6 2 1 2 1 2}
.d1 .line{stroke-width:3.2}.d2 .line{stroke-width:1.2}
.thin .line{stroke-width:.8;opacity:.6}
.off{display:none}
.mark,.point,.bar{fill:var(--s,var(--c0))}
.point{opacity:.75}
svg text.end{fill:var(--s)}
.iv{stroke:var(--c0);stroke-width:3}.at{stroke:var(--fg);stroke-width:1.5}.room{stroke:var(--rule)}
.edge{fill:none;stroke:var(--dim);stroke-dasharray:4 3}
.edge.tie{stroke-dasharray:none;opacity:.7}
.edge.model{stroke:var(--c0);stroke-dasharray:none;opacity:.8}
.item{fill:var(--c1)}.entity{fill:var(--c2)}.target{fill:none;stroke:var(--c7);stroke-width:2}
svg text.phrase{font-size:10px}
svg text.name,svg text.phrase{paint-order:stroke;stroke:var(--bg);stroke-width:3px;stroke-linejoin:round}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--c0)}
.series-switch{font-size:.85rem;display:flex;flex-wrap:wrap;gap:.25rem .9rem}
@media (max-width:480px){body{padding:.75rem .75rem 3rem}dl{grid-template-columns:1fr}dt{margin-top:.3rem}figure:not(.graph) svg{width:100%}figure.graph{overflow-x:auto}figure.graph svg{max-width:none}}
@media print{body{max-width:none;font-size:11pt}nav,.series-switch{display:none}h2{break-after:avoid}tr{break-inside:avoid}caption,thead{break-after:avoid}.scroll{overflow:visible}:root{--bg:#fff;--fg:#000;--dim:#444;--rule:#bbb;--soft:#f3f3f1;--c0:#0072b2;--c1:#b34700;--c2:#00745a;--c3:#9c4f81;--c4:#7a5c00;--c5:#2b6c9e;--c6:#444;--c7:#a8173a}}
)css";

const char kScript[] = R"js((function () {
  'use strict';
  function number(cell) {
    var text = cell.firstChild ? cell.firstChild.textContent : '';
    var value = parseFloat(text.replace(/,/g, ''));
    return isNaN(value) ? null : value;
  }
  function sort(table, column, header) {
    var up = header.getAttribute('aria-sort') === 'descending';
    var body = table.tBodies[0];
    var rows = Array.prototype.slice.call(body.rows);
    rows.sort(function (a, b) {
      var x = number(a.cells[column]), y = number(b.cells[column]);
      var order = x !== null && y !== null
        ? x - y
        : a.cells[column].textContent.localeCompare(b.cells[column].textContent);
      return up ? order : -order;
    });
    table.querySelectorAll('th').forEach(function (th) { th.removeAttribute('aria-sort'); });
    header.setAttribute('aria-sort', up ? 'ascending' : 'descending');
    rows.forEach(function (row) { body.appendChild(row); });
  }
  document.querySelectorAll('table').forEach(function (table) {
    if (!table.tBodies[0] || table.tBodies[0].rows.length < 2) return;
    table.querySelectorAll('thead th').forEach(function (th, column) {
      th.setAttribute('data-sort', '');
      th.tabIndex = 0;
      th.title = 'sort';
      th.addEventListener('click', function () { sort(table, column, th); });
      th.addEventListener('keydown', function (event) {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        sort(table, column, th);
      });
    });
  });
  document.querySelectorAll('figure[data-series]').forEach(function (figure) {
    var groups = figure.querySelectorAll('g.series');
    if (groups.length < 2 || groups.length > 60) return;
    var box = document.createElement('div');
    box.className = 'series-switch';
    JSON.parse(figure.getAttribute('data-series')).forEach(function (name, i) {
      if (!groups[i] || groups[i].classList.contains('thin')) return;
      var label = document.createElement('label');
      var input = document.createElement('input');
      input.type = 'checkbox';
      input.checked = true;
      input.addEventListener('change', function () {
        var color = groups[i].getAttribute('class').replace(' off', '');
        groups.forEach(function (group) {
          var own = group.getAttribute('class').replace(' off', '').replace(' thin', '');
          if (own === color) group.classList.toggle('off', !input.checked);
        });
      });
      label.appendChild(input);
      label.appendChild(document.createTextNode(' ' + name));
      box.appendChild(label);
    });
    figure.insertBefore(box, figure.firstChild);
  });
})();
)js";
// clang-format on

const char kScriptHash[] = "X06ZA/ioWqQbPCihJcKzIMgbJWO9sb6DjAX+fLwhM0c=";

}  // namespace undula::cli::report
