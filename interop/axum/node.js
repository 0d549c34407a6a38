// Node's http2 without TLS, by prior knowledge (RFC 9113 3.3), with the example chat_axum: `node node.js PROGRAM`. Logs in,
// opens WebSocket connections on streams of one connection (RFC 8441), and speaks frames itself. Prints what fails, and the counts.
'use strict';

const { spawn } = require('child_process');
const http2 = require('http2');
const readline = require('readline');

let passed = 0, failed = 0;
const same = (name, seen, expected) => {
  if (JSON.stringify(seen) === JSON.stringify(expected)) { passed += 1; return; }
  failed += 1;
  console.log(`FAILED ${name}: ${JSON.stringify(seen)}`);
};

/// A request; its status, fields and body.
const ask = (session, headers, body = '') => new Promise((resolve, reject) => {
  const stream = session.request(headers, { endStream: !body });
  let status, fields, text = '';
  stream.setEncoding('utf8');
  stream.on('response', (head) => { [status, fields] = [head[':status'], head]; });
  stream.on('data', (data) => { text += data; });
  stream.on('end', () => resolve([status, fields, text]));
  stream.on('error', reject);
  if (body) stream.end(body);
});

/// A frame of a client, with a mask of zeros.
const frame = (first, payload) => {
  const head = payload.length < 126 ? [first, 0x80 | payload.length]
    : [first, 0x80 | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
};

class Peer {
  constructor(session, headers) {
    this.stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13',
      ...headers }, { endStream: false });
    this.bytes = Buffer.alloc(0);
    this.waiting = [];
    this.ready = new Promise((resolve, reject) => {
      this.stream.once('response', resolve);
      this.stream.once('error', reject);
    });
    this.ended = new Promise((resolve) => this.stream.once('close', () => resolve(this.stream.rstCode)));
    this.stream.on('data', (data) => { this.bytes = Buffer.concat([this.bytes, data]); this.wake(); });
    this.stream.on('end', () => { this.isOver = true; this.wake(); });
  }
  wake() { this.waiting.splice(0).forEach((wake) => wake()); }
  send(first, payload) { this.stream.write(frame(first, Buffer.from(payload))); }
  /// The next frame: its first byte and its payload.
  async next() {
    for (;;) {
      const frame = this.take();
      if (frame || this.isOver) return frame;
      await new Promise((resolve) => this.waiting.push(resolve));
    }
  }
  take() {
    if (this.bytes.length < 2) return null;
    let [length, head] = [this.bytes[1], 2];
    if (length === 126) {
      if (this.bytes.length < 4) return null;
      [length, head] = [this.bytes.readUInt16BE(2), 4];
    }
    if (this.bytes.length < head + length) return null;
    const frame = [this.bytes[0], this.bytes.subarray(head, head + length)];
    this.bytes = this.bytes.subarray(head + length);
    return frame;
  }
  async said() {
    for (;;) {
      const [first, payload] = await this.next();
      if (first !== 0x81) return [first, payload.toString()];
      const note = JSON.parse(payload);
      if (note.kind === 'say') return [note.from, note.text];
    }
  }
}

(async () => {
  const server = spawn(process.argv[2], ['127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const log = [];
  const lines = readline.createInterface({ input: server.stdout });
  const url = await new Promise((resolve) => lines.once('line', resolve));
  lines.on('line', (line) => log.push(line));
  const ended = new Promise((resolve) => server.once('exit', resolve));

  const session = http2.connect(url);
  const settings = await new Promise((resolve) => session.once('remoteSettings', resolve));
  same('the server takes extended CONNECTs', settings.enableConnectProtocol, true);
  same('the page', (await ask(session, { ':path': '/' })).slice(0, 1), [200]);
  const form = { ':method': 'POST', ':path': '/login', 'content-type': 'application/x-www-form-urlencoded' };
  const [status, fields] = await ask(session, form, 'name=ann');
  same('log in', [status, fields.location], [303, '/']);
  const cookie = fields['set-cookie'][0].split(';')[0];

  const path = { ':path': '/rooms/node' };
  same('without a cookie', (await new Peer(session, path).ready)[':status'], 401);
  const evil = new Peer(session, { ...path, cookie, origin: 'https://evil.example' });
  same('a page of another site', (await evil.ready)[':status'], 403);
  same('a plain GET', (await ask(session, { ...path, cookie }))
    .slice(0, 2).map((part) => part.allow || part), [405, 'CONNECT']);

  const peers = [1, 2, 3].map(() => new Peer(session, { ...path, cookie, 'sec-websocket-protocol': 'chat.v1' }));
  for (const peer of peers) {
    const head = await peer.ready;
    same('accepted', [head[':status'], head['sec-websocket-protocol']], [200, 'chat.v1']);
    await peer.next(); // it has joined
  }
  for (const text of ['', 'hello', 'x'.repeat(60000)]) {
    peers[0].send(0x81, text);
    for (const peer of peers) same(`a text of ${text.length} bytes`, await peer.said(), ['ann', text]);
  }
  peers[0].send(0x89, 'ping');
  same('a Ping', await peers[0].said(), [0x8a, 'ping']);
  // A closing handshake: both Close frames, END_STREAM from both, no reset.
  peers[0].send(0x88, [0x03, 0xe8]);
  same('Close', await peers[0].said(), [0x88, '\u0003\ufffd']);
  peers[0].stream.end();
  same('the end of the stream', await peers[0].ended, 0);

  server.kill('SIGINT');
  for (const peer of peers.slice(1)) {
    const [first, text] = await peer.said();
    same('the server goes away', [first, text.slice(2)], [0x88, 'the server goes away']);
    peer.send(0x88, [0x03, 0xe9]);
    peer.stream.end();
    same('the end of the stream', await peer.ended, 0);
  }
  same('the server ends', await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 8000, 'late'))]), 0);
  same('streams of HTTP/2', log.filter((line) => line.endsWith('joins node over HTTP/2.0')).length, 3);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
})().catch((error) => { console.log(error); process.exit(1); });
