//! Parameters: what stands behind the question mark of an address, and what is refused there.
//!
//! `GET /` (with curl; a browser gets the dashboard) lists every route and its parameters; `GET /api/v1/openapi.json` says
//! the same to programs, with the schemas of bodies and answers (OpenAPI 3.1). Parameters are read strictly: a filter
//! that was left out because of a typing error would subscribe to everything.
//!
//! | in the address | answer |
//! | --- | --- |
//! | `?topics=a`, `?topic[]=a`, `?Topic=a`, and any other name that the route does not know | 400, `unknown parameter topics: did you mean topic?` |
//! | a parameter twice, but for `topic` (patterns add up) and `last-event-id` (the last one counts) | 400 |
//! | a value that is none: a number with a sign or a unit, a word that is not known | 400, which says what is expected |
//! | a name of the lists below | it passes and means nothing |
//!
//! | who adds it | names |
//! | --- | --- |
//! | what gets past caches, polyfills | `_`, `_dc`, `_t`, `_ts`, `cachebust`, `cachebuster`, `cache_buster`, `cb`, `evs_preamble`, `no-cache`, `no_cache`, `nocache`, `r`, `rand`, `random`, `rnd`, `t`, `timestamp`, `ts`, `v` |
//! | links and trackers | `utm_*`, `_ga`, `_gl`, `dclid`, `fbclid`, `gbraid`, `gclid`, `igshid`, `mc_cid`, `mc_eid`, `msclkid`, `ttclid`, `twclid`, `wbraid`, `yclid` |
//! | who authorizes | `access_token` |
//! | the configuration | [`allowed_parameters`](crate::gateway::ServerConfig::allowed_parameters), `--allowed-parameter tenant` |
//!
//! `/health/live`, `/health/ready` and their short names `/healthz` and `/readyz`, `/` and the dashboard's files leave everything alone: load balancers and links put there what they like.
//! So do routes of the program's own ([`socket`](crate::gateway::ServerBuilder::socket),
//! [`clients`](crate::gateway::ServerBuilder::clients)), whose handlers read the rest.
//!
//! Members of JSON bodies and of WebSocket requests are read in the same way: an unknown one is refused, and the
//! nearest that is known is told.
