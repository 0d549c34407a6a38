// One end of scripted sessions, on `ws`.
'use strict';

const crypto = require('crypto');
const readline = require('readline');
const path = require('path');
const { createRequire } = require('module');
const { WebSocket, WebSocketServer } = createRequire(path.join(process.argv[2], 'x.js'))('ws');

const PATIENCE = 20000;
const MAX = 64 << 20;

function payload(kind, spec) {
  const encoding = kind === 'text' ? 'utf8' : 'hex';
  const unit = Buffer.from(spec.unit.repeat(spec.times), encoding);
  return Buffer.concat([unit, Buffer.from(spec.tail, encoding)]);
}

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

// What `ws` wants of compression.
function compression(session) {
  const wanted = session.compress;
  if (!wanted) return session.deflate;
  return {
    threshold: 0,
    // With false it would decline who asks for it.
    serverNoContextTakeover: wanted.server_takeover ? undefined : true,
    clientNoContextTakeover: wanted.client_takeover ? undefined : true,
    serverMaxWindowBits: wanted.server_bits,
    clientMaxWindowBits: wanted.client_bits,
  };
}

function agreed(ws) {
  const deflate = ws._extensions['permessage-deflate'];
  if (!deflate) return null;
  const { params } = deflate;
  return {
    server_takeover: !params.server_no_context_takeover,
    client_takeover: !params.client_no_context_takeover,
    server_bits: params.server_max_window_bits || 15,
    client_bits: params.client_max_window_bits || 15,
  };
}

function talk(ws, session, report, done) {
  let pings = 0;
  let sending = 0; // what waits for the compressor
  let ended = session.end === null;

  function ping(hex) {
    pings += 1;
    ws.ping(Buffer.from(hex, 'hex'));
  }

  function endIfReady() {
    const ready = report.messages.length >= session.messages && report.pongs.length >= pings;
    if (ended || !ready || sending > 0) return;
    ended = true;
    if ('cut' in session.end) {
      ws._socket.end(Buffer.from(session.end.cut, 'hex'));
    } else if ('fault' in session.end) {
      ws._socket.write(Buffer.from(session.end.fault, 'hex'));
    } else if (session.end.close === null) {
      ws.close();
    } else {
      ws.close(...session.end.close);
    }
  }

  // Before anything else: messages can come in the same turn as the handshake.
  ws.on('message', (data, isBinary) => {
    const hash = crypto.createHash('sha1').update(data).digest('hex');
    report.messages.push([isBinary ? 'binary' : 'text', data.length, hash]);
    endIfReady();
  });
  ws.on('ping', (data) => report.pings.push(data.toString('hex')));
  ws.on('pong', (data) => {
    report.pongs.push(data.toString('hex'));
    endIfReady();
  });
  ws.on('close', (code, reason) => {
    if (report.opened) report.close = [code, reason.toString()];
    done();
  });

  function start() {
    report.opened = true;
    report.subprotocol = ws.protocol || null;
    report.agreed = agreed(ws);
    for (const step of session.steps) {
      const [kind, spec] = Object.entries(step)[0];
      if (kind === 'ping') {
        ping(spec);
        continue;
      }
      const data = payload(kind, spec);
      const bounds = [0, ...spec.cuts, data.length];
      for (let i = 0; i + 1 < bounds.length; i++) {
        const fin = i + 2 === bounds.length;
        const options = { binary: kind === 'binary', compress: !spec.plain, fin };
        sending += 1;
        ws.send(data.subarray(bounds[i], bounds[i + 1]), options, () => {
          sending -= 1;
          endIfReady();
        });
        if (i === 0 && spec.ping !== null) ping(spec.ping);
      }
    }
    endIfReady();
  }

  if (ws.readyState === WebSocket.OPEN) start();
  else ws.on('open', start);
}

// Whether the other end broke the protocol: `ws` knows the code to close with.
function failed(error, report) {
  const key = Object.getOwnPropertySymbols(error).find((s) => s.description === 'status-code');
  if (key === undefined) return false;
  report.fault = error[key];
  return true;
}

function client(session, report, done) {
  const ws = new WebSocket(`ws://127.0.0.1:${session.port}/`, session.offer, {
    perMessageDeflate: compression(session),
    maxPayload: MAX,
    handshakeTimeout: PATIENCE,
  });
  ws.on('unexpected-response', (request, response) => {
    report.status = response.statusCode;
    request.destroy();
    done();
  });
  ws.on('error', (error) => {
    if (failed(error, report)) return;
    if (error.message === 'Server sent no subprotocol') report.status = 0;
    else if (report.status === null) report.error = String(error);
  });
  talk(ws, session, report, done);
}

function server(session, report, done) {
  const choose = session.choose || [];
  const offered = (request) =>
    (request.headers['sec-websocket-protocol'] || '').split(',').map((name) => name.trim());
  const finish = () => {
    server.close();
    done();
  };
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    maxPayload: MAX,
    perMessageDeflate: compression(session),
    handleProtocols: (names) => choose.find((name) => names.has(name)) || false,
    verifyClient: ({ req }, answer) => {
      const refused = session.choose !== null && !choose.some((n) => offered(req).includes(n));
      if (refused) {
        report.status = 400;
        answer(false, 400);
        finish();
      } else {
        answer(true);
      }
    },
  });
  server.on('listening', () => say({ port: server.address().port }));
  server.on('connection', (ws) => {
    ws.on('error', (error) => {
      if (!failed(error, report)) report.error = String(error);
    });
    talk(ws, session, report, finish);
  });
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const session = JSON.parse(line);
  const report = {
    opened: false, status: null, subprotocol: null, messages: [], pings: [], pongs: [],
    close: null, fault: null, error: null,
  };
  let told = false;
  const done = () => {
    if (told) return;
    told = true;
    say(report);
  };
  try {
    (session.role === 'client' ? client : server)(session, report, done);
  } catch (error) {
    report.error = String(error);
    done();
  }
});
