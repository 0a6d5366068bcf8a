#include "src/render/page_text.h"

namespace onelane::inline v0::render {

// Eight colours that are told apart, by eyes that see fewer of them too, on either ground.
std::string_view page_style() noexcept {
  return R"(
:root { color-scheme: light dark; --ground: #ffffff; --text: #1c2128; --faint: #5b6470;
  --rule: #dde1e6; --good: #15803d; --bad: #b42318; --panel: #f5f7f9; --s0: #0060c0; --s1: #c2410c;
  --s2: #15803d; --s3: #7e22ce; --s4: #a16207; --s5: #be185d; --s6: #0e7490; --s7: #57534e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14181d; --text: #e6e9ed; --faint: #9aa4b0; --rule: #323a44; --good: #4ade80;
    --bad: #ff8f85; --panel: #1b2027; --s0: #5eb1ff; --s1: #fb923c; --s2: #4ade80; --s3: #c99bff;
    --s4: #facc15; --s5: #f88cc0; --s6: #4dd4e8; --s7: #b8b0a8; } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--ground);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .1rem 1rem;
  margin: 1rem 0; font-size: .875rem; } dt { color: var(--faint); } dd { margin: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr));
  gap: 0 2rem; } .columns > * { min-width: 0; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
.legend { margin: .25rem 0; font-size: .875rem; } .entry { display: inline-block;
  margin-right: 1.25rem; } .entry svg { vertical-align: middle; margin-right: .35rem; }
figure > svg { width: 100%; max-width: 34rem; height: auto; } .wide { overflow-x: auto; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
svg .small text { fill: var(--faint); font-size: 10px; }
.rule { stroke: var(--rule); stroke-width: 1; } .line { stroke: currentColor; stroke-width: 2;
  fill: none; } .spread { stroke: currentColor; stroke-width: 1.5; opacity: .45; }
.whisker { stroke: var(--text); stroke-width: 1.5; } .bar { fill: currentColor; }
.mark { fill: currentColor; stroke: currentColor; stroke-width: 1.5; }
.hollow { fill: var(--ground); }
.s0, .entry.s0 svg { color: var(--s0); }
.s1, .entry.s1 svg { color: var(--s1); }
.s2, .entry.s2 svg { color: var(--s2); }
.s3, .entry.s3 svg { color: var(--s3); }
.s4, .entry.s4 svg { color: var(--s4); }
.s5, .entry.s5 svg { color: var(--s5); }
.s6, .entry.s6 svg { color: var(--s6); }
.s7, .entry.s7 svg { color: var(--s7); }
.entry { color: var(--text); }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 1.25rem 0 .25rem; position: sticky; left: 0;
  width: fit-content; max-width: min(58rem, 100vw - 2rem); }
th, td { padding: .2rem .75rem .2rem 0; text-align: right; border-bottom: 1px solid var(--rule);
  white-space: nowrap; } th:first-child { text-align: left; } thead th { color: var(--faint);
  font-weight: 500; } .texts td { text-align: left; white-space: normal; min-width: 6rem; }
.texts th { text-align: left; }
.about { color: var(--faint); margin: 0 0 1rem; }
.state { margin: .5rem 0; padding: .6rem .9rem; font-weight: 600; background: var(--panel);
  border-left: .35rem solid; }
.good { border-color: var(--good); } .bad { border-color: var(--bad); color: var(--bad); }
details { border-bottom: 1px solid var(--rule); } summary { padding: .35rem 0; cursor: pointer; }
details > :not(summary) { margin-left: 1rem; }
button { font: inherit; font-size: .875rem; color: inherit; background: var(--panel);
  border: 1px solid var(--faint); border-radius: .25rem; padding: .2rem .7rem; }
:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
)";
}

// Only what has changed is put in the place of what is there, so that the rest keeps its focus, its
// selection and its scroll; in what has changed, opened details and the focus are found by id.
std::string_view page_script() noexcept {
  return R"((() => {
  "use strict";
  const period = Number(document.documentElement.dataset.refresh);
  const button = document.getElementById("pause");
  const note = document.getElementById("fetched");
  if (!period || location.protocol === "file:") return;
  let paused = false;
  let asking = false;
  let lost = "";
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    note.textContent = paused ? "Paused." : "";
  });
  const key = (element) => element.id && document.getElementById(element.id) === element;
  function swap(old, fresh) {
    const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.id));
    for (const one of fresh.querySelectorAll("details")) one.open = open.has(one.id);
    if (old.outerHTML === fresh.outerHTML) return;
    if (old.matches("[role=status]")) {  // replaced, it would not be read out
      old.className = fresh.className;
      old.textContent = fresh.textContent;
      return;
    }
    const scrolled = new Map([...old.querySelectorAll(".wide")].filter(key)
      .map((one) => [one.id, one.scrollLeft]));
    const active = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(fresh);
    for (const [id, left] of scrolled) {
      const one = document.getElementById(id);
      if (one) one.scrollLeft = left;
    }
    const focus = active && document.getElementById(active);
    if (focus) focus.focus({preventScroll: true});
  }
  async function refresh() {
    if (paused || asking || document.hidden) return;
    asking = true;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 10000);
    try {
      const answer = await fetch(location.href, {cache: "no-store", signal: limit.signal});
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(old.id);
        if (fresh) swap(old, document.importNode(fresh, true));
      }
      lost = "";
    } catch (error) {
      lost ||= new Date().toLocaleTimeString();
    } finally {
      clearTimeout(timer);
      asking = false;
      if (!paused) note.textContent = lost && "No answer since " + lost + ".";
    }
  }
  setInterval(refresh, period);
})();
)";
}

}  // namespace onelane::inline v0::render
