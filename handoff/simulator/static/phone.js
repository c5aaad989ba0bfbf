// One phone on the page: its keys, its composer, its messages.

import { countSegments, send } from "./control.js";
import { chatEntry, clock, listRows, smsEntry, words } from "./entries.js";

const samples = JSON.parse(document.getElementById("samples").textContent);
const LIMITS = { gsm7: [160, 153], ucs2: [70, 67] };

export class Phone {
  constructor(described) {
    Object.assign(this, described);
    this.sms = this.channel === "sms-twilio";
    const look = this.channel.split("-")[0];
    this.node = document.getElementById(this.sms ? "phone-sms" : "phone-chat").content.firstElementChild.cloneNode(true);
    this.node.classList.add(look);
    this.node.dataset.phone = this.address;
    this.node.dataset.channel = this.channel;
    this.node.setAttribute("aria-label", `${this.name}, ${words.networks[this.channel]}`);
    this.entries = new Map();
    this.log = this.find("log");
    this.text = this.find("text");
    this.find("name").textContent = this.name;
    this.find("address").textContent = `${words.networks[this.channel]} · ${this.address}`;
    this.find("time").textContent = clock(Date.now());
    this.compose();
    if (this.sms) this.keypad();
    else this.chat(look);
    this.suggest();
  }

  find(name) {
    return this.node.querySelector(`[data-${name}]`);
  }

  act(act) {
    return send(this, act);
  }

  compose() {
    this.find("compose").onsubmit = (event) => {
      event.preventDefault();
      this.submit();
    };
    this.text.onkeydown = (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.submit();
      }
    };
    this.text.oninput = () => this.typed();
  }

  async submit() {
    const text = this.text.value;
    if (!text.trim()) return;
    this.type("");
    const answer = await this.act(this.editing ? { kind: "edit", text } : { text });
    if (!answer.ok) this.type(text);
    this.editing = false;
  }

  type(text) {
    this.text.value = text;
    this.typed();
  }

  typed() {
    if (this.sms) {
      clearTimeout(this.counting);
      this.counting = setTimeout(() => this.count(), 60);
      return;
    }
    const some = Boolean(this.text.value.trim());
    this.find("send").hidden = !some;
    this.find("voice").hidden = some;
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  async count() {
    const { encoding, parts, units } = await countSegments(this.text.value);
    const [single, joined] = LIMITS[encoding];
    this.find("encoding").textContent = words.encodings[encoding];
    this.find("count").textContent = `${units}/${parts > 1 ? joined * parts : single}`;
    this.find("parts").textContent = `${parts} SMS`;
    this.node.querySelector(".count").classList.toggle("many", parts > 2);
  }

  keypad() {
    this.find("send").onclick = () => this.submit();
    this.find("erase").onclick = () => this.type([...this.text.value].slice(0, -1).join(""));
    this.find("wipe").onclick = () => this.type("");
    for (const key of this.node.querySelectorAll("[data-key]")) {
      key.onclick = () => this.type(this.text.value + key.dataset.key);
    }
  }

  chat(look) {
    this.find("peer").textContent = words.peer[look];
    this.toggle("menu", "menu-items");
    this.toggle("attach", "tray");
    for (const button of this.node.querySelectorAll("[data-act]")) {
      const { act, only } = button.dataset;
      if (only && only !== look) button.remove();
      button.onclick = () => this.special(act);
    }
    this.find("close-sheet").onclick = () => (this.find("sheet").hidden = true);
  }

  toggle(buttonName, boxName) {
    const button = this.find(buttonName);
    const box = this.find(boxName);
    button.onclick = () => {
      box.hidden = !box.hidden;
      button.setAttribute("aria-expanded", String(!box.hidden));
      this.toEnd();
    };
  }

  special(kind) {
    for (const name of ["menu-items", "tray"]) this.find(name).hidden = true;
    if (kind !== "edit") return this.act({ kind });
    const last = [...this.entries.values()].filter((entry) => entry.direction === "sent" && entry.kind === "text").pop();
    if (!last) return undefined;
    this.editing = true;
    this.type(last.text);
    return this.text.focus();
  }

  suggest() {
    const box = this.find("samples");
    for (const sample of samples[this.language] ?? samples.en) {
      const button = document.createElement("button");
      button.type = "button";
      button.dir = "auto";
      button.textContent = sample;
      button.onclick = () => {
        this.type(sample);
        this.text.focus();
      };
      box.append(button);
    }
  }

  show(entry) {
    const before = this.entries.get(entry.number);
    this.entries.set(entry.number, entry);
    const node = this.sms ? smsEntry(entry) : chatEntry(entry, this);
    node.dataset.number = entry.number;
    const old = before && this.log.querySelector(`[data-number="${entry.number}"]`);
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    if (old) {
      old.replaceWith(node);
    } else {
      node.classList.add("fresh");
      this.log.append(node);
    }
    if (atEnd || !old) this.toEnd();
    if (entry.kind.endsWith("block")) this.node.classList.toggle("blocked", entry.kind === "block");
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  tap(entry, choice) {
    return this.act({ kind: "tap", token: choice.token, entry: entry.number });
  }

  openList(entry) {
    const sheet = this.find("sheet");
    const pick = (choice) => {
      sheet.hidden = true;
      this.tap(entry, choice);
    };
    this.find("rows").replaceChildren(...listRows(entry, pick));
    sheet.hidden = false;
    sheet.querySelector("button").focus();
  }
}
