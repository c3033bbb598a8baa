//! The text below the flags: examples and exit codes.

/// Below `-h`.
pub(super) const MORE: &str = "Try --help for all flags, examples and exit codes.";

pub(super) const MAIN: &str = "\
Examples:
  eventring                                     a server on 127.0.0.1:8080
  eventring publish --topic orders.eu orders.ndjson
  eventring tail --topic 'orders.>'
  eventring bench --spawn --connections 500
  eventring journal info

Exit codes:
  0    done; serve: stopped and everything went out
  1    publish: a bad line or a refusal; tail, history: the server refused for good; bench: an event
       was missing, twice or out of order without having been announced, or the run broke off;
       any: its result could not be written, as on a full disk
  2    wrong usage, a setting out of range, an address or a journal that cannot be used
  3    serve: stopped at the deadline with bytes or events left
  130  serve: ended at once by a second SIGINT (143: SIGTERM)";

pub(super) const SERVE: &str = "\
Every setting is a flag, an environment variable and a key of the settings file, in this order of
precedence. `eventring check-config` prints what holds and where it comes from. A variable that is
set but empty counts as not given.

Examples:
  eventring serve --listen 0.0.0.0:8080 --allowed-host events.example
  eventring serve --data /var/lib/eventring --durability buffered
  eventring serve --memory                      no journal: events are gone with the process
  eventring serve --config /etc/eventring.toml
  EVENTRING_CAPACITY=1000000 EVENTRING_RING_BYTES=1G eventring serve
  eventring serve --cors-origin https://app.example --log-format json

Exit codes:
  0    stopped by a signal, everything went out, and the journal is closed
  2    a setting that cannot be, an address that cannot be listened on, a journal that cannot be
       opened: another server has it, it cannot be written, or a newer version has written it
  3    stopped at the deadline with bytes left, or with events that are not in the journal
  130  ended at once by a second SIGINT (143: SIGTERM)";

pub(super) const PUBLISH: &str = "\
Examples:
  eventring publish --topic orders.eu orders.ndjson
  tail -f service.log | eventring publish --topic logs.service --format lines";

pub(super) const TAIL: &str = "\
Examples:
  eventring tail --topic 'orders.>' --from beginning
  eventring tail --topic orders.eu --topic orders.us --count 10 --format cloudevents
  eventring tail --topic 'orders.>' --ws";

pub(super) const HISTORY: &str = "\
Times are those at which the server took the events. What is missing is told on standard error.

Examples:
  eventring history --topic 'orders.>' --since 2026-11-30T09:00:00Z
  eventring history --topic orders.eu --order desc --limit 10 --format cloudevents
  eventring history --all --format cloudevents > events.ndjson

Exit codes:
  0    printed
  1    the server refused, cannot be reached or has hung up; the output could not be written
  2    wrong usage";

pub(super) const BENCH: &str = "\
Each payload carries its sequence and when it was due. Every client is judged on its own: what the
server announced as a gap is counted apart from what it lost without a word.

Memory of an idle client is the difference that all of them make, before anything is published. The
kernel's is that of the whole machine (/proc/net/sockstat): other traffic is in it, and each CPU counts
in steps of up to 1 MiB. What sockets take up without data in them is not.

Examples:
  eventring bench --spawn
  eventring bench --connections 5000 --rate 200 --seconds 30 --pid \"$(pidof eventring)\"
  eventring bench --rate max --window 64 --size 1K
  eventring bench --connections 400 --cut-share 0.5 --slow-share 0.1 --json
  eventring bench --spawn --connections 1000 --ws        (or --gzip)
  eventring bench --spawn --connections 1000 --rate 4000 --size 1K       more than it can carry
  eventring bench --spawn --storm --connections 128 --seconds 4
  eventring bench --spawn --first-byte

Exit codes:
  0    every client got every event once and in order, or was told which it did not get
  1    an event was missing, twice or out of order without a word, a connection of a storm was not
       answered, or the run broke off
  2    wrong usage, or more connections than this system lets one process have";

pub(super) const JOURNAL: &str = "\
The journal is in the folder of --data, as it is for `serve`. info, verify, export and backup change
nothing, and work beside a running server; import, scavenge and repair are for a journal that nobody has
open.

Examples:
  eventring journal info
  eventring journal verify --data /var/lib/eventring --deep
  eventring journal export --topic 'orders.>' orders.ndjson
  eventring journal import --data ./restored orders.ndjson
  eventring journal backup /mnt/backup/2026-11-30

Exit codes:
  0    done
  1    verify: something is damaged; export: something could not be read; import: not all was taken;
       backup: not made; any: its result could not be written
  2    wrong usage, a folder that is no journal, one that another process has open";

pub(super) const JOURNAL_INFO: &str = "\
Examples:
  eventring journal info --data /var/lib/eventring
  eventring journal info --json | jq .bytes";

