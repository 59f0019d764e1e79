"use strict";
// Names and facts come from hostile files: they are only ever set as text.
const at = (id) => document.getElementById(id);
const WORDS = { fake: "confirmed fake", false_alarm: "false alarm, not fake", unsure: "unsure" };
const VERDICTS = { fake: "fake", inconclusive: "inconclusive", real: "not flagged" };
let begin = null;
let item = null;
let busy = false;
let showsHeat = false;
let showsBoxes = true;

function fill(element, lines, tag) {
  element.replaceChildren(...lines.map((text) => {
    const line = document.createElement(tag);
    // A long name is broken between folders and containers, not inside a word.
    line.append(...text.split(/(?<=\/)/).flatMap((part, n) => (n ? [document.createElement("wbr"), part] : [part])));
    return line;
  }));
}

function complain(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error("The review server does not answer. What was decided before is kept; start scan-review again.");
  }
  const values = await reply.json();
  if (!reply.ok) throw new Error(values.problem);
  return values;
}

function drawBoxes() {
  const boxes = showsBoxes ? item.boxes : [];
  at("boxes").replaceChildren(...boxes.map((box) => {
    const frame = document.createElement("span");
    const words = box.score === undefined ? "" : `: ${box.score}`;
    frame.className = box.decides ? `box decides ${item.verdict}` : "box";
    frame.title = `face ${box.number}${words}`;
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", frame.title);
    ["left", "top", "width", "height"].forEach((edge, n) => { frame.style[edge] = `${100 * box.region[n]}%`; });
    if (item.boxes.length > 1 && (box.decides || item.boxes.length <= 20)) {
      const number = document.createElement("b");
      number.textContent = box.number;
      frame.append(number);
    }
    return frame;
  }));
}

function drawHeat() {
  const shown = showsHeat && item.heat;
  at("heat").hidden = at("legend").hidden = !shown;
  if (shown) at("heat").src = `heatmap?place=${item.place}`;
  else at("heat").removeAttribute("src");
}

function draw() {
  const { picture } = item;
  at("picture").hidden = Boolean(picture.problem);
  at("absent").hidden = !picture.problem;
  at("absent").textContent = picture.problem;
  at("scale").hidden = true;
  if (picture.problem) at("image").removeAttribute("src");
  else {
    at("image").src = `picture?place=${item.place}`;
    // A face of 100 pixels is hard to look at; more than that would only be blurred.
    const times = Math.max(1, Math.min(3, Math.floor(640 / Math.max(picture.width, picture.height))));
    at("image").style.setProperty("--wide", `${picture.width * times}px`);
    at("image").style.setProperty("--shape", picture.width / picture.height);
    const enlarged = at("image").clientWidth / picture.width; // a low window leaves less room
    at("scale").textContent = `enlarged ${enlarged.toFixed(1).replace(".0", "")} times`;
    at("scale").hidden = enlarged <= 1;
    at("image").alt = item.names[0];
  }
  drawBoxes();
  drawHeat();
  at("score").replaceChildren();
  if (item.hidden) at("score").textContent = "score hidden until you decide";
  else {
    const verdict = document.createElement("span");
    verdict.className = item.verdict;
    verdict.textContent = VERDICTS[item.verdict];
    at("score").append(`prob_fake ${item.score} `, verdict, item.face === null ? "" : ` (face ${item.face})`);
  }
  at("decision").className = item.decision || "";
  at("decision").textContent = item.decision ? `You: ${WORDS[item.decision]}` : "Not decided";
  at("note").textContent = item.note ? `Note: ${item.note}` : "";
  const more = item.more_names ? [`and ${item.more_names} more files with the same content`] : [];
  fill(at("names"), [...item.names, ...more], "li");
  at("facts").replaceChildren(...[...item.facts, ["sha256", item.sha256]].flatMap(([name, text]) => {
    const term = document.createElement("dt"), words = document.createElement("dd");
    term.textContent = name;
    words.textContent = text;
    return [term, words];
  }));
  at("progress").textContent =
    `${item.place + 1} of ${item.total}, ${item.decided} decided by ${begin.reviewer}${begin.blind ? ", blind" : ""}; ${begin.order}`;
  document.body.dataset.place = item.place;
  document.body.dataset.decided = item.decided;
}

async function go(place) {
  if (place < 0 || place >= begin.total) return;
  item = await ask(`item?place=${place}`);
  draw();
  // The server decodes the next one meanwhile, and keeps it.
  if (place + 1 < begin.total) fetch(`picture?place=${place + 1}`).catch(() => {});
}

async function decide(decision, note = null) {
  const reply = await ask("decide", { place: item.place, sha256: item.sha256, decision, note });
  await go(reply.place);
}

async function undo() {
  const reply = await ask("undo", {});
  if (reply.place === null) await go(item.place);
  else await go(reply.place);
}

function write() {
  at("text").value = item.note || "";
  at("writing").showModal();
}

async function leave() {
  at("exports").showModal();
  at("first").focus();
  at("summary").textContent = "…";
  at("summary").textContent = (await ask("summary")).lines.join("\n");
}

const KEYS = {
  f: () => decide("fake"),
  r: () => decide("false_alarm"),
  u: () => decide("unsure"),
  n: write,
  z: undo,
  ArrowLeft: () => go(item.place - 1),
  ArrowRight: () => go(item.place + 1),
  e: async () => go((await ask(`next?place=${item.place}`)).place),
  h: () => { showsHeat = !showsHeat; if (!item.heat) complain("There is no heat map of this picture here."); drawHeat(); },
  b: () => { showsBoxes = !showsBoxes; drawBoxes(); },
  x: leave,
};

// One after another: a decision belongs to the picture that was seen when its key went down.
async function run(work) {
  if (busy) return;
  busy = true;
  document.body.dataset.busy = "yes";
  complain("");
  try {
    await work();
  } catch (error) {
    complain(error.message);
  } finally {
    busy = false;
    delete document.body.dataset.busy;
  }
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) {
    if (event.key === "Enter" && event.ctrlKey && at("writing").open) at("keep").click();
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const work = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!work || (item === null)) return;
  event.preventDefault();
  run(work);
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => { button.blur(); run(KEYS[button.dataset.key]); });
}
at("keep").addEventListener("click", () => {
  const text = at("text").value;
  at("writing").close();
  run(() => decide("note", text));
});
at("drop").addEventListener("click", () => at("writing").close());
at("close").addEventListener("click", () => at("exports").close());

run(async () => {
  begin = await ask("begin");
  document.title = at("report").textContent = `Review of ${begin.report}`;
  const unscored = begin.rows - begin.containers - (begin.statuses.ok || 0);
  const remarks = [
    begin.remark,
    unscored ? `${unscored} of ${begin.rows} files have no score and are not shown: they were not audited.` : "",
    begin.containers ? `${begin.containers} containers are shown by what is in them.` : "",
  ];
  at("remark").textContent = remarks.filter(Boolean).join(" ");
  at("remark").hidden = !at("remark").textContent;
  await go(begin.place);
});
