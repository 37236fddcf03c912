// What Discord has and simcord's page lacks.

// A channel opens at its newest message, or at the one a jump link named, and follows what is
// posted for as long as nobody scrolls up.
const timeline = document.getElementById("channel-timeline");
const list = document.getElementById("channel-message-list");
const target = new URLSearchParams(location.search).get("message");
let follow = target === null;
let scrolledByHandAt = 0;

for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  timeline.addEventListener(kind, () => { scrolledByHandAt = Date.now(); }, { passive: true });
}
timeline.addEventListener("scroll", () => {
  if (Date.now() - scrolledByHandAt > 1000) return;
  follow = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < 40;
});
new ResizeObserver(() => {
  if (follow) timeline.scrollTop = timeline.scrollHeight;
}).observe(list);

if (target) {
  const opening = new MutationObserver(async () => {
    const message = list.querySelector(`[data-message-id="${CSS.escape(target)}"]`);
    if (!message) return;
    opening.disconnect();
    await document.fonts.ready;
    message.scrollIntoView({ block: "center" });
    message.animate([{ background: "#5865f266" }, {}], 3000);
  });
  opening.observe(list, { childList: true });
}

// The menu on a message: the bot's apps, and Forward.
const headers = { "X-Simcord-Capability": location.hash.slice(1) };
let menu = null;

function close() {
  menu?.remove();
  menu = null;
}

function entry(label, wish) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("role", "menuitem");
  button.textContent = label;
  button.addEventListener("click", () => {
    close();
    void fetch("/stage/menu", { method: "POST", headers, body: JSON.stringify(wish) });
  });
  return button;
}

document.addEventListener("contextmenu", async (event) => {
  const message = event.target.closest?.("[data-message-id]");
  close();
  if (!message) return;
  event.preventDefault();
  const answer = await fetch("/stage/menu", { headers });
  if (!answer.ok) return;
  const { apps, forward } = await answer.json();
  const messageId = message.dataset.messageId;
  menu = document.createElement("div");
  menu.className = "message-menu";
  menu.setAttribute("role", "menu");
  menu.append(
    ...apps.map(({ name, label }) => entry(`Apps › ${label}`, { message_id: messageId, app: name })),
    ...forward.map((room) => entry(`Forward to #${room}`, { message_id: messageId, forward: room })),
  );
  document.body.append(menu);
  menu.style.left = `${Math.min(event.clientX, innerWidth - menu.offsetWidth - 8)}px`;
  menu.style.top = `${Math.min(event.clientY, innerHeight - menu.offsetHeight - 8)}px`;
});

document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".message-menu")) close();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

// Enter on an option that is filled in sends the command, where simcord's page empties the option.
document.addEventListener("keydown", (event) => {
  const filled = event.target.closest?.(".command-pill .command-mention");
  if (event.key !== "Enter" || !filled) return;
  event.preventDefault();
  event.stopPropagation();
  filled.closest("form").requestSubmit();
}, true);

// Enter on a command sends it, where simcord's page adds its first optional option; to add one, choose
// it with the arrows or the mouse. What a command needs is asked for all the same.
let choosing = false;
document.addEventListener("keydown", (event) => {
  const command = event.target.closest?.(".command-chip");
  if (command && (event.key === "ArrowDown" || event.key === "ArrowUp")) choosing = true;
  if (event.key !== "Enter") return;
  const chosen = choosing;
  choosing = false;
  if (!command || chosen) return;
  event.preventDefault();
  event.stopPropagation();
  command.closest("form").requestSubmit();
}, true);

// A jump link leads to a message here, not on discord.com.
document.addEventListener("click", (event) => {
  const jump = event.target.closest?.("a[href]")?.href.match(/\/channels\/\d+\/(\d+)\/(\d+)$/);
  if (!jump) return;
  event.preventDefault();
  parent.postMessage({ channelId: jump[1], messageId: jump[2] }, location.origin);
}, true);
