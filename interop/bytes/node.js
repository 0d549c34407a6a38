// Node's `ws` as the other end of a byte stream: `node node.js FOLDER SEED BYTES PROGRAM`. Each session sends so many
// bytes both ways, in messages of 0 bytes to 1 MiB, whole and in fragments, and holds up the reading now and then. Both ends
// check by a digest. Prints what fails, and the counts.
'use strict';

const { createHash } = require('crypto');
const { spawn } = require('child_process');
const path = require('path');
const readline = require('readline');

const [folder, seedWord, lenWord, program] = process.argv.slice(2);
const words = [];
const WebSocket = require(path.join(folder, 'ws'));
const seed = Number(seedWord), len = Number(lenWord);
if (!/engine-bytes/.test(path.basename(program))) words.push('bytes');

let passed = 0, failed = 0;
const same = (name, seen, expected) => {
  if (JSON.stringify(seen) === JSON.stringify(expected)) { passed += 1; return; }
  failed += 1;
  console.log(`FAILED ${name}: ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`);
};
const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...all) => resolve(all)));
const digest = (data) => createHash('sha1').update(data).digest('hex');

// Numbers that are the same in every run (mulberry32).
function numbers(state) {
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n) => next() % n;
  // Every number of digits is as frequent.
  const size = () => below(2 << below(20));
  return { below, size };
}

function data(seed) {
  const { below } = numbers(seed);
  const bytes = Buffer.alloc(len);
  for (let at = 0; at < len;) {
    const [end, mask] = [Math.min(len, at + 1 + below(100000)), below(2) ? 0xff : 0x03];
    for (; at < end; at++) bytes[at] = below(256) & mask;
  }
  return bytes;
}

// Sends all of `bytes`, not faster than the peer takes it.
async function send(socket, bytes, { below, size }) {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + size());
    const parts = 1 + (below(4) ? 0 : below(5));
    for (let part = 0; part < parts; part++) {
      const next = part + 1 === parts ? end : at + below(end - at + 1);
      const options = { binary: true, fin: part + 1 === parts };
      const sent = new Promise((resolve) => socket.send(bytes.subarray(at, next), options, resolve));
      if (socket.bufferedAmount > 1 << 20) await sent;
      at = next;
    }
    if (!below(10)) socket.ping();
  }
}

async function exchange(name, socket, child, sessionSeed, closes) {
  const random = numbers(sessionSeed);
  const bytes = data(sessionSeed);
  const received = createHash('sha1');
  let count = 0, biggest = 0;
  const all = new Promise((resolve) => {
    socket.on('message', (message, isBinary) => {
      if (!isBinary) same(`${name}: a text`, true, false);
      received.update(message);
      count += message.length;
      biggest = Math.max(biggest, message.length);
      if (count >= len) resolve();
      if (!random.below(20)) {
        socket.pause();
        setTimeout(() => socket.resume(), 2);
      }
    });
    socket.on('close', resolve);
  });
  socket.on('error', (error) => same(`${name}: an error of ws`, error.message, ''));
  const closed = once(socket, 'close');
  const lines = [];
  readline.createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const exited = once(child, 'close');
  await Promise.all([all, send(socket, bytes, random)]);
  if (closes) socket.close(...closes);
  const [code, reason] = await closed;
  await exited;
  const report = JSON.parse(lines.find((line) => line.startsWith('{')) ?? '{}');
  same(`${name}: what ws has received`, received.digest('hex'), report.sent);
  same(`${name}: how much`, [count, report.length], [len, len]);
  same(`${name}: what it has received`, report.received, digest(bytes));
  same(`${name}: messages of at most`, biggest <= (sessionSeed % 2 ? 1 << 20 : 1 << 16), true);
  const clean = !closes || closes[0] === 1000;
  same(`${name}: its end`, report.end, clean ? '0 bytes' : `closed ${closes.join(' ')}`);
  // The peer answers with the same code.
  same(`${name}: the end of ws`, [code, reason.toString()], [closes ? closes[0] : 1000, '']);
}

// `ws` compares the length of a frame with it before it inflates, and data that cannot be compressed becomes longer: by an
// eighth at most, since level 1 writes 9 bits for some bytes.
const maxPayload = (1 << 20) + (1 << 17) + (1 << 10);
const options = { maxPayload, perMessageDeflate: { threshold: 0, zlibDeflateOptions: { level: 1 } } };

async function session(role, deflate, number, closes) {
  const sessionSeed = seed * 100 + number;
  const name = `${role}${deflate ? ', compressed' : ''}${closes ? `, closed with ${closes[0]}` : ''}, seed ${sessionSeed}`;
  const extra = [...(deflate ? ['--deflate'] : []), ...(closes ? [] : ['--close'])];
  const given = [String(sessionSeed), String(len), ...extra];
  const ours = { ...options, perMessageDeflate: deflate && options.perMessageDeflate };
  if (role === 'client') {
    const server = new WebSocket.WebSocketServer({ host: '127.0.0.1', port: 0, ...ours });
    await once(server, 'listening');
    const child = spawn(program, [...words, 'client', `ws://127.0.0.1:${server.address().port}/`, ...given],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    const [socket] = await Promise.race([once(server, 'connection'), once(child, 'close').then(() => [])]);
    if (!socket) return same(`${name}: connects`, false, true);
    await exchange(name, socket, child, sessionSeed, closes);
    server.close();
  } else {
    const child = spawn(program, [...words, 'server', ...given], { stdio: ['ignore', 'pipe', 'inherit'] });
    const input = readline.createInterface({ input: child.stdout });
    const [url] = await Promise.race([once(input, 'line'), once(child, 'close').then(() => [])]);
    if (!url) return same(`${name}: listens`, false, true);
    input.close();
    child.stdout.resume();
    const socket = new WebSocket(url, ours);
    await once(socket, 'open');
    await exchange(name, socket, child, sessionSeed, closes);
  }
}

async function main() {
  let number = 0;
  for (const role of ['client', 'server']) {
    for (const deflate of [false, true]) {
      for (const closes of [null, [1000], [4001, 'enough']]) {
        await session(role, deflate, number, closes);
        number += 1;
      }
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
}
main();
