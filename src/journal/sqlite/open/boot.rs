//! Which start of the machine this is: what was written and not flushed is gone with the one before.

use std::fs;

/// Returns a number that the machine has from one start to the next; 0: it does not say.
pub(in crate::journal::sqlite) fn boot() -> u64 {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.ok().and_then(|text| number(&text)).unwrap_or(0)
}

/// Returns the first half of a UUID.
fn number(uuid: &str) -> Option<u64> {
    let digits = uuid.chars().filter(char::is_ascii_hexdigit).take(16);
    u64::from_str_radix(&digits.collect::<String>(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_start_is_made_of_its_uuid() {
        let uuid = "01234567-89ab-4def-8000-0123456789ab\n";
        assert_eq!(number(uuid), Some(0x0123_4567_89ab_4def));
        assert_eq!(number(""), None);
        assert_eq!(boot(), boot());
    }
}
