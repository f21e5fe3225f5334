"""How the page looks: on a screen, light or dark, and on A4."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark; --ink: #1c2026; --soft: #5a636e; --rule: #dfe3e8; --paper: #fff; --panel: #f6f7f9;
  --for: #b24a00; --against: #175cc9; --alarm: #b3161b; --alarm-bg: #fdecec; --care: #7a4b00; --care-bg: #fff4de; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #a3acb8; --rule: #363c45;
  --paper: #15181c; --panel: #1d2127; --for: #ff9d52; --against: #7fb0ff; --alarm: #ff9a9a; --alarm-bg: #3a1719;
  --care: #ffd08a; --care-bg: #33260d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 32px 40px; max-width: 1080px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 25px; line-height: 1.2; margin: 2px 0 0; overflow-wrap: anywhere; letter-spacing: -.01em; }
h2 { font-size: 16px; margin: 0; letter-spacing: -.005em; }
h3 { font-size: 13.5px; margin: 0 0 6px; }
p { margin: 4px 0; }
ul { margin: 4px 0; padding-left: 18px; }
section { margin-top: 24px; border-top: 1px solid var(--rule); padding-top: 13px; }
header { display: flex; justify-content: space-between; gap: 24px; align-items: flex-start; }
.eyebrow { color: var(--soft); font-size: 13px; margin: 0; }
.badge { border: 1.5px solid currentColor; border-radius: 6px; padding: 5px 11px; color: var(--alarm); font-weight: 600;
  font-size: 13px; line-height: 1.3; text-align: center; flex: none; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 6px 24px;
  margin-bottom: 10px; }
.soft, figcaption, .unit { color: var(--soft); font-size: 13px; }
.alarm, .care { border-radius: 8px; padding: 10px 15px; margin-top: 14px; break-inside: avoid; }
.alarm { background: var(--alarm-bg); color: var(--alarm); border: 2px solid currentColor; }
.alarm b { font-size: 17px; display: block; }
.care { background: var(--care-bg); color: var(--care); }
.verdict { display: grid; grid-template-columns: 5fr 7fr; gap: 14px 40px; }
.answer { font-size: 33px; font-weight: 700; line-height: 1.15; letter-spacing: -.02em; overflow-wrap: anywhere; }
.answer small { font-weight: 400; font-size: 33px; white-space: nowrap; }
.meter { position: relative; height: 10px; border-radius: 5px; background: var(--rule); margin: 9px 0 5px; }
.meter b { position: absolute; inset: 0 auto 0 0; background: var(--for); border-radius: 5px; }
.meter i { position: absolute; top: -4px; bottom: -4px; width: 2px; background: var(--ink); }
.flags { list-style: none; padding: 0; margin: 8px 0 0; }
.flags li { border-left: 3px solid var(--alarm); padding-left: 9px; margin-top: 5px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: anywhere; }
tr:last-child > td { border-bottom: 0; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.n:last-child, th.n:last-child { padding-right: 0; }
.members td { vertical-align: middle; }
td .meter { height: 8px; margin: 0; min-width: 90px; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figure img, svg { display: block; width: 100%; height: auto; border-radius: 3px; }
figcaption { margin-top: 5px; line-height: 1.35; }
figcaption b { color: var(--ink); }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 18px; }
.shapley { display: grid; grid-template-columns: 2fr 3fr; gap: 26px; }
.believed { display: grid; grid-template-columns: 1fr 2fr; gap: 26px; }
.charts { display: grid; gap: 12px; align-content: start; }
.two img, .many img, .regions { width: auto; max-width: 100%; max-height: 520px; }
.many { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 14px; margin-top: 14px; }
.scale { display: flex; align-items: flex-start; gap: 9px; font-size: 13px; line-height: 18px; }
.scale .against { color: var(--against); } .scale .for { color: var(--for); }
.bar { display: grid; grid-template-columns: 1fr 1fr 1fr; width: 200px; }
.bar img { grid-column: 1 / 4; width: 100%; height: 15px; border-radius: 2px; margin-top: 2px; }
.bar i { font-style: normal; font-size: 11.5px; line-height: 15px; color: var(--soft); }
.bar i:nth-of-type(2) { text-align: center; } .bar i:nth-of-type(3) { text-align: right; }
.dot { fill: #fff; stroke: #1c2026; stroke-width: 1.5; }
.number { font: 700 17px Arial, "Liberation Sans", sans-serif; text-anchor: middle; fill: #1c2026; }
.chart text { font: 12px -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; fill: var(--soft); }
.chart .grid { stroke: var(--rule); } .chart .band { fill: var(--soft); opacity: .16; }
.chart .random { stroke: var(--soft); stroke-dasharray: 4 4; }
.chart .curve { fill: none; stroke: var(--for); stroke-width: 2.5; stroke-linejoin: round; }
.chart .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.trust th { white-space: nowrap; }
.trust td:nth-child(2) { font-weight: 600; white-space: nowrap; }
.yes { color: var(--ink); } .doubt { color: var(--care); } .no { color: var(--alarm); }
.plus { color: var(--for); } .minus { color: var(--against); }
dl { columns: 2; column-gap: 28px; margin: 0; font-size: 12.5px; }
dl div { display: grid; grid-template-columns: 8.5em 1fr; gap: 10px; break-inside: avoid; padding: 1px 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
code { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
@media screen and (max-width: 760px) { .verdict, .two, .shapley, .believed { grid-template-columns: 1fr; }
  dl { columns: 1; } body { padding: 18px; } }
@page { size: A4; margin: 11mm 12mm; }
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { padding: 0; max-width: none; font-size: 8.6pt; line-height: 1.35; }
  h1 { font-size: 14.5pt; } h2 { font-size: 10pt; } h3 { font-size: 8.6pt; margin-bottom: 1mm; }
  .answer, .answer small { font-size: 19pt; }
  table, .soft, figcaption, .unit, .eyebrow, .badge, .scale { font-size: 7.8pt; } th { font-size: 7.3pt; }
  dl, .bar i { font-size: 6.9pt; } code { font-size: 6.6pt; }
  th, td { padding: .55mm 2mm .55mm 0; }
  section { margin-top: 3.6mm; padding-top: 2.2mm; } .head { margin-bottom: 1.8mm; }
  .alarm, .care { margin-top: 2.4mm; padding: 1.6mm 3mm; } .alarm b { font-size: 11pt; }
  .verdict { gap: 2mm 9mm; } .two { gap: 4mm; }
  .many { gap: 3mm; margin-top: 2.4mm; grid-template-columns: repeat(auto-fit, minmax(30mm, 1fr)); }
  .two img { max-height: 74mm; } .many img { max-height: 36mm; } .regions { max-height: 54mm; }
  .warned .two img { max-height: 58mm; }
  .shapley, .believed { gap: 6mm; } .charts { gap: 1.5mm; }
  .evidence { break-before: page; border-top: 0; margin-top: 0; padding-top: 0; }
}
"""
