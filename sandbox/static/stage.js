// The frame around the channels: who one is, where one is, and what the moderators see meanwhile.

const POLL_MS = 1000;

const server = document.getElementById("server");
const channels = document.getElementById("channels");
const persona = document.getElementById("persona");
const locale = document.getElementById("locale");
const serverLocale = document.getElementById("server-locale");
const theme = document.getElementById("theme");
const pane = document.getElementById("channel");
const watch = document.getElementById("watch");
const watchTitle = document.getElementById("watch-title");
const watchPane = document.getElementById("watch-channel");

let stage = null;
let here = null;
let target = null;
const read = new Map();

function show(frame, token, message) {
  const address = `/channel${message ? `?message=${message}` : ""}#${token}`;
  if (frame.dataset.address === address) return;
  frame.dataset.address = address;
  frame.src = address;
}

function visible() {
  return stage.channels.filter((channel) => persona.value in channel.seats);
}

function drawChannels() {
  channels.replaceChildren(...visible().map((channel) => {
    const button = document.createElement("button");
    button.textContent = `# ${channel.name}`;
    button.type = "button";
    button.setAttribute("aria-current", String(channel.name === here));
    button.classList.toggle("unread", read.get(channel.name) !== channel.latest);
    button.addEventListener("click", () => go(channel.name));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

// Beside a channel that members see, the one that only the moderators see.
function drawWatch() {
  const hidden = stage.channels.find((channel) => !(stage.members[0].key in channel.seats));
  watch.hidden = !hidden || hidden.name === here;
  if (watch.hidden) return;
  const [key, token] = Object.entries(hidden.seats)[0];
  const moderator = stage.members.find((member) => member.key === key);
  watchTitle.textContent = `What ${moderator.name}, a moderator, sees in #${hidden.name}`;
  read.set(hidden.name, hidden.latest);
  show(watchPane, token);
}

// In which language the bot speaks to the member, and in the server: only where it has several.
function drawLanguages() {
  const several = stage.locales.length > 1;
  document.getElementById("own-language").hidden = !several;
  document.getElementById("server-language").hidden = !several;
  const member = stage.members.find((candidate) => candidate.key === persona.value);
  for (const [select, chosen] of [[locale, member.locale], [serverLocale, stage.locale]]) {
    if (select.length !== stage.locales.length) {
      select.replaceChildren(...stage.locales.map((code) => new Option(languageName(code), code)));
    }
    if (document.activeElement !== select) select.value = chosen;
  }
}

// A language by its own name: English, Deutsch.
function languageName(code) {
  const [language, region] = code.split("-");
  const shown = region && code !== "en-GB" ? code : language;
  return new Intl.DisplayNames([code], { type: "language" }).of(shown);
}

async function speak(wish) {
  await fetch("/stage/language", { method: "POST", body: JSON.stringify(wish) });
  for (const frame of [pane, watchPane]) {
    if (frame.dataset.address) frame.contentWindow.location.reload();
  }
}

function draw() {
  const open = visible();
  const current = open.find((channel) => channel.name === here) || open[0];
  here = current.name;
  read.set(here, current.latest);
  show(pane, current.seats[persona.value], target);
  drawWatch();
  drawChannels();
  drawLanguages();
}

function go(channel, message = null) {
  here = channel;
  target = message;
  draw();
}

async function poll() {
  try {
    const answer = await fetch("/stage.json", { cache: "no-store" });
    const first = stage === null;
    stage = await answer.json();
    server.textContent = stage.server;
    document.title = stage.server;
    if (first) {
      for (const member of stage.members) {
        const role = member.roles.length ? "a moderator" : "a member";
        persona.append(new Option(`${member.name}, ${role}`, member.key));
      }
      for (const channel of stage.channels) read.set(channel.name, channel.latest);
    }
    draw();
    setTimeout(poll, POLL_MS);
  } catch {
    server.textContent = "The sandbox has stopped.";
    setTimeout(poll, 5 * POLL_MS);
  }
}

// A jump link was followed: go to its channel, and there to the message.
function jump({ channelId, messageId }) {
  const channel = visible().find((candidate) => candidate.id === channelId);
  if (channel) go(channel.name, messageId);
}

addEventListener("message", (event) => {
  if (event.origin === location.origin) jump(event.data);
});
persona.addEventListener("change", () => go(here));
locale.addEventListener("change", () => speak({ member: persona.value, locale: locale.value }));
serverLocale.addEventListener("change", () => speak({ locale: serverLocale.value }));
theme.value = localStorage.getItem("theme") || "";
theme.addEventListener("change", () => {
  if (theme.value) localStorage.setItem("theme", theme.value);
  else localStorage.removeItem("theme");
  applyTheme();
});
poll();
