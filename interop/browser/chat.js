// Drives headless Chromium through a chat example: `node chat.js MODULES BROWSER SHOTS NAME=PROGRAM [NGINX FOLDER]`.
// MODULES has playwright-core, SHOTS is where the screenshots go. With NGINX, a program, the browser also
// goes through it; its files are in FOLDER. Prints what fails, and the counts.
'use strict';

const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const net = require('net');
const path = require('path');
const [modules, executablePath, shots, example, nginx, folder] = process.argv.slice(2);
const {
  check, same, start, open, room, join, say, picture, until, shoot, run,
} = require('./tabs.js')(modules, executablePath, shots);

const MIB = 1 << 20;

async function subprotocols(page) {
  for (const [offered, expected] of [
    [['chat.v1'], [true, 'chat.v1']],
    [['soap', 'chat.v1'], [true, 'chat.v1']],
    [[], [true, '']],
    [['soap'], [false, '']], // a browser that offers some wants one of them
  ]) {
    const seen = await page.evaluate(async (offered) => {
      const peer = chat('subprotocols', 'ann', offered);
      const opened = await peer.ready;
      peer.socket.close();
      return [opened, peer.socket.protocol];
    }, offered);
    same(`subprotocols ${offered}`, seen, expected);
  }
}

async function messages(page) {
  const texts = [0, 1, 125, 126, 65535, 65536, MIB];
  same('texts from one to another and back', await page.evaluate(async (sizes) => {
    const [ann, bob] = [chat('texts', 'ann'), chat('texts', 'bob')];
    await Promise.all([ann.ready, bob.ready]);
    await Promise.all([ann.met(2), bob.met(2)]);
    const seen = [];
    for (const size of sizes) {
      const text = 'K\u00f6ln \u20ac \u{1f600} '.repeat(size / 11 + 1).slice(0, size);
      for (const [from, to] of [[ann, bob], [bob, ann]]) {
        from.socket.send(text);
        const heard = await Promise.all([to.heard(), from.heard()]);
        seen.push(heard.every((other) => other === text));
      }
    }
    ann.socket.close();
    bob.socket.close();
    return seen;
  }, texts), texts.flatMap(() => [true, true]));
  const pictures = [0, 1, 126, 65536, MIB, 2 * MIB];
  same('binary from one to another', await page.evaluate(async (sizes) => {
    const [ann, bob] = [chat('binary', 'ann'), chat('binary', 'bob')];
    await Promise.all([ann.ready, bob.ready]);
    await Promise.all([ann.met(2), bob.met(2)]);
    const seen = [];
    for (const size of sizes) {
      const data = new Uint8Array(size).map((_, at) => (at * at) >> 7);
      ann.socket.send(data);
      for (const peer of [ann, bob]) {
        const heard = new Uint8Array(await peer.heard());
        seen.push(heard.length === size && heard.every((byte, at) => byte === data[at]));
      }
    }
    ann.socket.close();
    bob.socket.close();
    return seen;
  }, pictures), pictures.flatMap(() => [true, true]));
}

async function endings(page) {
  const closing = (args) => page.evaluate(async (args) => {
    const peer = chat('endings', 'ann');
    await peer.ready;
    peer.socket.close(...args);
    return peer.closed;
  }, args);
  same('close()', await closing([]), [1005, '', true]);
  // What answers has the code, and no need for the reason.
  same('close(1000)', await closing([1000, 'b\u00fce']), [1000, '', true]);
  same('close(3000)', await closing([3000]), [3000, '', true]);
  same('close(4999)', await closing([4999, 'r'.repeat(123)]), [4999, '', true]);
  const ends = (what) => page.evaluate(async (what) => {
    const peer = chat('endings', 'ann');
    await peer.ready;
    peer.socket.send(typeof what === 'number' ? new Uint8Array(what) : what);
    return peer.closed;
  }, what);
  same('the server closes', await ends('/quit'), [1000, 'see you', true]);
  const [code, , wasClean] = await ends(2 * MIB + 1);
  same('a message that is too big', [code, wasClean], [1009, true]);
}

