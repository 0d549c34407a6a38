// Drives headless Chromium through the example chat_axum: `node browser.js MODULES BROWSER SHOTS PROGRAM`. First without TLS,
// where the browser speaks HTTP/1.1, then with TLS, where page and WebSocket connections are streams of HTTP/2. Prints what
// fails, and the counts.
'use strict';

const { spawn } = require('child_process');
const http = require('http');
const path = require('path');
const readline = require('readline');
const [modules, executablePath, shots, program] = process.argv.slice(2);
const { chromium } = require(path.join(modules, 'playwright-core'));

const SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20];
let passed = 0, failed = 0;
const same = (name, seen, expected) => {
  if (JSON.stringify(seen) === JSON.stringify(expected)) { passed += 1; return; }
  failed += 1;
  console.log(`FAILED ${name}: ${JSON.stringify(seen)}`);
};

/// In the page: a WebSocket whose messages and end can be awaited.
function install() {
  window.Peer = class {
    constructor(room, host = location.host) {
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
      this.socket = new WebSocket(`${scheme}://${host}/rooms/${room}`, ['chat.v1']);
      this.texts = [];
      this.waiting = [];
      this.socket.onmessage = ({ data }) => {
        const { kind, text } = JSON.parse(data);
        if (kind !== 'say') return;
        const wanted = this.waiting.shift();
        wanted ? wanted(text) : this.texts.push(text);
      };
      this.closed = new Promise((resolve) => {
        this.socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
      });
      this.ready = Promise.race([
        new Promise((resolve) => { this.socket.onopen = () => resolve(true); }),
        this.closed.then(() => false),
      ]);
    }
    said() {
      if (this.texts.length) return this.texts.shift();
      return Promise.race([new Promise((resolve) => this.waiting.push(resolve)), this.closed]);
    }
  };
}

async function open(browser, url) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 760, height: 520 } });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.complaints = [];
  page.on('console', (message) => page.complaints.push(message.text()));
  page.on('pageerror', (error) => same('no errors on the page', error.message, null));
  await page.addInitScript(install);
  await page.goto(url);
  return page;
}

async function logIn(page, name) {
  await page.fill('#name', name);
  await page.click('button');
  await page.waitForSelector('#log li');
}

const log = (page) => page.$$eval('#log li', (items) => items.map((item) => item.textContent));
const until = (page, text) => page.waitForFunction((text) =>
  [...document.querySelectorAll('#log li')].some((item) => item.textContent === text), text);

/// A site of its own, at another port of the same host: the browser sends the cookie from there too.
async function elsewhere(page, url) {
  const server = http.createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>elsewhere</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const other = await page.context().newPage();
  other.complaints = [];
  other.on('console', (message) => other.complaints.push(message.text()));
  await other.addInitScript(install);
  await other.goto(`http://localhost:${server.address().port}/`);
  const host = new URL(url).host;
  same('a page of another site', await other.evaluate((host) => new Peer('lobby', host).closed, host), [1006, '', false]);
  const refused = other.complaints.some((complaint) => complaint.includes('Unexpected response code: 403'));
  same('it is refused with 403, though the cookie is right', [refused, other.complaints.length], [true, 1]);
  await other.close();
  server.close();
}

