"""A lack of file descriptors, for a server that is an example: URL PID PATH."""
import asyncio
import sys

import both

asyncio.run(both.run_alone(both.lack_of_descriptors, sys.argv[3]))
both.end()
