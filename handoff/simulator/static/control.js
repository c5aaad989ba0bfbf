// What the page asks of the simulator.

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return { ok: answer.ok, data: await answer.json() };
}

export const send = (phone, act) => post("/control/send", { channel: phone.channel, address: phone.address, ...act });
export const addPhone = (wanted) => post("/control/phones", wanted);
export const reset = () => post("/control/reset", {});
export const countSegments = async (text) => (await post("/control/segments", { text })).data;

export async function everything() {
  const [phones, messages] = await Promise.all(
    ["/control/phones", "/control/messages"].map(async (path) => (await fetch(path)).json()),
  );
  return { phones: phones.phones, entries: messages.entries };
}

export function watch(handlers) {
  const source = new EventSource("/control/events");
  source.onopen = handlers.open;
  source.onerror = handlers.lost;
  for (const name of ["phone", "entry", "reset"]) {
    source.addEventListener(name, (event) => handlers[name](JSON.parse(event.data)));
  }
}
