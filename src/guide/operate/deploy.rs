//! Deploying: what to do before exposing it, and settings for reverse proxies that work.
//!
//! # Before anybody else can reach it
//!
//! There is **no authentication** in the server yet, and TLS only where it is built with the feature `tls`
//! (`--tls-cert`, `--tls-key`; SIGHUP reads them again; who comes there with `http://` is answered 400). By default it listens on loopback, where
//! only the machine's own users and programs reach it. Leave it there, and put a proxy in front that has
//! both. In order:
//!
//! 1. TLS and a login at the proxy. Whoever gets through may read every topic; deny `POST` at the proxy
//!    to all but your publishers. In a program of your own, an
//!    [`Authorizer`](crate::gateway::Authorizer) decides by topic.
//! 2. Tell the server its public name:
//!    [`allowed_hosts`](crate::gateway::ServerConfig::allowed_hosts), `--allowed-host events.example`. The
//!    settings below pass that name on, and a request with another one in `Host` is refused with 421,
//!    since a web page could make a name of its own point at the machine. Without a list, loopback
//!    answers to its own names, and a server on `0.0.0.0` to addresses and to names that nobody can have
//!    in the public DNS: those without dots, as in Compose, and those under `.local`, `.internal` or `.svc`
//!    (`eventring.prod.svc` in a cluster; `eventring.prod` needs a place on the list, as a namespace may be called like
//!    a public domain). `GET /health/live` and `GET /health/ready` answer to every name, since probes go by the address of a pod; to who
//!    asks by a strange one the first says `{"status":"ok"}` and nothing else.
//! 3. Pages of other origins are refused with 403. Allow those that are yours:
//!    [`cors_origins`](crate::gateway::ServerConfig::cors_origins), `--cors-origin https://app.example`. A preflight
//!    grants them the methods of the route, the fields that the server reads and those that libraries add for tracing
//!    (`traceparent`, `baggage`, `x-requested-with`, ...); [`cors_headers`](crate::gateway::ServerConfig::cors_headers)
//!    adds others. [`cors_private_network`](crate::gateway::ServerConfig::cors_private_network) lets them in from the
//!    public Internet to a private network.
//! 4. `/metrics` and `/api/v1/stats` name topics and count readers. Deny them at the proxy to those who
//!    should not know.
//! 5. The numbers: open files, and the limits that your clients meet ([`limits`](super::limits)).
//!
//! Behind a proxy every client has the proxy's address, unless the server is told whom to believe:
//! `--trusted-proxy 10.0.0.0/8` takes the client from `X-Forwarded-For` (or from `Forwarded`, with
//! `--forwarded-field forwarded`), and with `--proxy-protocol` from the header of version 2 that HAProxy sends
//! with `send-proxy-v2`. Over a Unix socket (`--listen unix:/run/eventring.sock`, in nginx
//! `proxy_pass http://unix:/run/eventring.sock:/;`) the name of that network is `unix`.
//! `--max-connections-per-address` counts by the client that was found so.
//!
//! # One rule of browsers
//!
//! **An `EventSource` that gets an answer other than 200 never tries again.** A server that restarts
//! comes back in a second, but every proxy answers 502 or 503 meanwhile, and each page that asks in that
//! second is silent until it is loaded again. A server that is full says 503, with the same effect.
//! So the settings below turn these answers, for streams only, into an empty stream of 200 that says
//! `retry: 2000`. Without a proxy there is nothing to do: a refused connection is tried again.
//!
//! Where the proxy is not yours, let the page open a new source:
//!
//! ```js
//! source.onerror = () => {
//!   if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
//! };
//! ```
//!
//! # nginx
//!
//! ```nginx
//! map $http_upgrade $connection_upgrade {
//!     default upgrade;
//!     ""      "";                          # no WebSocket: the connection is kept for the next request
//! }
//!
//! upstream eventring {
//!     server 127.0.0.1:8080;
//!     keepalive 16;                        # connections kept for publishers
//! }
//!
//! server {
//!     listen 80;
//!
//!     proxy_http_version 1.1;
//!     proxy_set_header Upgrade $http_upgrade;
//!     proxy_set_header Connection $connection_upgrade;
//!     proxy_set_header Host $http_host;
//!     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
//!     proxy_set_header X-Forwarded-Proto $scheme;
//!     proxy_buffering off;                 # answers line by line
//!     proxy_read_timeout 1h;               # for streams without heartbeats; else 60s will do
//!
//!     location / {
//!         proxy_pass http://eventring;
//!         client_max_body_size 8m;         # as body_bytes; nginx's own limit is 1m
//!         proxy_request_buffering off;     # ?atomic=false: lines are published as they come
//!     }
//!
//!     location = /api/v1/events/stream {
//!         proxy_pass http://eventring;
//!         proxy_intercept_errors on;
//!         error_page 502 503 504 = @later;
//!     }
//!
//!     location @later {
//!         default_type text/event-stream;
//!         return 200 "retry: 2000\n\n";
//!     }
//! }
//! ```
//!
//! With TLS, in the place of `listen 80;`:
//!
//! ```nginx-tls
//! listen 443 ssl http2;
//!     ssl_certificate     /etc/ssl/events.pem;
//!     ssl_certificate_key /etc/ssl/events.key;
//! ```
//!
//! A `location` with a `proxy_set_header` of its own loses all those of its `server`: repeat them there.
//!
//! With nothing but `proxy_pass` in Debian's nginx 1.22:
//!
//! | | |
//! | --- | --- |
//! | events one by one | yes: the server's `X-Accel-Buffering: no` turns buffering off |
//! | resuming, publishing | yes |
//! | WebSocket | no: it speaks HTTP/1.0 and passes no `Upgrade` on; the server says 400 |
//! | a client that goes away | noticed at once |
//! | bodies over 1 MiB | refused by nginx with 413 |
//! | `?atomic=false` | published when the whole body is there, not line by line |
//! | `?heartbeat=0`, or a heartbeat over 60 s | a quiet stream is cut after 60 s; it resumes |
//! | a restart of the server | 502: pages that ask then are silent for good |
//!
//! A stream takes two of `worker_connections`: Debian's 768 are 384 streams a worker. Set
//! `worker_connections 65536; worker_rlimit_nofile 131072;`.
//!
//! # HAProxy
//!
//! Under the `defaults` section of Debian's file (`mode http`, timeouts of 50 s):
//!
//! ```haproxy
//! frontend web
//!     bind :80
//!     option forwardfor
//!     http-request set-header X-Forwarded-Proto https if { ssl_fc }
//!     http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
//!     use_backend streams if { path /api/v1/events/stream }
//!     default_backend requests
//!
//! backend streams
//!     timeout server 1h
//!     http-response return status 200 content-type text/event-stream string "retry: 2000\n\n" if { status 503 }
//!     http-error status 502 content-type text/event-stream string "retry: 2000\n\n"
//!     http-error status 503 content-type text/event-stream string "retry: 2000\n\n"
//!     http-error status 504 content-type text/event-stream string "retry: 2000\n\n"
//!     http-after-response set-status 200 if { status 502 503 504 }
//!     server one 127.0.0.1:8080
//!
//! backend requests
//!     timeout tunnel 1h                    # WebSockets
//!     server one 127.0.0.1:8080
//! ```
//!
//! With TLS, in the place of `bind :80` (the certificate and its key in one file):
//!
//! ```haproxy-tls
//! bind :443 ssl crt /etc/ssl/events.pem alpn h2,http/1.1
//! ```
//!
//! With its defaults, HAProxy 2.6:
//!
//! | | |
//! | --- | --- |
//! | events one by one, resuming, publishing, WebSocket | yes |
//! | a client that goes away | noticed when the next byte is sent, that is within two heartbeats. Without heartbeats a quiet stream stays open until a timeout: keep them on |
//! | `?heartbeat=0`, or a heartbeat over 50 s | a quiet stream is cut after 50 s; it resumes |
//! | a restart of the server | it tries for about 3 s, then 503: pages that ask then are silent for good |
//!
//! # Caddy
//!
//! ```caddy
//! events.example {
//!     @stream path /api/v1/events/stream
//!     handle @stream {
//!         reverse_proxy 127.0.0.1:8080 {
//!             @refused status 502 503 504
//!             handle_response @refused {
//!                 header Content-Type text/event-stream
//!                 respond "retry: 2000\n\n" 200
//!             }
//!         }
//!     }
//!     handle {
//!         reverse_proxy 127.0.0.1:8080
//!     }
//!     handle_errors {
//!         @later path /api/v1/events/stream
//!         handle @later {
//!             header Content-Type text/event-stream
//!             respond "retry: 2000\n\n" 200
//!         }
//!         handle {
//!             respond "{err.status_text}" {err.status_code}
//!         }
//!     }
//! }
//! ```
//!
//! With `reverse_proxy` alone, Caddy 2.6: events one by one, resuming, publishing, WebSocket, and a client that goes
//! away is noticed at once. A restart of the server is a 502, with the effect described above. It gets
//! certificates by itself, and speaks HTTP/2.
//!
//! # Under a path
//!
//! The server may share a name with others, as `https://events.example/ring/`. The proxy cuts the path off
//! and says so; in nginx's `server` block of above:
//!
//! ```nginx-path
//!
//!     proxy_set_header X-Forwarded-Prefix /ring;
//!
//!     location /ring/ {
//!         proxy_pass http://eventring/;    # its last slash cuts /ring off
//!     }
//! ```
//!
//! The dashboard loads what it needs from beside itself. What the server tells others of itself (`Location`,
//! the `url` of a connection that was made) begins with that prefix where the proxy is one of
//! [`trusted_proxies`](crate::gateway::ServerConfig::trusted_proxies), `--trusted-proxy`. Or say the whole
//! address, and no proxy has to:
//! [`public_url`](crate::gateway::ServerConfig::public_url), `--public-url https://events.example/ring`.
//!
//! # Whose page it is
//!
//! A page may open WebSockets, publish and read if it comes from the server itself: from the same host and
//! port, as the browser sees them, by the same scheme. The scheme is `https` over the server's own TLS,
//! or what a trusted proxy writes into `X-Forwarded-Proto` (`proto=` of `Forwarded`); a server that does not know
//! takes pages of either. The host is that of `Host`, which a proxy passes on with the settings above, or
//! of a trusted proxy's `X-Forwarded-Host` and `X-Forwarded-Port` (`host=`) if the server goes by that
//! name. That of `public_url` is the server's own in any case.
//!
//! # Six connections
//!
//! Over HTTP/1.1 a browser opens at most six connections to one host, for all of its tabs together: the
//! seventh tab with an `EventSource` waits for ever, and so does everything else on that host. HTTP/2,
//! which needs TLS at the proxy, lifts this. So does one connection for all tabs: `examples/browser` has
//! it as a `SharedWorker`.
//!
//! # Files, ports, memory
//!
//! * A connection is an open file. `eventring serve` raises its own limit as far as it may and says when
//!   that is not enough: `LimitNOFILE=131072` in a systemd unit, `ulimit -n` in a shell.
//! * Between a proxy and one address of the server there are about 28,000 ports (`ip_local_port_range`).
//!   For more streams, let it listen on several addresses and name them all in the proxy.
//! * `--listen [::]:8080` takes IPv4 as well as IPv6; `0.0.0.0:8080` is IPv4 alone, and `--ipv6-only` makes
//!   `[::]:8080` IPv6 alone.
//! * A client that stops reading costs tens of kilobytes in the kernel (`notsent_lowat`), a healthy one
//!   little; `capacity` and `ring_bytes` are the rest. [`slow_clients`](super::slow_clients) has the bounds.
//!
//! # Watching the journal
//!
//! `GET /health/ready` says 503 with the component and the reason where the journal takes nothing (`full`, `poisoned`,
//! `stalled`, `closed`), the hub is closed or the server is going to stop; `/readyz` is its short name. What becomes of the
//! journal is said in the log once for each change. In `/metrics`, and as `journal` in `/api/v1/stats`:
//!
//! | metric | what it tells |
//! | --- | --- |
//! | `eventring_journal_state{state}` | 1 for `writable`, `held` (another process reads it, and its log of writes grows), `full`, `poisoned`, `stalled` or `closed` |
//! | `eventring_journal_commit_seconds`, `_commit_events`, `_commit_bytes` | histograms: how long commits take, and how much each writes |
//! | `eventring_journal_bytes`, `_wal_bytes`, `_events` | what is kept, on the disk and in the log of writes |
//! | `eventring_journal_oldest_offset`, `_oldest_age_seconds`, `_last_offset` | from where to where |
//! | `eventring_journal_in_flight_events`, `_in_flight_bytes` | published, and not shown to readers yet: at most `in_flight` and `in_flight_bytes` |
//! | `eventring_journal_commits_total`, `_flushes_total`, `_merges_total`, `_checkpoints_total`, `_damaged_total` | counters; the last one should stay 0 |
//!
//! # Stopping
//!
//! `SIGTERM` stops it in good order: no new connections, what is published goes out, within
//! `--stop-timeout`, and the [`journal`](super::journal) is closed. Clients come back and go on where they were; without a
//! journal they are told by a `reset` ([`resume`](super::super::resume)). A second signal ends it at once.
//!
//! Behind a load balancer that needs time to notice, `--drain-delay 10s` (in a program
//! [`ServerHandle::stop_after`](crate::gateway::ServerHandle::stop_after)): from the signal on `GET /health/ready` says 503 while
//! everybody is still served, new clients too, and the stop comes after that time, or with a second signal.
//! Use `/health/ready` for what decides about new clients, and `GET /health/live`, which stays 200 to the end, for what
//! starts a dead server anew.
//!
//! `SIGHUP` ends nothing. It reads the certificate and its key again, for 10 seconds at most, and says
//! what came of it; settings are read at the start only. A certificate that has expired is a warning then and
//! at the start, and `eventring_tls_certificate_left_seconds` in `/metrics` says how long it holds.
//!
//! Every setting on this page is run by `server/tests/real_clients`, which reads it from here.
