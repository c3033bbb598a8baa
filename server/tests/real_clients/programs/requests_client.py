"""Python's requests: each event as a line "id TAB name TAB data" on standard output.

It knows nothing of Server-Sent Events: this is the loop over `iter_lines()` that its users write.

Usage: requests_client.py URL"""

import sys
import time

import requests


def say(*fields):
    print(*fields, sep="\t", flush=True)


def main(url):
    sys.stdout.reconfigure(encoding="utf-8")
    last_id, wait = "", 2.0
    while True:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        try:
            with requests.get(url, headers=headers, stream=True, timeout=(5, 60)) as response:
                response.raise_for_status()
                say("", "open", "")
                name, data = "message", []
                for line in response.iter_lines(decode_unicode=True):
                    field, _, value = line.partition(": ")
                    if field == "id":
                        last_id = value
                    elif field == "event":
                        name = value
                    elif field == "data":
                        data.append(value)
                    elif field == "retry":
                        wait = int(value) / 1000
                    elif line == "":
                        if data:
                            say(last_id, name, "\n".join(data))
                        name, data = "message", []
        except requests.RequestException:
            pass
        say("", "retrying", "")
        time.sleep(wait)


main(sys.argv[1])