pub(super) const JOURNAL_VERIFY: &str = "\
Every row is read: checksums, links, topics, versions of streams, indexes, and that the log ends where
the mark beside it says. Damage is printed by offset; --deep looks into events and pages, too.

Examples:
  eventring journal verify
  eventring journal verify --deep --json

Exit codes:
  0    everything is as it was written
  1    something is damaged: its offsets are on standard output
  2    wrong usage, or a folder that is no journal";

pub(super) const JOURNAL_EXPORT: &str = "\
One event a line, in structured CloudEvents JSON, with what the journal knows of it in attributes that
begin with `eventring`; a first and a last line make the export one that can be seen to be whole.
State (topics, endpoints, checkpoints) is not in it: `backup` copies that.

Examples:
  eventring journal export events.ndjson
  eventring journal export --topic 'orders.>' --since 2026-11-30T09:00:00Z | gzip > orders.ndjson.gz
  eventring journal export --topic orders.eu | eventring publish --topic orders.eu --format cloudevents

Exit codes:
  0    written
  1    some events are damaged and not in it, or it could not be written to its end
  2    wrong usage, or a folder that is no journal";

pub(super) const JOURNAL_IMPORT: &str = "\
Into a journal without events an export is taken as it was: numbers, times, batches, versions of
streams; the epoch is the journal's own, so that positions of the old log are never taken for those of
the new one. With --append events get new numbers behind those that are there; their times do not go
back, and a stream goes on where it is. What was taken stays when an import breaks off: the same
command again goes on behind it.

Examples:
  eventring journal import --data ./restored events.ndjson
  zcat orders.ndjson.gz | eventring journal import --data /var/lib/eventring --append

Exit codes:
  0    all of it is in the journal, and flushed
  1    some of it is not; standard error says what, and how to go on
  2    wrong usage, or a journal that cannot be used";

pub(super) const JOURNAL_BACKUP: &str = "\
The copy is of one moment, flushed, and has everything: events, state, settings. Opened, it is a log of
its own with a new epoch. To restore, start a server with --data on it. While it is made, the log of
writes of a running server grows by what is written.

Examples:
  eventring journal backup /mnt/backup/2026-11-30
  eventring journal verify --data /mnt/backup/2026-11-30 --deep";

pub(super) const JOURNAL_SCAVENGE: &str = "\
A server does this by itself, a bounded amount at a time. Here all of it is done at once: rows that were
truncated, compacted or went by a bound are removed, those of which half has gone are written anew. Bounds
are those of the flags, and none without them; what topics have of their own is the server's. The file
does not shrink: free pages are used again. With --erase no byte of what has gone is left in the files,
but for the names of streams, whose versions go on; copies that the file system or the disk keeps
elsewhere are out of reach.

Age goes by the clock where that is within ten minutes of the time at which the journal was used last;
otherwise nothing goes by it.

Examples:
  eventring journal scavenge
  eventring journal scavenge --retention-bytes 2G
  eventring journal scavenge --erase --data /var/lib/eventring

Exit codes:
  0    done
  1    not done to its end: standard error says why; no event that was to stay is lost
  2    wrong usage, a folder that is no journal, one that a server has open";

pub(super) const JOURNAL_REPAIR: &str = "\
Without --apply it checks as `verify --deep` does, and says what would be done. With it everything that
can be read is copied into a new database, which takes the place of the old one; ranges that cannot be
read are written down, and readers are told of them. Nothing is deleted: the files that were there lie
in the folder repair-TIME within the journal's, and are yours to remove. There has to be room for both.

Examples:
  eventring journal repair --data /var/lib/eventring
  eventring journal repair --data /var/lib/eventring --apply

Exit codes:
  0    nothing was to be done, or it is done
  1    without --apply: something is damaged; with it: the repair failed, and nothing has changed
  2    wrong usage, a folder that is no journal, one that a server has open, or one of which not even
       the end can be read: restore a backup";

pub(super) const CHECK_CONFIG: &str = "\
Prints what `serve` would use with the same file, environment and flags, in the form of a settings
file. All mistakes are told at once.

Examples:
  eventring check-config eventring.toml
  eventring check-config > eventring.toml       a file with every setting to start from

Exit codes:
  0    the settings can be used
  1    they could not be printed
  2    they cannot be used; standard error says why";

pub(super) const COMPLETIONS: &str = "\
Examples:
  eventring completions bash > ~/.local/share/bash-completion/completions/eventring
  eventring completions zsh > \"${fpath[1]}/_eventring\"
  eventring completions fish > ~/.config/fish/completions/eventring.fish";

pub(super) const MAN: &str = "\
Examples:
  eventring man | man -l -
  eventring man serve > eventring-serve.1";
