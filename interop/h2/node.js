// Node's http2 as client of our server and as server of our client, without TLS: `node node.js EXAMPLE`. Node speaks frames
// here by hand. Prints what fails, and the counts.
'use strict';

const { spawn } = require('child_process');
const http2 = require('http2');
const readline = require('readline');
const program = process.argv[2];

let passed = 0, failed = 0;
const same = (name, seen, expected) => {
  if (JSON.stringify(seen) === JSON.stringify(expected)) { passed += 1; return; }
  failed += 1;
  console.log(`FAILED ${name}: ${JSON.stringify(seen)}`);
};
const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...all) => resolve(all)));
const masked = (first, payload) => Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
const CODE = Buffer.from([3, 232]);

async function asClient(options) {
  const server = spawn(program, ['--listen', '127.0.0.1:0', '--plain', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = await once(readline.createInterface({ input: server.stdout }), 'line');
  const session = http2.connect(url.replace('localhost', '127.0.0.1'));
  const [settings] = await once(session, 'remoteSettings');
  same('the setting', settings.enableConnectProtocol, true);
  for (const code of [true, false]) {
    const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':authority': 'localhost',
      ':path': '/echo', 'sec-websocket-version': '13' }, { endStream: false });
    const [headers] = await once(stream, 'response');
    same('the status', headers[':status'], 200);
    const data = [];
    stream.on('data', (chunk) => data.push(chunk));
    stream.write(masked(0x81, Buffer.from('hello')));
    stream.write(masked(0x88, code ? CODE : Buffer.alloc(0)));
    await once(stream, 'end');
    const reply = code ? [0x88, 2, 3, 232] : [0x88, 0];
    same('an echo and the Close', [...Buffer.concat(data)], [0x81, 5, ...Buffer.from('hello'), ...reply]);
    stream.end();
    await once(stream, 'close');
    same('no reset', stream.rstCode, 0);
  }
  session.close();
  server.kill('SIGKILL');
}

async function asServer() {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  const resets = [];
  server.on('stream', (stream, headers) => {
    if (headers[':path'] !== '/echo') {
      stream.respond({ ':status': 401, 'www-authenticate': 'Bearer' });
      stream.end('log in');
      return;
    }
    stream.respond({ ':status': 200 });
    let input = Buffer.alloc(0);
    stream.on('data', (chunk) => {
      input = Buffer.concat([input, chunk]);
      while (input.length >= 6 && input.length >= 6 + (input[1] & 127)) {
        const [first, length] = [input[0], input[1] & 127];
        const payload = Buffer.from(input.subarray(6, 6 + length).map((byte, at) => byte ^ input[2 + (at & 3)]));
        stream.write(Buffer.concat([Buffer.from([first, length]), payload]));
        input = input.subarray(6 + length);
        if (first === 0x88) stream.end();
      }
    });
    stream.on('close', () => resets.push(stream.rstCode));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = async (...rest) => {
    const child = spawn(program, ['--connect', `http://127.0.0.1:${server.address().port}${rest[0]}`, ...rest.slice(1)]);
    let out = '';
    child.stdout.on('data', (chunk) => { out += chunk; });
    child.stderr.on('data', (chunk) => { out += chunk; });
    const [code] = await once(child, 'close');
    return [code, out];
  };
  same('echoes', await client('/echo', 'hello', 'again'), [0, 'hello\nagain\nclosed: Some(1000)\n']);
  const [code, out] = await client('/other', 'hello');
  same('refused', [code, out.includes('refused with status 401: log in')], [1, true]);
  same('no reset', resets, [0]);
  server.close();
}

(async () => {
  console.log(`node ${process.version}`);
  await asClient([]);
  await asClient(['--hyper']);
  await asClient(['--window', '1']);
  await asClient(['--hyper', '--window', '1']);
  await asServer();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(0);
})().catch((error) => { console.log(error); process.exit(1); });
