//! The disk under the journal: what a crash takes along, how large it gets, and what to do when something is wrong.
//!
//! | it is three in the morning, and | go to |
//! | --- | --- |
//! | `/health/ready` is 503, or publishing is refused | [the states](#states-and-what-to-do) |
//! | a server was killed, or the power was gone | [what each crash takes along](#what-each-crash-takes-along) |
//! | the disk fills up | [how large it gets](#how-large-it-gets) |
//! | readers are told `gap` | [gaps](#gaps-and-their-reasons) |
//! | the clock was wrong | [the clock](#retention-and-the-clock) |
//! | a copy is to be taken, or put back | [backup](#backup-and-restore) |
//!
//! # What each crash takes along
//!
//! Of events whose publish was answered. A test of this crate makes all of these happen and writes the table; the power is cut
//! at 2,000 further places by `scripts/soak power`.
//!
//! | what happens | `durable` | `buffered` | `none` | publishing |
//! | --- | --- | --- | --- | --- |
//! | the process is killed (`kill -9`, OOM) | all is there | all is there | is lost, `crash` is told | after the restart |
//! | the power fails, or the kernel panics | all is there | may be lost, `crash` is told | is lost, `crash` is told | after the restart |
//! | the disk is full | all is there | all is there | all is there | 507 until there is room; `none` goes on |
//! | a flush or a write fails (EIO) | all is there, `crash` is told | may be lost, `crash` is told | is lost, `crash` is told | 503 until a restart; `none` goes on |
//! | the disk goes away, and the machine does not | all is there | may be lost, **without a word** | is lost, `crash` is told | 503 until a restart; `none` 503 until a restart |
//! | the folder is copied, with the server stopped | all is there, `reset` is told | all is there, `reset` is told | is lost, `crash` or `reset` is told | goes on, in either |
//! | a bit flips on the disk | what it hit is lost, `damaged` is told | what it hit is lost, `damaged` is told | is lost, `crash` is told | goes on |
//!
//! - What `buffered` may lose is what was published in the last 20 ms, of all topics at once; what is told reaches further than
//!   that, since nobody knows how many there were.
//! - A publish whose connection ended without an answer, or that was answered with *indeterminate*, is there as a whole or not
//!   at all. Publish it again with the same id, and let readers tell doubles by it.
//! - Where the disk itself says that it has flushed and has not, nothing of this holds: see [which disk](#which-disk).
//!
//! # States, and what to do
//!
//! `/health/ready` and the metric `eventring_journal_state` say in which state the journal is. `/health/live` stays 200 in all of
//! them, and readers are served: do not let a supervisor kill the server for it.
//!
//! | state | since | publishing | do |
//! | --- | --- | --- | --- |
//! | `writable` | all is well | goes on | nothing |
//! | `held` | another process reads or writes the database: a `sqlite3` shell, a backup tool. Its number is in the reason | goes on; the log of writes grows meanwhile, past 64 MiB | end that process, or its transaction |
//! | `full` | no room on the disk, or streams and holds alone take more than `--retention-bytes` | 507; `none` goes on | make room: the reason says which of the two. It goes on by itself within seconds; no restart is needed. Delete nothing in the folder |
//! | `poisoned` | a flush or a write failed: nobody knows what the disk has | 503; `none` goes on while it has offsets left | look at the kernel's log first (`dmesg`), then at the disk. Start the server again once the disk is well: nothing else ends this, and nothing is lost by it that was not lost already. Where it comes back at once, restore on another disk |
//! | `stalled` | a commit takes longer than 10 s: the disk hangs | waits, and is told that nobody knows; `none` waits, too | look at the disk or the volume behind it. It goes on by itself if the disk does |
//! | `closed` | the server is stopping | 503 | nothing |
//!
//! A server that does not start says why in one line, with exit code 2, and has changed nothing:
//!
//! | it says | do |
//! | --- | --- |
//! | in use by process N | two servers have one folder: stop that one, or give this one a folder of its own |
//! | not a journal; a database of another program | `--data` names the wrong folder |
//! | schema N is newer | a newer version has written it: use that version. There is no way back but a backup |
//! | damaged | not even the end of the log can be read: restore a backup, and keep the folder as it is for whoever looks at it |
//! | no space left on device | even what is kept in reserve is used up: make 20 MiB of room |
//!
//! # Gaps, and their reasons
//!
//! Readers that resume hear of everything that they missed and will never get, with a reason:
//!
//! | reason | since |
//! | --- | --- |
//! | `retention` | it was older than what is kept |
//! | `crash` | the process or the machine ended before it was as safe as it would have been |
//! | `aborted`, `indeterminate` | a commit failed; its publishers were told the same |
//! | `damaged` | the disk gave back something else than was written, or could not read it. Check the disk. `eventring journal verify` says which events are hit; `eventring journal repair` makes the journal anew of the rest, and moves the old files aside |
//! | `memory` | some of its topics are `none`: a bound on what may have been missed |
//!
//! Deleted, truncated and compacted events are not told: somebody asked for it.
//!
//! # How large it gets
//!
//! | file | bytes |
//! | --- | --- |
//! | `journal.sqlite` | the events, and what says where they are: some 390 bytes for one of 230 bytes of JSON, 90 with `--journal-compression deflate` |
//! | `journal.sqlite-wal` | the log of writes: 4 to 24 MiB under load. It is longer only while another process holds it, or a disk is full or slow |
//! | `journal.sqlite-shm` | its index: 32 KiB for each 4,000 pages of it |
//! | `reserve` | 8 MiB of nothing, given up when the disk is full, so that events can be read, and deleted, even then; taken again later |
//! | `durable`, `lock` | 16 KiB, and a line |
//!
//! `journal.sqlite` grows to what was kept at most, and does not shrink: what is deleted in it makes room for what comes.
//! `eventring_journal_bytes` says what is in use. Give the disk room for `--retention-bytes` and a fifth of that, 64 MiB at
//! least: the journal is told its bound, and looks every few commits. Beside other writers of the same disk it may
//! find no room below its bound; it deletes nothing then, and says 507.
//!
//! Until a row is merged it takes up whole pages: a single event that is committed alone writes some 20 KB into the log of
//! writes, and 64 in one batch 65 KB. On flash that wears out, batches and `buffered` write less.
//!
//! # Which disk
//!
//! A durable publish takes as long as the disk takes to flush, and all that wait at that moment share it: on a slow disk
//! the first publisher waits as long, and a thousand do no longer. Orders of magnitude, by kind:
//!
//! | disk | a flush |
//! | --- | --- |
//! | flash with capacitors (of data centres, most cloud-local ones) | 0.02 to 0.1 ms |
//! | flash of laptops and desktops | 0.5 to 5 ms |
//! | network volumes of clouds | 1 to 5 ms, now and then 100 |
//! | disks that turn | 5 to 15 ms |
//!
//! The metric `eventring_journal_commit_seconds` says what yours takes.
//!
//! - A local file system: ext4, XFS, ZFS, btrfs. On NFS, SMB and what clusters share, neither locks nor flushes can be
//!   relied upon, and two servers may believe that they are alone. A network *volume* (EBS, a disk in Ceph) is a local one.
//! - A disk or a hypervisor that is told to lie about flushes (`cache=unsafe`, `nobarrier`, a RAID controller with its
//!   cache on and no battery) loses what is durable with the power. Nobody can notice that before.
//! - tmpfs is memory: `kill -9` is survived, a restart of the machine is not.
//! - A container's own layer goes with the container: mount a volume at `--data`.
//! - A snapshot of a whole machine that is started twice, or set back, is the same log twice: positions then mean two
//!   events. Take a copy of the folder in it, which is noticed.
//!
//! # Backup and restore
//!
//! ```sh
//! eventring journal backup --data /var/lib/eventring /mnt/backup/today
//! eventring journal verify --data /mnt/backup/today
//! ```
//!
//! takes a copy of one moment, beside a running server too. With the server stopped the folder may be copied as well: all of
//! it, or `journal.sqlite` with `journal.sqlite-wal` and `durable`. The `-wal` belongs to it: without, the newest events are
//! gone. Do **not** copy the files of a running server one by one: each would be of another moment. Such a copy opens, or is
//! refused; it hands out nothing that was not published, but events are missing in it.
//!
//! A file system's snapshot of all files at one instant is as good as a loss of power: everything durable is in it.
//!
//! To restore, stop the server, move the old folder away, put the copy in its place, start. It is a log of its own from
//! then on, with a new epoch: readers that come with ids of the old one are told `reset` and begin anew, since what
//! the old one had after the copy was taken is not in this one.
//!
//! # Retention, and the clock
//!
//! The journal keeps at most `--retention-bytes` (10 GiB), and with `--retention-age` and `--retention-events` no more than those
//! say; topics may have bounds of their own. The oldest events go first. Events with a stream stay: a stream without its first events is
//! worse than a full disk. So does what a hold keeps.
//!
//! - What is over the bound goes within seconds, in steps between commits, a tenth of what is there in one pass at most, and for age
//!   at most once a minute.
//! - Where streams and holds alone are over the bound, publishing is 507 and the reason says so. Raise the bound, or let
//!   streams go, too.
//! - `recorded`, by which age and look-ups by time go, never goes back. Set back, the clock gives all events the newest time
//!   that there was, until it is later than that; set ahead for a while, it leaves that time behind, over restarts, too.
//! - A clock that jumps by more than ten minutes deletes nothing: age is suspended until it has been steady for an hour
//!   (`eventring_journal_age_suspended` is 1). Bytes and events go on.
