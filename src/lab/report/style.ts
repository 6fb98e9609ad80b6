/** The style of the page: both colour schemes, every width, paper. */

const LIGHT = `
  --paper: #ffffff; --ink: #1b1f24; --muted: #57606a; --grid: #e3e6ea; --band: #0000001a;
  --bars: #b6c2cf; --code: #f4f6f8; --good: #14703a; --bad: #c02626; --warn: #8a5300;
  --normal: #1d5fc4; --logistic: #b4540a; --exponential: #0c7a69; --calibrated: #a120b8;`;
const DARK = `
  --paper: #14171b; --ink: #e8eaed; --muted: #a3abb5; --grid: #2c3138; --band: #ffffff22;
  --bars: #4a5562; --code: #1f242a; --good: #5fd38d; --bad: #ff7b72; --warn: #f0b45a;
  --normal: #6aa9ff; --logistic: #f59e4c; --exponential: #3fd0b6; --calibrated: #e58bf7;`;

export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 940px; padding: 24px 20px 48px; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 44px 0 8px; }
p { margin: 8px 0; max-width: 76ch; }
.trace, figcaption, .note, footer { color: var(--muted); font-size: 14px; }
.verdict { border-left: 5px solid var(--good); background: var(--code); padding: 12px 18px;
  margin: 20px 0; border-radius: 0 6px 6px 0; }
.verdict.refused { border-color: var(--warn); }
.verdict strong { display: block; font-size: 18px; }
pre { background: var(--code); border: 1px solid var(--grid); border-radius: 6px; margin: 10px 0;
  padding: 12px 14px; font: 14px/1.5 ui-monospace, monospace; white-space: pre-wrap; }
.verdict pre { background: var(--paper); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px;
  margin: 16px 0; }
dl div { border: 1px solid var(--grid); border-radius: 6px; padding: 10px 14px; }
dt { color: var(--muted); font-size: 14px; }
sub { line-height: 0; }
#trace th { width: 30%; }
dd { margin: 0; font-size: 22px; font-weight: 600; }
dd small { display: block; font-size: 13px; font-weight: 400; color: var(--muted); }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; }
svg.narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; margin: 10px 0 0;
  padding: 0; font-size: 14px; }
.legend li { display: flex; align-items: center; gap: 7px; }
.mark { display: inline-block; width: 11px; height: 11px; background: currentColor; flex: none; }
.mark.circle { border-radius: 50%; }
.mark.triangle { clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.mark.down { clip-path: polygon(0 0, 100% 0, 50% 100%); }
.mark.diamond { clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
.mark.hollow, .mark.ring { background: none; border: 2px solid; border-radius: 50%; }
.mark.ring { width: 16px; height: 16px; }
.mark.line, .mark.dashes { width: 24px; height: 0; background: none; border-top: 2px solid; }
.mark.dashes { border-top-style: dashed; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; overflow-wrap: normal; }
th, td { text-align: left; padding: 7px 16px 7px 0; border-bottom: 1px solid var(--grid);
  vertical-align: top; }
thead th { color: var(--muted); font-weight: 500; }
tr.chosen { font-weight: 600; }
td small { display: block; color: var(--muted); font-weight: 400; white-space: nowrap; }
td code { font: 13px ui-monospace, monospace; }
footer { margin-top: 44px; border-top: 1px solid var(--grid); padding-top: 12px; }
@media (max-width: 700px) {
  body { padding: 16px 12px 40px; }
  svg.wide { display: none; }
  svg.narrow { display: block; max-width: 480px; margin: 0 auto; }  dl { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  dl div { padding: 8px; }
  dt { font-size: 12px; }
  dd { font-size: 17px; }
  dd small { font-size: 12px; }
  td small { display: inline; }
  /* A row is a card. */
  .models thead { display: none; }
  .models tr { display: block; padding: 10px 0; border-bottom: 1px solid var(--grid); }
  .models td, .models th { display: block; border: 0; padding: 1px 0; }
  .models th { font-size: 16px; }
  .models td[data-name]::before { content: attr(data-name) ": "; color: var(--muted);
    font-weight: 400; }
}
@media print {
  :root { ${LIGHT} }
  body { max-width: none; padding: 0; font-size: 12px; }
  figure, .verdict, dl, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
