// The page: people, their phones, and what the simulator tells of them.

import { addPhone, everything, reset, watch } from "./control.js";
import { words } from "./entries.js";
import { Phone } from "./phone.js";

const SHOWN_AT_FIRST = 6;
const MOST_CHIPS = 60;
const phones = new Map();
const find = (name) => document.querySelector(`[data-${name}]`);
const keyOf = ({ channel, address }) => `${channel} ${address}`;
let showNext = false;

function seat(described) {
  const key = keyOf(described);
  if (phones.has(key)) return phones.get(key);
  const phone = new Phone(described);
  phones.set(key, phone);
  phone.chip = chip(phone);
  if (phones.size <= MOST_CHIPS) find("people").append(phone.chip);
  show(phone, showNext || phones.size <= SHOWN_AT_FIRST);
  if (showNext) phone.node.scrollIntoView({ behavior: "smooth", block: "nearest" });
  showNext = false;
  return phone;
}

function chip(phone) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const face = document.createElement("span");
  const name = document.createElement("span");
  const network = document.createElement("small");
  button.type = "button";
  button.className = "chip";
  face.className = `face ${phone.channel.split("-")[0]}`;
  face.textContent = [...phone.name][0];
  name.textContent = phone.name;
  name.dir = "auto";
  network.textContent = words.networks[phone.channel];
  button.append(face, name, network);
  button.onclick = () => show(phone, !phone.node.isConnected);
  item.append(button);
  return item;
}

function show(phone, visible) {
  if (visible) find("phones").append(phone.node);
  else phone.node.remove();
  phone.chip.firstElementChild.setAttribute("aria-pressed", String(visible));
  phone.chip.querySelector(".fresh")?.remove();
  phone.toEnd();
  find("empty").hidden = find("phones").childElementCount > 0;
}

function entry(data) {
  const phone = phones.get(keyOf(data));
  if (!phone) return;
  phone.show(data);
  if (phone.node.isConnected || phone.chip.querySelector(".fresh")) return;
  const dot = document.createElement("i");
  dot.className = "fresh";
  phone.chip.firstElementChild.append(dot);
}

function live(ok) {
  find("live").hidden = false;
  find("live").classList.toggle("lost", !ok);
  find("live-text").textContent = ok ? words.live : words.lost;
}

async function load() {
  const known = await everything();
  for (const key of [...phones.keys()]) forget(key);
  known.phones.forEach(seat);
  known.entries.forEach(entry);
  live(true);
}

function forget(key) {
  const phone = phones.get(key);
  phone.node.remove();
  phone.chip.remove();
  phones.delete(key);
}

find("add").onclick = () => find("dialog").showModal();
find("cancel").onclick = () => find("dialog").close();
find("clear").onclick = () => confirm(words.confirm) && reset();
find("form").onsubmit = async (event) => {
  const wanted = Object.fromEntries(new FormData(event.target));
  event.target.reset();
  showNext = true;
  await addPhone(wanted);
};

watch({ open: load, lost: () => live(false), phone: seat, entry, reset: load });
