"""Python's httpx-sse: each event as a line "id TAB name TAB data" on standard output.

It does not reconnect by itself: its own documentation shows this loop.

Usage: httpx_sse_client.py URL"""

import sys
import time

import httpx
from httpx_sse import connect_sse


def say(*fields):
    print(*fields, sep="\t", flush=True)


def main(url):
    last_id, wait = "", 2.0
    with httpx.Client(timeout=httpx.Timeout(5, read=60)) as client:
        while True:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            try:
                with connect_sse(client, "GET", url, headers=headers) as source:
                    source.response.raise_for_status()
                    say("", "open", "")
                    for event in source.iter_sse():
                        last_id = event.id or last_id
                        if event.retry is not None:
                            wait = event.retry / 1000
                        # A block of an id or a retry alone is no event, but httpx-sse hands
                        # it out: what has no data is a heartbeat.
                        if event.data:
                            say(event.id, event.event, event.data)
            except httpx.HTTPError:
                pass
            say("", "retrying", "")
            time.sleep(wait)


main(sys.argv[1])
