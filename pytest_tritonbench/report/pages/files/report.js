"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  // Tables: a heading sorts by data-order where a cell has one, else by its text.
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const key = (cell) => cell.dataset.order ?? cell.textContent.trim();
  const sort = (table, heading) => {
    const falling = heading.getAttribute("aria-sort") !== "descending";
    const first = heading.cellIndex === 0;
    const ascending = first ? heading.getAttribute("aria-sort") !== "ascending" : !falling;
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].map((row) => [key(row.cells[heading.cellIndex]), row]);
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return (ascending ? 1 : -1) * collatedOrNumeric(a, b);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  const collatedOrNumeric = (a, b) => {
    const difference = Number(a) - Number(b);
    return Number.isNaN(difference) ? collator.compare(a, b) : difference;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const button of table.tHead.querySelectorAll("th button")) {
      button.addEventListener("click", () => sort(table, button.parentElement));
    }
  }

  // Charts: one model at a time out of the templates.
  for (const charts of document.querySelectorAll(".charts")) {
    const templates = charts.querySelectorAll("template");
    const select = charts.querySelector("select");
    const draw = () => {
      const chosen = templates[select.selectedIndex].content.cloneNode(true);
      charts.querySelector(".drawn").replaceChildren(chosen);
    };
    select.addEventListener("change", draw);
    draw();
  }

  // Grid.
  const names = new Map(data.outcomes.map(([letter, name, meaning]) => [letter, { name, meaning }]));
  const form = $("filters");
  const chosen = new Set();
  const field = (name) => form.elements[name]?.value ?? "";
  let suite = data.suites[0];

  const options = (select, values) => {
    const all = make("option", "all");
    all.value = "";
    select.replaceChildren(all, ...values.map((value) => make("option", value)));
  };
  const fill = () => {
    suite = data.suites[Number(field("suite") || 0)];
    const values = (index) => [...new Set(suite.tasks.map((task) => task[index]))]
      .filter((value) => value !== null).sort((a, b) => collator.compare(String(a), String(b)));
    for (const [index, name] of [[1, "difficulty"], [2, "family"]]) {
      const found = values(index);
      options(form.elements[name], found);
      form.elements[name].parentElement.hidden = found.length === 0;
    }
  };

  const render = () => {
    const text = field("text").trim().toLowerCase();
    const model = field("model").trim().toLowerCase();
    const [difficulty, family] = [field("difficulty"), field("family")];
    const models = suite.models.flatMap((name, index) => (name.toLowerCase().includes(model) ? [index] : []));
    const kept = suite.tasks.flatMap((task, index) =>
      task[0].toLowerCase().includes(text) &&
      (!difficulty || String(task[1]) === difficulty) &&
      (!family || task[2] === family) ? [index] : []);
    const counts = new Map();
    for (const m of models) {
      for (const t of kept) counts.set(suite.cells[m][t], (counts.get(suite.cells[m][t]) ?? 0) + 1);
    }
    const tasks = chosen.size ? kept.filter((t) => models.some((m) => chosen.has(suite.cells[m][t]))) : kept;
    legend(counts);
    $("count").textContent = `${tasks.length} of ${suite.tasks.length} tasks, ${models.length} of ${suite.models.length} models`;
    $("gridbox").replaceChildren(grid(tasks, models));
  };

  const grid = (tasks, models) => {
    const table = make("table", undefined, "grid");
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", `Outcomes of ${suite.title}`);
    const longest = Math.max(...models.map((m) => suite.models[m].length), 0);
    table.style.setProperty("--names", `${Math.min(19, Math.max(4, 0.44 * longest + 1))}rem`);
    table.style.setProperty("--models", models.length);
    const head = table.createTHead().insertRow();
    head.append(make("th", "task", "corner"));
    for (const m of models) {
      const heading = make("th");
      heading.scope = "col";
      heading.title = suite.models[m];
      heading.append(make("span", suite.models[m]));
      head.append(heading);
    }
    const body = table.createTBody();
    for (const t of tasks) {
      // Letters and numbers only: names come in below, as text.
      body.insertAdjacentHTML("beforeend", `<tr><th scope="row"></th>${models.map((m) => {
        const letter = suite.cells[m][t];
        if (letter === " ") return "<td></td>";
        const dim = chosen.size && !chosen.has(letter) ? " dim" : "";
        return `<td class="o-${names.get(letter).name}${dim}" data-m="${m}" data-t="${t}" tabindex="-1">${letter}</td>`;
      }).join("")}</tr>`);
      const heading = body.lastElementChild.firstElementChild;
      const [name, difficulty, family] = suite.tasks[t];
      heading.textContent = name;
      heading.title = [name, difficulty === null ? "" : `difficulty ${difficulty}`, family ?? ""].filter(Boolean).join("\n");
    }
    const first = body.querySelector("td[data-m]");
    if (first) first.tabIndex = 0;
    return table;
  };

  const legend = (counts) => {
    const chips = data.outcomes.filter(([letter]) => counts.has(letter) || chosen.has(letter)).map(([letter, name, meaning]) => {
      const chip = make("button", undefined, "chip");
      chip.type = "button";
      chip.dataset.letter = letter;
      chip.title = meaning;
      chip.setAttribute("aria-pressed", String(chosen.has(letter)));
      chip.append(make("span", letter, `key o-${name}`), make("span", meaning, "what"), make("b", (counts.get(letter) ?? 0).toLocaleString("en")));
      return chip;
    });
    const active = document.activeElement?.dataset?.letter;
    $("legend").replaceChildren(...chips);
    if (active) $("legend").querySelector(`[data-letter="${active}"]`)?.focus();
  };

  let waiting = 0;
  const soon = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(render);
  };
  form.addEventListener("input", (event) => {
    if (event.target.name === "suite") fill();
    soon();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    chosen.clear();
    const kept = field("suite");
    setTimeout(() => {
      if (form.elements.suite) form.elements.suite.value = kept;
      fill();
      render();
    });
  });
  $("legend").addEventListener("click", (event) => {
    const letter = event.target.closest("button")?.dataset.letter;
    if (!letter) return;
    if (!chosen.delete(letter)) chosen.add(letter);
    render();
  });

  const move = (cell, down, right) => {
    const row = cell.parentElement.parentElement.rows[cell.parentElement.sectionRowIndex + down];
    const next = row?.cells[cell.cellIndex + right];
    if (!next?.dataset.m) return;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0] };
  $("gridbox").addEventListener("keydown", (event) => {
    const cell = event.target.closest("td[data-m]");
    if (!cell) return;
    if (event.key in steps) move(cell, ...steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") open(cell);
    else return;
    event.preventDefault();
  });
  $("gridbox").addEventListener("click", (event) => {
    const cell = event.target.closest("td[data-m]");
    if (cell) open(cell);
  });

  // The sheet of one answer. Its data is decompressed when it is first asked for.
  const read = new Map();
  const answers = (s, m) => {
    const id = `answers-${s}-${m}`;
    if (!read.has(id)) read.set(id, decompress($(id).textContent));
    return read.get(id);
  };
  const decompress = async (text) => {
    if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old to decompress the answers (DecompressionStream)");
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };

  let asked = 0;
  const open = (cell) => {
    const { m, t } = cell.dataset;
    return show(data.suites.indexOf(suite), Number(m), Number(t));
  };
  const show = async (s, m, t) => {
    const mine = ++asked;
    const { tasks, models } = data.suites[s];
    const [task, difficulty, family] = tasks[t];
    $("answer-title").textContent = task;
    const body = $("answer-body");
    const under = [models[m], data.suites[s].name, difficulty === null ? "" : `difficulty ${difficulty}`, family ?? ""];
    const head = make("p", under.filter(Boolean).join(" · "), "under");
    body.replaceChildren(head);
    if (!$("answer").open) $("answer").showModal();
    try {
      const samples = (await answers(s, m))[t] ?? [];
      if (mine !== asked) return;
      for (const sample of samples) body.append(...sheet(sample, samples.length > 1));
    } catch (error) {
      body.append(make("p", `The answer cannot be shown: ${error.message}`, "broken"));
    }
    $("answer").querySelector(".sheet").scrollTop = 0;
  };

  const number = (value) => {
    if (typeof value !== "number") return String(value);
    const size = Math.abs(value);
    if (value === 0 || Number.isInteger(value)) return value.toLocaleString("en");
    return size >= 1e6 || size < 1e-3 ? value.toExponential(2) : value.toPrecision(4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  };
  const facts = (pairs) => {
    const list = make("dl", undefined, "facts");
    for (const [name, value] of pairs) {
      if (value === undefined || value === null || value === "") continue;
      list.append(make("dt", name), make("dd", typeof value === "object" ? JSON.stringify(value) : String(value)));
    }
    return list;
  };
  const copyable = (text, className) => {
    const box = make("div", undefined, "copyable");
    const button = make("button", "Copy");
    button.type = "button";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block);
        button.textContent = "Selected";
      }
    });
    const block = make("pre", undefined, className);
    block.append(make("code", text));
    block.tabIndex = 0;
    box.append(button, block);
    return box;
  };
  const yes = (value) => (value === true ? "yes" : value === false ? "no" : "not judged");

  const sheet = (sample, several) => {
    const outcome = names.get(sample.letter);
    const parts = [];
    if (several) parts.push(make("h3", `Sample ${sample.sample}`));
    const verdict = make("p", undefined, "verdict");
    verdict.append(make("span", sample.letter, `key o-${outcome.name}`), make("b", outcome.meaning));
    parts.push(verdict);
    const entries = Object.entries(sample.phases);
    const decisive = entries.find(([, phase]) => phase.outcome === "failed" || phase.outcome === "error");
    if (decisive) parts.push(phaseOf(...decisive));
    const code = [make("h3", "Answer")];
    code.push(sample.code === undefined ? make("p", "The text of the answer is not part of this report.", "kn")
      : sample.code.trim() === "" ? make("p", "The answer is empty.", "kn") : copyable(sample.code, "code"));
    if (decisive) parts.push(...code);
    if (decisive) parts.push(make("h3", "Other phases"));
    for (const entry of entries) if (entry !== decisive) parts.push(phaseOf(...entry));
    if (sample.policy) parts.push(make("h3", "By policy"), policies(sample.policy));
    if (!decisive) parts.push(...code);
    const runs = [...new Set(entries.map(([, phase]) => phase.run).filter(Boolean))];
    if (runs.length) parts.push(make("p", `Run ${runs.join(", ")}`, "kn"));
    return parts;
  };

  const phaseOf = (name, phase) => {
    const section = make("section", undefined, `phase p-${phase.outcome}`);
    const title = make("h3", name);
    title.append(make("span", phase.outcome, "outcome"));
    section.append(title);
    if (phase.reason) section.append(make("p", phase.exception ? `${phase.reason}: ${phase.exception}` : phase.reason, "reason"));
    if (phase.message) section.append(make("pre", phase.message, "message"));
    section.append(facts([
      ["error / allowed", phase.ratio === undefined ? undefined : number(phase.ratio)],
      ["right without Triton", phase.right_without_triton === undefined ? undefined : yes(phase.right_without_triton)],
      ["cases", phase.cases && `${phase.cases}, ${phase.failed} failed`],
      ["varied", Array.isArray(phase.varied) ? phase.varied.join(", ") : phase.varied],
      ["case", phase.case],
      ["Triton launches", phase.launches],
      ["time", phase.seconds === undefined || phase.outcome === "skipped" ? undefined : `${number(phase.seconds)} s`],
    ]));
    if (Array.isArray(phase.timing)) section.append(times(phase.timing));
    if (phase.replay && (phase.outcome === "failed" || phase.outcome === "error")) section.append(copyable(phase.replay, "replay"));
    return section;
  };

  const times = (rows) => {
    const table = make("table", undefined, "times");
    const columns = [["size", "size"], ["ms", "ms"], ["gold", "gold ms"], ["speedup", "speedup"], ["gbs", "GB/s"], ["tflops", "TFLOPS"]];
    const head = table.createTHead().insertRow();
    for (const [, title] of columns) head.append(make("th", title));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      const speedup = row.ms && row.gold ? `${(row.gold / row.ms).toFixed(2)}×` : "";
      for (const [name] of columns) {
        const value = name === "speedup" ? speedup : row[name];
        line.append(make("td", value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : number(value)));
      }
    }
    return table;
  };

  const policies = (policy) => {
    const table = make("table", undefined, "policy");
    const head = table.createTHead().insertRow();
    for (const title of ["", "call", "exec", "fuzz"]) head.append(make("th", title));
    const body = table.createTBody();
    for (const name of ["published", "strict"]) {
      const line = body.insertRow();
      line.append(make("th", name));
      for (const phase of ["call", "exec", "fuzz"]) {
        line.append(make("td", policy[name] && phase in policy[name] ? yes(policy[name][phase]) : "–"));
      }
    }
    return table;
  };

  const dialog = $("answer");
  $("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  fill();
  render();
})();