async function refusals(browser, page, url) {
  const { port } = new URL(url);
  const refused = async (page, target, status) => {
    page.complaints.length = 0;
    const end = await page.evaluate(async (target) => new Peer(target).closed, target);
    same(`${target}: end`, end, [1006, '', false]);
    await page.waitForTimeout(50);
    const expected = `Unexpected response code: ${status}`;
    check(`${target}: ${status}`, page.complaints.some((c) => c.includes(expected)), page.complaints);
  };
  const chatting = `ws://127.0.0.1:${port}/chat`;
  await refused(page, `ws://127.0.0.1:${port}/nowhere`, 404);
  await refused(page, chatting, 400);
  await refused(page, `${chatting}?room=a&name=${'n'.repeat(25)}`, 400);
  await refused(page, `${chatting}?room=a&name=%1b%5b2J`, 400);
  const other = await open(browser, `http://localhost:${port}/`);
  await refused(other, `${chatting}?room=a&name=b`, 403);
  same('the same site may', await page.evaluate(() => chat('a', 'b').ready), true);
  await other.context().close();
  for (const [target, status] of [['/', 200], ['/nowhere', 404], ['/chat', 426]]) {
    const response = await page.request.get(new URL(target, url).href);
    same(`GET ${target}`, response.status(), status);
  }
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/// nginx in front of the server at `url`. On the first port it sends the Host that it sends by default, which is
/// the name of the server behind it; on the second it passes on what the browser sent.
async function startNginx(url) {
  const [byDefault, passed] = [await freePort(), await freePort()];
  const work = path.join(folder, 'nginx');
  fs.mkdirSync(work, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${work}/${kind};`).join(' ');
  const server = (port, host) => `server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${url};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      ${host}
    }
  }`;
  // As root it would take another user for its workers, who may not look into this folder.
  fs.writeFileSync(`${work}/nginx.conf`, `daemon off;
${process.getuid() === 0 ? 'user root;' : ''}
pid ${work}/nginx.pid;
error_log ${work}/error.log;
events { }
http {
  access_log off;
  ${temporary}
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  ${server(byDefault, '')}
  ${server(passed, 'proxy_set_header Host $http_host;')}
}
`);
  const child = spawn(nginx, ['-p', work, '-c', `${work}/nginx.conf`, '-e', `${work}/error.log`], { stdio: 'ignore' });
  for (let tries = 0; ; tries += 1) {
    const ready = await new Promise((resolve) => {
      const probe = net.connect(passed, '127.0.0.1');
      probe.once('connect', () => { probe.destroy(); resolve(true); });
      probe.once('error', () => resolve(false));
    });
    if (ready) break;
    if (tries === 100 || child.exitCode !== null) throw new Error(`nginx does not start, see ${work}/error.log`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { byDefault, passed, stop: () => child.kill() };
}

/// Sends a request; its status and body.
const request = (url, headers) => new Promise((resolve, reject) => {
  const sent = http.get(url, { headers }, (response) => {
    let body = '';
    response.on('data', (data) => { body += data; });
    response.on('end', () => resolve([response.statusCode, body]));
  });
  sent.on('upgrade', (response, socket) => { socket.destroy(); resolve([response.statusCode, '']); });
  sent.on('error', reject);
});

/// A proxy that replaces Host: the browser is refused, and the operator who repeats its request reads what
/// to change. After the change the browser is let in.
async function behindProxy(browser, url) {
  const proxy = await startNginx(url);
  try {
    const page = await open(browser, `http://127.0.0.1:${proxy.byDefault}/`);
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    const sent = new Promise((resolve) =>
      session.once('Network.webSocketWillSendHandshakeRequest', ({ request }) => resolve(request.headers)));
    const end = await page.evaluate(() => chat('proxy', 'ann').closed);
    same('nginx, Host by default: end', end, [1006, '', false]);
    const seen = page.complaints.some((complaint) => complaint.includes('Unexpected response code: 403'));
    check('nginx, Host by default: 403', seen, page.complaints);
    const target = `http://127.0.0.1:${proxy.byDefault}/chat?room=proxy&name=ann`;
    const [status, body] = await request(target, await sent);
    same('nginx, Host by default: the same request', status, 403);
    check('nginx, Host by default: what to change', body.includes('proxy_set_header Host $http_host;'), body);
    await page.context().close();

    const passed = await open(browser, `http://127.0.0.1:${proxy.passed}/`);
    same('nginx, Host passed on', await passed.evaluate(async () => {
      const peer = chat('proxy', 'ann');
      const opened = await peer.ready;
      if (!opened) return [opened, (await peer.closed)[0]];
      await peer.met(1);
      peer.socket.send('through');
      return [opened, await peer.heard()];
    }), [true, 'through']);
    await passed.context().close();
  } finally {
    proxy.stop();
  }
}

