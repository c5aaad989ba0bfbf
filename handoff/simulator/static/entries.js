// How one message looks on a phone.

export const words = JSON.parse(document.getElementById("words").textContent);
const MIDDLE = new Set(["block", "unblock", "group"]);

const clone = (id) => document.getElementById(id)?.content.cloneNode(true);

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export const clock = (wall) =>
  new Date(wall).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });

function text(entry) {
  const node = make("div", "text", entry.text);
  node.dir = "auto";
  return node;
}

function content(entry) {
  const found = document.createDocumentFragment();
  if (entry.deleted) {
    found.append(clone("part-deleted"));
    return found;
  }
  const part = clone(`part-${entry.kind}`);
  if (part) found.append(part);
  if (entry.text) found.append(text(entry));
  return found;
}

export function smsEntry(entry) {
  const node = make("div", `entry ${entry.direction}`);
  if (entry.author === "carrier") node.classList.add("carrier");
  const head = make("div", "head");
  head.append(make("span", "", words.speakers[entry.author || entry.direction]), make("span", "", clock(entry.wall)));
  const meta = make("div", "meta");
  if (entry.parts) {
    meta.append(
      make("span", "", `${words.encodings[entry.encoding]} · ${entry.units} ${words.signs}`),
      make("span", "", `${entry.parts} SMS${fate(entry)}`),
    );
  }
  node.append(head, content(entry), meta);
  return node;
}

const FATES = { waiting: " …", accepted: " ✓", given_up: " ✗" };
const fate = (entry) => (entry.webhook ? FATES[entry.webhook.state] : "");

function tick(entry) {
  const state = entry.statuses.includes("read") ? "read" : entry.webhook?.state;
  if (!state) return "";
  const node = make("span", `tick ${state}`, { waiting: "◷", given_up: "!" }[state] ?? "✓✓");
  node.title = words.fates[entry.webhook.state];
  return node;
}

export function chatEntry(entry, on) {
  const node = make("div", `entry ${entry.direction}`);
  if (MIDDLE.has(entry.kind)) node.className = "entry middle";
  const bubble = make("div", "bubble");
  bubble.append(content(entry));
  if (!MIDDLE.has(entry.kind)) {
    const meta = make("div", "meta");
    meta.append(make("span", "", clock(entry.wall)), entry.direction === "sent" ? tick(entry) : "");
    bubble.append(meta);
  }
  node.append(bubble);
  if (entry.choices.length) node.append(buttons(entry, on));
  return node;
}

function buttons(entry, on) {
  const box = make("div", "buttons");
  const shown = entry.list_button ? [{ label: entry.list_button }] : entry.choices;
  for (const choice of shown) {
    const button = make("button", "", choice.label);
    button.type = "button";
    button.dir = "auto";
    button.onclick = () => (entry.list_button ? on.openList(entry) : on.tap(entry, choice));
    box.append(button);
  }
  return box;
}

export function listRows(entry, tap) {
  return entry.choices.map((choice) => {
    const row = make("button", "option", choice.label);
    row.type = "button";
    row.dir = "auto";
    if (choice.description) row.append(make("small", "", choice.description));
    row.onclick = () => tap(choice);
    return row;
  });
}
