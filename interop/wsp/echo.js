// An echo server on `ws` that works for 5 ms on each message. It prints its URL.
//
// usage: node echo.js FOLDER, the one with `node_modules`
const path = require("path");
const { WebSocketServer } = require(path.join(process.argv[2], "node_modules", "ws"));

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("listening", () => console.log(`ws://127.0.0.1:${server.address().port}/`));
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    setTimeout(() => socket.send(data, { binary: isBinary }), 5);
  });
});