/// Three tabs in two rooms; the last of it is the server going away.
async function tabs(browser, server, name) {
  const wide = { viewport: { width: 980, height: 720 } };
  const narrow = { viewport: { width: 380, height: 720 } };
  const ann = await open(browser, server.url, { ...wide, colorScheme: 'light' });
  await shoot(ann, `${name}-join`);
  await join(ann, 'Ann', 'lobby');
  await ann.waitForSelector('.note');
  await shoot(ann, `${name}-empty`);
  const bob = await open(browser, server.url, { ...narrow, colorScheme: 'light' });
  await join(bob, 'Bob', 'lobby');
  const eve = await open(browser, server.url, { ...wide, colorScheme: 'dark' });
  await join(eve, 'Eve', 'garden');
  const zoe = await open(browser, server.url, wide);
  await join(zoe, 'Zo\u00eb', 'lobby');
  await zoe.context().close();

  await say(ann, 'Hello! Does anybody know how big a connection is?');
  await until(bob, 1);
  await say(bob, '200 bytes.');
  await say(bob, 'And it owns no heap memory when it is idle \u{1f600}');
  await until(ann, 3);
  await say(ann, 'That is little. <b>Thanks</b> \u2013 here is a picture of it:');
  await until(bob, 4);
  await picture(ann);
  await Promise.all([until(ann, 5), until(bob, 5)]);
  await bob.waitForFunction(() => [...document.images].every((image) => image.naturalWidth > 0));
  await say(eve, 'Is anybody here?');
  await until(eve, 1);

  const talk = [
    ['Ann', 'Hello! Does anybody know how big a connection is?'],
    ['Bob', '200 bytes.'],
    ['Bob', 'And it owns no heap memory when it is idle \u{1f600}'],
    ['Ann', 'That is little. <b>Thanks</b> \u2013 here is a picture of it:'],
    ['Ann', 'picture'],
  ];
  const seenBy = (who) => talk.map(([from, text]) => [from === who ? 'me' : from, text]);
  same('what Ann sees', await room(ann), {
    title: '#lobby', state: 'connected', members: ['Ann (you)', 'Bob'], said: seenBy('Ann'),
  });
  same('what Bob sees', await room(bob), {
    title: '#lobby', state: 'connected', members: ['Ann', 'Bob (you)'], said: seenBy('Bob'),
  });
  same('what Eve sees in another room', await room(eve), {
    title: '#garden', state: 'connected', members: ['Eve (you)'], said: [['me', 'Is anybody here?']],
  });
  const notes = await ann.$$eval('.note', (all) => all.map((one) => one.textContent));
  same('who came and went', notes,
    ['Ann has joined', 'Bob has joined', 'Zo\u00eb has joined', 'Zo\u00eb has left']);
  const fits = () => {
    const box = (part) => document.querySelector(part).getBoundingClientRect();
    return document.documentElement.scrollWidth <= innerWidth
      && ['header', 'aside', '#log', 'footer', '#text'].every((part) =>
        box(part).right <= innerWidth && box(part).bottom <= innerHeight)
      && box('footer').top >= box('#log').bottom - 1
      && box('#log').height > innerHeight / 2
      && box('#text').width > box('#log').width / 2;
  };
  for (const [who, page] of Object.entries({ ann, bob, eve })) {
    check(`${who}: all is in the window`, await page.evaluate(fits), await room(page));
    await shoot(page, `${name}-${who}`);
  }

  const raw = await open(browser, server.url);
  const ended = raw.evaluate(async () => {
    const peer = chat('lobby', 'raw');
    await peer.ready;
    document.title = 'ready';
    return peer.closed;
  });
  await raw.waitForFunction(() => document.title === 'ready');
  server.stop();
  same('the server goes away', await ended, [1001, 'the server goes away', true]);
  same('it ends', await server.ended, 0);
  for (const page of [ann, bob, eve]) {
    await page.waitForSelector('#over:visible');
    const over = await page.textContent('#over span');
    same('that is seen', over, 'the server goes away (1001).');
  }
  same('nobody is there', (await room(ann)).members, []);
  await shoot(ann, `${name}-over`);
  for (const page of [ann, bob, eve, raw]) await page.context().close();
}

const [name, program] = example.split('=');
run(name, async (browser) => {
  const server = await start(program);
  try {
    const page = await open(browser, server.url);
    await subprotocols(page);
    await messages(page);
    await endings(page);
    await refusals(browser, page, server.url);
    if (nginx) await behindProxy(browser, server.url);
    await page.context().close();
    await tabs(browser, server, name);
  } finally {
    server.kill();
  }
});
