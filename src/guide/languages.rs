//! Clients in other languages, and what each of them needs.
//!
//! The stream is Server-Sent Events as the HTML standard has them, so any client of those reads it. What goes wrong
//! elsewhere is not the format: it is a timeout over the whole answer, a buffer that waits for more, a charset that is
//! guessed, and nobody who connects again.
//!
//! | what | here | what it is good for |
//! | --- | --- | --- |
//! | charset | `text/event-stream; charset=utf-8` | clients that take `text/*` for Latin-1 otherwise |
//! | framing | chunked, each event one chunk | clients that read a body of unknown length by size; `framing=close` for those that know no chunks |
//! | compression | gzip for browsers, which ask for it and inflate as bytes come; others by `compression=gzip` | clients that say they accept gzip, and inflate in blocks |
//! | heartbeats | each 15 s, a comment and the newest id | a read timeout of a minute tells a dead connection from a quiet one |
//! | ids | opaque, each event's | the last one goes back as `Last-Event-ID` |
//! | `retry:` | 2000 | how long to wait before connecting again |
//!
//! # What each one needs
//!
//! *Run* is run by this repository's tests against the server: the whole of it through a restart of the server, or the
//! lines below. *Read* is what the client's own documents say: nobody has run it here.
//!
//! | client | | reads events as they come | connects again with the id | needs |
//! | --- | --- | --- | --- | --- |
//! | browsers, `EventSource` (Chromium) | run | yes, gzip | yes, but never after an answer other than 200 | [`deploy`](super::operate::deploy), where there is a proxy |
//! | browsers, `fetch` | run in Node | yes, gzip | no | a loop |
//! | curl | run | yes; `--compressed` with `compression=gzip` too | no | `-N` |
//! | Node, npm's `eventsource` | run | yes | yes | - |
//! | Node, `fetch` | run | yes, gzip: it looks like a browser's | no | a loop |
//! | Python, `requests` | run | yes, since the body is chunked | no | `stream=True`, a pair of timeouts, `decode_unicode=True`, a loop |
//! | Python, `httpx-sse` | run | yes | no | a read timeout; skip events without data; a loop |
//! | Python, `aiohttp` | run | yes | no | no total timeout (it is 5 minutes), `sock_read`; a larger `read_bufsize` for lines over 128 KiB |
//! | Java, `java.net.http` | run | yes | no | no `timeout` of the request, which newer ones count the body into; it asks for HTTP/2 first, which is passed over |
//! | Rust | run | [`SseClient`](crate::client::SseClient): [`client`](super::client) | yes | - |
//! | Go, `net/http` | read | yes; it accepts gzip by itself, and is not sent any | no | no `Client.Timeout`, which counts the body; a larger buffer than `bufio.Scanner`'s 64 KiB |
//! | C#, `HttpClient` | read | with `HttpCompletionOption.ResponseHeadersRead` | no | that option; from .NET 9 on `SseParser` reads the format |
//! | Java, Kotlin: OkHttp's `okhttp-sse` | read | yes | no | a `readTimeout` over 15 s: its default is 10 |
//! | Swift, `URLSession` | read | `bytes(for:)`; its `lines` leave out empty ones, so an event has to be told by its `data:` | no | nothing: it is idle for 60 s at most, and heartbeats come |
//! | Ruby, `Net::HTTP` | read | `read_body` with a block | no | `read_timeout` over 15 s |
//!
//! A loop is: connect with the last id, read until the end or an error, wait for `retry`, again. Who does not connect
//! again misses what comes meanwhile; who does not send the id begins anew. `server/tests/real_clients/programs` has loops.
//!
//! # curl
//!
//! ```sh
//! curl -sN 'http://127.0.0.1:8080/api/v1/events/stream?topic=t'
//! ```
//!
//! # Python: requests, aiohttp
//!
//! ```python
//! import requests
//!
//! url = "http://127.0.0.1:8080/api/v1/events/stream?topic=t"
//! with requests.get(url, stream=True, timeout=(5, 60)) as answer:
//!     for line in answer.iter_lines(decode_unicode=True):
//!         if line.startswith("data: "):
//!             print(line, flush=True)
//! ```
//!
//! ```python
//! import aiohttp, asyncio
//!
//! async def main():
//!     url = "http://127.0.0.1:8080/api/v1/events/stream?topic=t"
//!     timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
//!     async with aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 20) as session:
//!         async with session.get(url) as answer:
//!             async for line in answer.content:
//!                 if line.startswith(b"data: "):
//!                     print(line.decode().rstrip(), flush=True)
//!
//! asyncio.run(main())
//! ```
//!
//! # JavaScript: `fetch`, in browsers and Node
//!
//! ```js
//! const answer = await fetch("http://127.0.0.1:8080/api/v1/events/stream?topic=t");
//! let rest = "";
//! for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
//!   const lines = (rest + part).split("\n");
//!   rest = lines.pop();
//!   for (const line of lines) if (line.startsWith("data: ")) console.log(line);
//! }
//! ```
//!
//! # Java
//!
//! ```java
//! import java.net.URI;
//! import java.net.http.*;
//!
//! class Events {
//!   public static void main(String[] args) throws Exception {
//!     var url = URI.create("http://127.0.0.1:8080/api/v1/events/stream?topic=t");
//!     var request = HttpRequest.newBuilder(url).header("Accept", "text/event-stream").build();
//!     var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofLines());
//!     answer.body().filter(line -> line.startsWith("data: ")).forEach(System.out::println);
//!   }
//! }
//! ```
//!
//! # Publishing
//!
//! A `POST` is a `POST` in all of them: the body is the event's data, its `Content-Type` says what it is, and the answer
//! names its position ([`publish`](super::publish)). JSON goes out as it came, byte for byte.
