"""The MQTT broker `amqtt` with its WebSocket listener, by `websockets`. It prints its URL."""

import asyncio
import logging
import socket

from amqtt.broker import Broker


async def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    broker = Broker({
        "listeners": {"default": {"type": "ws", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    print(f"ws://127.0.0.1:{port}/", flush=True)
    await asyncio.Event().wait()


logging.basicConfig(level=logging.WARNING)
asyncio.run(main())
