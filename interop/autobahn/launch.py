# Starts wstest under CPython 2.7. It listens on every interface, whatever its url says: this keeps
# it to the loopback.
import sys

import autobahntestsuite  # first: it chooses the reactor
from twisted.internet import reactor


def loopback(listen, at):
    def only(*args, **named):
        args = list(args)
        if len(args) > at:
            args[at] = args[at] or "127.0.0.1"
        else:
            named["interface"] = named.get("interface") or "127.0.0.1"
        return listen(*args, **named)
    return only


reactor.listenTCP = loopback(reactor.listenTCP, 3)
reactor.listenSSL = loopback(reactor.listenSSL, 4)
sys.argv[0] = "wstest"
from autobahntestsuite.wstest import run
run()
