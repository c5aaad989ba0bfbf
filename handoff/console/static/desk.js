// The desk without a library: live parts, times ago, the counter of a message, and a sound for alarms.
// Every page works without this file; with it, nobody needs to reload.
"use strict";

const GSM = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
const GSM_TWICE = new Set("\f^{}\\[~]|€");
const SOUND = "amana-desk-sound";

// How carriers cut a text (GSM 03.38): 160 or 70 units in one message, 153 or 67 in each of several.
function segments(text) {
  const letters = [...text];
  const gsm = letters.every((letter) => GSM.has(letter) || GSM_TWICE.has(letter));
  const cost = (letter) => (gsm ? (GSM_TWICE.has(letter) ? 2 : 1) : letter.length);
  const total = letters.reduce((sum, letter) => sum + cost(letter), 0);
  if (total <= (gsm ? 160 : 70)) return total ? 1 : 0;
  let parts = 1;
  let used = 0;
  for (const letter of letters) {
    if (used + cost(letter) > (gsm ? 153 : 67)) {
      parts += 1;
      used = 0;
    }
    used += cost(letter);
  }
  return parts;
}

function count() {
  const area = document.getElementById("text");
  const output = document.getElementById("count");
  if (!area || !output || !area.value) return;
  const parts = segments(area.value);
  output.textContent = output.dataset.words
    .replace("[n]", String([...area.value].length))
    .replace("[s]", String(parts));
  output.classList.toggle("over", "sms" in area.dataset && parts > 2);
}

const ago = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style: "short" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

function times() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const past = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const [unit, size] = UNITS.find(([, seconds]) => past >= seconds) || ["minute", 60];
    time.title = time.title || time.textContent;
    time.textContent = ago.format(-Math.floor(past / size), unit);
  }
}

function beep() {
  const box = document.getElementById("sound");
  if (!box || !box.checked) return;
  const audio = new AudioContext();
  for (const start of [0, 0.3]) {
    const tone = audio.createOscillator();
    tone.frequency.value = 660;
    tone.connect(audio.destination);
    tone.start(audio.currentTime + start);
    tone.stop(audio.currentTime + start + 0.18);
  }
}

function soundOf(node) {
  const alarm = node && node.querySelector("[data-sound]");
  return alarm ? alarm.dataset.sound : "";
}

function place(id, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(id);
  const old = document.getElementById(id);
  if (!fresh) return;
  if (id === "alarm" && soundOf(fresh) && soundOf(fresh) !== soundOf(old)) beep();
  if (old) old.replaceWith(fresh);
  else if (id.startsWith("line-")) append(document.getElementById("chat"), fresh);
}

function append(chat, line) {
  const following = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
  chat.append(line);
  if (following) chat.scrollTop = chat.scrollHeight;
}

function live(address) {
  const lost = document.getElementById("live");
  const source = new EventSource(address);
  source.addEventListener("parts", (event) => {
    const held = document.activeElement && document.activeElement.closest("form")?.getAttribute("action");
    const { parts, ids } = JSON.parse(event.data);
    for (const [id, html] of Object.entries(parts)) place(id, html);
    for (const line of document.querySelectorAll(".chat > .line")) if (!ids.includes(line.id)) line.remove();
    times();
    // A replaced button keeps the keyboard where it was.
    if (held && document.activeElement === document.body) {
      document.querySelector(`form[action="${CSS.escape(held)}"] button`)?.focus();
    }
  });
  source.addEventListener("gone", () => {
    source.close();
    location.reload();
  });
  source.onopen = () => {
    lost.hidden = true;
    document.body.dataset.connected = "yes";
  };
  source.onerror = () => {
    lost.textContent = document.body.dataset.lost;
    lost.hidden = false;
    // A refused stream is not tried again by the browser: load the page, which says why.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  };
  addEventListener("pagehide", () => source.close());
}

function start() {
  const chat = document.getElementById("chat");
  const area = document.getElementById("text");
  const box = document.getElementById("sound");
  if (chat) chat.scrollTop = chat.scrollHeight;
  if (area) area.addEventListener("input", count);
  if (box) {
    box.checked = localStorage.getItem(SOUND) === "on";
    box.addEventListener("change", () => localStorage.setItem(SOUND, box.checked ? "on" : "off"));
  }
  for (const form of document.querySelectorAll("form.composer")) {
    form.addEventListener("submit", () => form.querySelector("button").setAttribute("disabled", ""));
  }
  count();
  times();
  setInterval(times, 30000);
  if (document.body.dataset.live) live(document.body.dataset.live);
}

// A page kept in memory by the browser's Back must not show what may be erased by now.
addEventListener("pageshow", (event) => event.persisted && location.reload());
start();
