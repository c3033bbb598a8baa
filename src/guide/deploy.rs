//! Deploying: behind a reverse proxy, and what to do before.
//!
//! ```nginx
//! upstream eventring {
//!     server 127.0.0.1:8080;
//!     keepalive 16;
//! }
//!
//! server {
//!     listen 80;
//!     client_max_body_size 8m;            # as --body-bytes; nginx's own limit is 1m
//!
//!     location / {
//!         proxy_pass http://eventring;
//!         proxy_http_version 1.1;
//!         proxy_set_header Connection "";
//!         proxy_set_header Host $http_host;
//!     }
//!
//!     location = /api/v1/events/stream {
//!         proxy_pass http://eventring;
//!         proxy_http_version 1.1;
//!         proxy_set_header Connection "";
//!         proxy_set_header Host $http_host;
//!         proxy_buffering off;
//!         gzip off;
//!         proxy_read_timeout 1h;
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
//! ```haproxy
//! frontend web
//!     bind :80
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
//!     server one 127.0.0.1:8080
//! ```
//!
//! ```caddy
//! events.example {
//!     reverse_proxy 127.0.0.1:8080 {
//!         @later status 502 503 504
//!         handle_response @later {
//!             header Content-Type text/event-stream
//!             respond "retry: 2000\n\n" 200
//!         }
//!     }
//!     handle_errors {
//!         header Content-Type text/event-stream
//!         respond "retry: 2000\n\n" 200
//!     }
//! }
//! ```
