// The MQTT broker `aedes` with Node's `ws` as its WebSocket listener. It prints its URL.
//
// usage: node aedes.js FOLDER, the one with the packages
'use strict';

const path = require('path');
const load = (name) => require(require.resolve(name, { paths: [path.join(process.argv[2], '..')] }));
const { WebSocketServer, createWebSocketStream } = load('ws');
const { Aedes } = load('aedes');

async function main() {
  const broker = Aedes.createBroker ? await Aedes.createBroker() : new Aedes();
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true,
    handleProtocols: (protocols) => (protocols.has('mqtt') ? 'mqtt' : false) });
  server.on('connection', (socket, request) => broker.handle(createWebSocketStream(socket), request));
  server.on('listening', () => console.log(`ws://127.0.0.1:${server.address().port}/`));
}
main();
