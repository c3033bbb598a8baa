//! What must be there after a kill, what may be, and what must not.

use super::payload::Found;
use super::publisher::{Answer, Sent};
use super::reader::is_told;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Judges a round by what the journal has of it: `found` is all that it has behind what it had before, in its order.
///
/// Acknowledged: there, once, where the answer said, in order. Not answered: whole or not there. Refused: not there. What a
/// reader saw is there where it saw it. What asked for memory alone may be gone, if that `may_lose` and each of its offsets
/// was `told` to be missing.
pub(super) fn check(
    sent: &[Sent],
    found: &[Found],
    seen: &[Found],
    may_lose: bool,
    told: &[Range<u64>],
) {
    let mut places: HashMap<(u64, u64), u64> = HashMap::new();
    for event in found {
        let twice = places.insert((event.p, event.n), event.offset);
        assert_eq!(twice, None, "{event:?} is there twice");
    }
    let mut known = HashSet::new();
    for sent in sent {
        let numbers = sent.n..sent.n + sent.count;
        let places: Vec<u64> = numbers
            .clone()
            .filter_map(|n| places.get(&(sent.p, n)).copied())
            .collect();
        known.extend(numbers.map(|n| (sent.p, n)));
        let is_whole = places.len() as u64 == sent.count;
        assert!(
            is_whole || places.is_empty(),
            "a part of a batch: {sent:?} at {places:?}"
        );
        let dense = places.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        assert!(dense, "not in order: {sent:?} at {places:?}");
        match sent.answer {
            Answer::Acknowledged(first) => {
                let is_lost = may_lose && !sent.is_kept && is_told(told, first..first + sent.count);
                assert!(is_whole || is_lost, "acknowledged and lost: {sent:?}");
                assert!(
                    places.first().is_none_or(|place| *place == first),
                    "{sent:?} at {places:?}"
                );
            }
            Answer::Refused => assert!(places.is_empty(), "refused: {sent:?} at {places:?}"),
            Answer::Nothing => {}
        }
    }
    for event in found {
        assert!(
            known.contains(&(event.p, event.n)),
            "nobody published {event:?}"
        );
    }
    let kept: HashSet<(u64, u64)> = sent
        .iter()
        .filter(|sent| sent.is_kept)
        .flat_map(|sent| (sent.n..sent.n + sent.count).map(|n| (sent.p, n)))
        .collect();
    for event in seen
        .iter()
        .filter(|event| known.contains(&(event.p, event.n)))
    {
        let place = places.get(&(event.p, event.n)).copied();
        let is_lost = may_lose
            && !kept.contains(&(event.p, event.n))
            && place.is_none()
            && is_told(told, event.offset..event.offset + 1);
        assert!(
            is_lost || place == Some(event.offset),
            "seen and not there: {event:?}, but {place:?}"
        );
    }
}

/// The checker itself finds what it is for.
#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Sent = Sent {
        p: 1,
        n: 5,
        count: 2,
        is_kept: true,
        answer: Answer::Acknowledged(10),
    };

    fn found(offset: u64, n: u64) -> Found {
        Found { offset, p: 1, n }
    }

    fn is_refused(sent: Sent, there: &[Found], seen: &[Found]) -> bool {
        let (there, seen) = (there.to_vec(), seen.to_vec());
        std::panic::catch_unwind(move || check(&[sent], &there, &seen, false, &[])).is_err()
    }

    #[test]
    fn what_is_lost_or_torn_is_found() {
        let whole = [found(10, 5), found(11, 6)];
        check(&[SENT], &whole, &whole, false, &[]);
        let unanswered = Sent {
            answer: Answer::Nothing,
            ..SENT
        };
        check(&[unanswered], &whole, &[], false, &[]);
        check(&[unanswered], &[], &[], false, &[]);
        let refused = Sent {
            answer: Answer::Refused,
            ..SENT
        };
        assert!(is_refused(SENT, &[], &[]), "lost");
        assert!(is_refused(unanswered, &whole[..1], &[]), "torn");
        assert!(
            is_refused(SENT, &[found(11, 5), found(12, 6)], &[]),
            "elsewhere"
        );
        assert!(
            is_refused(SENT, &[found(11, 5), found(10, 6)], &[]),
            "out of order"
        );
        assert!(
            is_refused(SENT, &[whole[0], whole[1], found(12, 5)], &[]),
            "twice"
        );
        assert!(is_refused(refused, &whole, &[]), "refused and there");
        assert!(is_refused(unanswered, &[], &whole), "seen and lost");
        assert!(
            is_refused(SENT, &[whole[0], whole[1], found(12, 9)], &[]),
            "of nobody"
        );
    }

    #[test]
    fn what_was_in_memory_alone_may_be_lost_where_that_is_told() {
        let sent = Sent {
            is_kept: false,
            ..SENT
        };
        let seen = [found(10, 5)];
        let is_fine = |told: Range<u64>| {
            let check = move || check(&[sent], &[], &seen, true, &[told]);
            std::panic::catch_unwind(check).is_ok()
        };
        assert!(is_fine(10..12));
        assert!(is_fine(1..100));
        assert!(!is_fine(0..0), "nothing was told");
        assert!(!is_fine(10..11), "half of it was told");
        assert!(!is_fine(12..50), "something else was told");
    }
}
