// Drives headless Chromium over TLS: `node browser.js MODULES BROWSER SERVER ARGUMENT...`. The page comes over HTTP/2, and
// its WebSockets have to be streams of the same connection. Prints what fails, and the counts.
'use strict';

const { spawn } = require('child_process');
const path = require('path');
const readline = require('readline');
const [modules, executablePath, program, ...options] = process.argv.slice(2);
const { chromium } = require(path.join(modules, 'playwright-core'));

let passed = 0, failed = 0;
const same = (name, seen, expected) => {
  if (JSON.stringify(seen) === JSON.stringify(expected)) { passed += 1; return; }
  failed += 1;
  console.log(`FAILED ${name}: ${JSON.stringify(seen)}`);
};

/// In the page: a WebSocket whose messages and end can be awaited.
function install() {
  window.Peer = class {
    constructor(path = '/echo') {
      this.socket = new WebSocket(`wss://${location.host}${path}`);
      this.socket.binaryType = 'arraybuffer';
      this.closed = new Promise((resolve) => {
        this.socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
      });
      this.ready = Promise.race([
        new Promise((resolve) => { this.socket.onopen = () => resolve(true); }),
        this.closed.then(() => false),
      ]);
    }
    ask(data) {
      const echo = new Promise((resolve) => { this.socket.onmessage = (event) => resolve(event.data); });
      this.socket.send(data);
      return Promise.race([echo, this.closed]);
    }
  };
}

(async () => {
  const server = spawn(program, ['--listen', '127.0.0.1:0', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const log = [];
  const lines = readline.createInterface({ input: server.stdout });
  const url = await new Promise((resolve) => lines.once('line', resolve));
  lines.on('line', (line) => log.push(line));
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
  console.log(`Chromium ${browser.version()}`);
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.addInitScript(install);
  await page.goto(url);

  const sizes = [0, 1, 125, 126, 65535, 65536, 1 << 20];
  same('texts', await page.evaluate(async (sizes) => {
    const peer = new Peer();
    await peer.ready;
    const seen = [];
    for (const size of sizes) {
      const text = 'K\u00f6ln \u20ac '.repeat(size / 7 + 1).slice(0, size);
      seen.push(await peer.ask(text) === text);
    }
    peer.socket.close(1000, 'done');
    return [seen, await peer.closed, peer.socket.extensions];
  }, sizes), [sizes.map(() => true), [1000, '', true],
    options.includes('--deflate') ? 'permessage-deflate' : '']);
  same('binary', await page.evaluate(async (sizes) => {
    const peer = new Peer();
    await peer.ready;
    const seen = [];
    for (const size of sizes) {
      const data = new Uint8Array(size);
      for (let at = 0; at < size; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
      const echo = new Uint8Array(await peer.ask(data));
      seen.push(echo.length === size && echo.every((byte, at) => byte === data[at]));
    }
    peer.socket.close();
    return [seen, (await peer.closed)[2]];
  }, sizes), [sizes.map(() => true), true]);
  for (const code of [1000, 3000, 4999]) {
    same(`closed by ${code}`, await page.evaluate(async (code) => {
      const peer = new Peer();
      await peer.ready;
      peer.socket.close(code, 'bye');
      return peer.closed;
    }, code), [code, '', true]); // the server's Close has the code alone
  }
  for (const code of [1000, 1011, 3000, 4999]) {
    same(`closed by the server with ${code}`, await page.evaluate(async (code) => {
      const peer = new Peer();
      await peer.ready;
      return [await peer.ask('last'), await peer.ask(`/close ${code} enough`), await peer.closed];
    }, code), ['last', ...Array(2).fill([code, 'enough', true])]);
  }
  same('another path', await page.evaluate(() => new Peer('/nothing').ready), false);
  same('eight at once', await page.evaluate(async () => {
    const peers = Array.from({ length: 8 }, () => new Peer());
    await Promise.all(peers.map((peer) => peer.ready));
    const text = 'x'.repeat(100000);
    const echoes = await Promise.all(peers.map((peer, at) => peer.ask(at + text)));
    peers.forEach((peer) => peer.socket.close());
    await Promise.all(peers.map((peer) => peer.closed));
    return echoes.every((echo, at) => echo === at + text);
  }), true);
  same('a burst of small messages', await page.evaluate(async () => {
    const peer = new Peer();
    await peer.ready;
    let left = 10000;
    const echoes = new Promise((resolve) => { peer.socket.onmessage = () => { left -= 1; if (left === 0) resolve(); }; });
    for (let at = left; at > 0; at -= 1) peer.socket.send('x');
    await Promise.race([echoes, peer.closed]);
    peer.socket.close();
    return [left, (await peer.closed)[2]];
  }), [0, true]);
  // The server ends while sockets are open.
  const going = page.evaluate(async () => {
    const peers = [new Peer(), new Peer()];
    await Promise.all(peers.map((peer) => peer.ready));
    window.areOpen = true;
    return Promise.all(peers.map((peer) => peer.closed));
  });
  await page.waitForFunction(() => window.areOpen);
  server.kill('SIGINT');
  same('the server goes away', await going, Array(2).fill([1001, 'the server ends', true]));
  await browser.close();
  same('the server ends', await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 8000, 'late'))]), 0);

  // The connections that carried WebSocket, and how many of them.
  const carriers = new Set(log.filter((line) => line.includes(': websocket')).map((line) => line.split(':')[0]));
  same('WebSocket on one connection, of the page', [...carriers].map((carrier) => [
    log.includes(`${carrier}: h2`), log.includes(`${carrier}: GET /`),
  ]), [[true, true]]);
  same('connections of HTTP/1.1', log.filter((line) => line.endsWith('http/1.1')), []);
  same('streams', log.filter((line) => line.includes(': websocket')).length, 1 + 2 + 3 + 4 + 8 + 1 + 2); // the first is that of the page itself
  // What the server has seen of these.
  same('codes', [3000, 4999].map((code) => log.filter((line) => line.endsWith(`closed, Some(${code})`)).length), [2, 2]);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(0);
})().catch((error) => { console.log(error); process.exit(1); });