async function play(browser, index, version) {
  const child = spawn(program, ['127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout });
  const printed = [];
  const urls = await new Promise((resolve) => lines.on('line', (line) => {
    printed.push(line);
    if (printed.length === 2) resolve(printed.slice());
  }));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = urls[index].replace('127.0.0.1', 'localhost');
  const name = (what) => `${what}, ${version}`;

  const ann = await open(browser, url);
  same(name('no cookie, no connection'), await ann.evaluate(() => new Peer('lobby').ready), false);
  await logIn(ann, 'Ann');
  const bob = await open(browser, url);
  await logIn(bob, 'Bob');
  await until(ann, 'Bob has joined');
  for (const [page, text] of [[ann, 'Who is <b>there</b>?'], [bob, 'Me \u{1f600}']]) {
    await page.fill('#text', text);
    await page.press('#text', 'Enter');
    const who = page === ann ? 'Ann' : 'Bob';
    await Promise.all([ann, bob].map((page) => until(page, `${who}: ${text}`)));
  }
  same(name('what Ann sees'), await log(ann),
    ['Ann has joined', 'Bob has joined', 'Ann: Who is <b>there</b>?', 'Bob: Me \u{1f600}']);
  same(name('who is there'), await ann.textContent('#members'), 'Ann, Bob');
  await ann.screenshot({ path: path.join(shots, `axum-${version.replace(/\W/g, '')}.png`) });

  same(name('texts'), await ann.evaluate(async (sizes) => {
    const peer = new Peer('texts');
    await peer.ready;
    const seen = [];
    for (const size of sizes) {
      const text = 'K\u00f6ln \u20ac '.repeat(size / 10 + 1);
      const cut = new TextDecoder().decode(new TextEncoder().encode(text).slice(0, size)).replace(/\ufffd/g, '');
      peer.socket.send(cut);
      seen.push(await peer.said() === cut);
    }
    const { protocol, extensions } = peer.socket;
    peer.socket.close(1000, 'done');
    return [seen, protocol, extensions, await peer.closed];
  }, SIZES), [SIZES.map(() => true), 'chat.v1', 'permessage-deflate', [1000, '', true]]);
  same(name('a text that is too long'), await ann.evaluate(async () => {
    const peer = new Peer('texts');
    await peer.ready;
    peer.socket.send('x'.repeat((1 << 20) + 1));
    return (await peer.closed)[0];
  }), 1009);
  same(name('binary'), await ann.evaluate(async () => {
    const peer = new Peer('texts');
    await peer.ready;
    peer.socket.send(new Uint8Array(3));
    return peer.closed;
  }), [1003, 'texts only', true]);
  same(name('eight at once'), await ann.evaluate(async () => {
    const peers = Array.from({ length: 8 }, (_, at) => new Peer(`eight-${at}`));
    await Promise.all(peers.map((peer) => peer.ready));
    peers.forEach((peer, at) => peer.socket.send(`${at}`.repeat(100000)));
    const said = await Promise.all(peers.map((peer) => peer.said()));
    peers.forEach((peer) => peer.socket.close());
    await Promise.all(peers.map((peer) => peer.closed));
    return said.every((text, at) => text === `${at}`.repeat(100000));
  }), true);
  if (index === 0) await elsewhere(ann, url);

  // Logging out ends the connection that is open.
  const ending = bob.evaluate(() => {
    const peer = new Peer('logout');
    peer.socket.addEventListener('open', () => { window.isOpen = true; });
    return peer.closed;
  });
  await bob.waitForFunction(() => window.isOpen);
  await bob.evaluate(() => fetch('/logout', { method: 'POST', redirect: 'manual' }));
  same(name('log out'), await ending, [3000, 'logged out', true]);
  await until(bob, 'The connection has ended: 3000 logged out');
  await until(ann, 'Bob has left');

  child.kill('SIGINT');
  await until(ann, 'The connection has ended: 1001 the server goes away');
  passed += 1;
  same(name('the server ends'), await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 8000, 'late'))]), 0);
  const joins = printed.filter((line) => line.includes(' joins '));
  same(name('versions'), joins.filter((line) => !line.endsWith(` over ${version}`)), []);
  same(name('connections'), joins.length, 2 + 3 + 8 + 1);
  if (version === 'HTTP/2.0') {
    // All of a context came from one port: they are streams of one connection.
    const ports = new Set(joins.filter((line) => line.includes(' Ann ')).map((line) => line.split(' ')[0]));
    same(name('connections of Ann'), ports.size, 1);
  }
  await ann.context().close();
  await bob.context().close();
}

(async () => {
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
  });
  console.log(`Chromium ${browser.version()}`);
  await play(browser, 0, 'HTTP/1.1');
  await play(browser, 1, 'HTTP/2.0');
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
})().catch((error) => { console.log(error); process.exit(1); });
