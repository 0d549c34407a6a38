// What the scripts here share: chat servers, tabs of a headless Chromium, what one sees in them, counts.
// `require('./tabs.js')(MODULES, BROWSER, SHOTS)`: MODULES has playwright-core, SHOTS is where screenshots go.
'use strict';

const { spawn } = require('child_process');
const path = require('path');
const readline = require('readline');

const PATIENCE = 15000;
let passed = 0, failed = 0;

function check(name, right, seen) {
  if (right) { passed += 1; return; }
  failed += 1;
  console.log(`FAILED ${name}: ${JSON.stringify(seen)}`);
}

const same = (name, seen, expected) =>
  check(name, JSON.stringify(seen) === JSON.stringify(expected), seen);

/// A chat server; `stop` is what Ctrl-C does. `printed` waits until it has printed a line since that was last
/// waited for.
async function start(program, ...options) {
  const child = spawn(program, ['127.0.0.1:0', ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  const lines = readline.createInterface({ input: child.stdout });
  let printed = [];
  lines.on('line', (line) => printed.push(line));
  const url = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', () => reject(new Error(`${program} does not start`)));
  });
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    url,
    ended,
    async printed(text) {
      for (let tries = 0; tries < PATIENCE / 50; tries += 1) {
        const at = printed.findIndex((line) => line.startsWith(text));
        if (at >= 0) { printed = printed.slice(at + 1); return; }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`${program} does not print ${JSON.stringify(text)}`);
    },
    stop: () => child.kill('SIGINT'),
    kill: () => child.kill('SIGKILL'),
  };
}

/// In the page: a WebSocket whose messages and end can be awaited.
function install() {
  window.Peer = class {
    constructor(url, protocols = []) {
      this.socket = new WebSocket(url, protocols);
      this.socket.binaryType = 'arraybuffer';
      this.messages = [];
      this.waiting = [];
      this.socket.onmessage = ({ data }) => {
        const wanted = this.waiting.shift();
        wanted ? wanted(data) : this.messages.push(data);
      };
      this.closed = new Promise((resolve) => {
        this.socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
      });
      this.opened = new Promise((resolve) => { this.socket.onopen = () => resolve(true); });
      this.ready = Promise.race([this.opened, this.closed.then(() => false)]);
    }
    next() {
      if (this.messages.length) return this.messages.shift();
      return Promise.race([
        new Promise((resolve) => this.waiting.push(resolve)),
        this.closed.then(([code]) => { throw new Error(`closed with ${code}`); }),
        new Promise((_, reject) => setTimeout(reject, 15000, new Error('nothing is received'))),
      ]);
    }
    /// Until that many are in the room: a connection is open before the server lets it in.
    async met(count) {
      for (;;) {
        const { members } = JSON.parse(await this.next());
        if (members && members.length === count) return;
      }
    }
    /// What is said, or shown, in the room; notes on who comes and goes are left out.
    async heard() {
      for (;;) {
        const data = await this.next();
        if (typeof data !== 'string') return data;
        const message = JSON.parse(data);
        if (message.kind === 'say') return message.text;
        if (message.kind === 'picture') continue;
      }
    }
  };
  window.chat = (room, name, protocols = ['chat.v1']) =>
    new Peer(`ws://${location.host}/chat?${new URLSearchParams({ room, name })}`, protocols);
}

async function open(browser, url, options = {}) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(PATIENCE);
  page.complaints = [];
  page.on('console', (message) => page.complaints.push(message.text()));
  page.on('pageerror', (error) => check('no errors on the page', false, error.message));
  await page.addInitScript(install);
  await page.goto(url);
  return page;
}

/// What one sees: of the room, who is in it, and what was said.
const room = (page) => page.evaluate(() => ({
  title: document.getElementById('title').textContent,
  state: document.getElementById('state').textContent,
  members: [...document.querySelectorAll('#members span')].map((item) => item.textContent),
  said: [...document.querySelectorAll('.message')].map((item) => [
    item.classList.contains('mine') ? 'me' : item.querySelector('b').textContent,
    item.querySelector('img') ? 'picture' : item.querySelector('.what').textContent,
  ]),
}));

async function join(page, name, room) {
  await page.fill('#name', name);
  await page.fill('#room', room);
  await page.click('#join button');
  await page.waitForSelector('#say:visible');
}

async function say(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

/// Draws a picture and drops it into the page.
async function picture(page) {
  await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [240, 90];
    const draw = canvas.getContext('2d');
    const sky = draw.createLinearGradient(0, 0, 240, 90);
    sky.addColorStop(0, '#38bdf8');
    sky.addColorStop(1, '#6366f1');
    draw.fillStyle = sky;
    draw.fillRect(0, 0, 240, 90);
    draw.fillStyle = '#ffffffcc';
    draw.fillRect(20, 40, 200, 12);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([blob], 'picture.png', { type: 'image/png' }));
    document.dispatchEvent(new DragEvent('drop', { dataTransfer }));
  });
}

/// Until that many messages are there.
const until = (page, count) =>
  page.waitForFunction((count) => document.querySelectorAll('.message').length >= count, count);

module.exports = (modules, executablePath, shots) => ({
  check, same, start, open, room, join, say, picture, until,
  shoot: (page, name) => page.screenshot({ path: path.join(shots, `${name}.png`) }),
  /// Runs a part with a browser, then prints the counts and ends.
  async run(name, part) {
    const { chromium } = require(path.join(modules, 'playwright-core'));
    const browser = await chromium.launch({
      executablePath,
      headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
        '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
    });
    console.log(`Chromium ${browser.version()}`);
    try {
      await part(browser);
    } catch (error) {
      check(name, false, error.stack);
    }
    await browser.close();
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed > 0 || passed === 0 ? 1 : 0);
  },
});
