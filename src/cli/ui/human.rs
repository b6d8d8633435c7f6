//! Numbers as people read them.

use std::borrow::Cow;
use std::time::Duration;

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 B`, `1.5 KiB`, `23 MiB`: binary units, at least two digits.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024 of a unit that has a next one.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS[unit];
    if value < 9.95 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

/// `1 file`, `2,000 files`; `many` when it is not `one` with an `s`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A text of somebody else's in one line, with nothing in it that a terminal would obey: control characters and those that
/// turn the direction of writing are shown as `\x1b` or `\u{202e}`. Tabs stay.
pub(crate) fn tame(text: &str) -> Cow<'_, str> {
    let is_wild = |c: char| {
        (c.is_control() && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_wild) {
        return Cow::Borrowed(text);
    }
    let mut tamed = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => tamed.push_str("\\n"),
            '\r' => tamed.push_str("\\r"),
            c if is_wild(c) && u32::from(c) < 0x80 => tamed.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if is_wild(c) => tamed.extend(c.escape_unicode()),
            c => tamed.push(c),
        }
    }
    Cow::Owned(tamed)
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// How many times smaller: `3.4x`; `-` where nothing is divided.
pub(crate) fn ratio(logical: u64, stored: u64) -> String {
    if stored == 0 || logical == 0 {
        return "-".to_owned();
    }
    let value = logical as f64 / stored as f64;
    match value {
        ..0.95 => format!("{value:.2}x"),
        ..99.95 => format!("{value:.1}x"),
        _ => format!("{value:.0}x"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others() {
        assert_eq!(tame("plain\tünïcödé 日本"), "plain\tünïcödé 日本");
        assert_eq!(tame("\x1b[31mred\x07\r\n\u{85}\u{202e}"), r"\x1b[31mred\x07\r\n\u{85}\u{202e}");
    }

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1023, 1024, 1536, 10 * 1024, 1_048_575, 1_048_576, 5_000_000_000].map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 KiB", "1.0 MiB", "1.0 MiB", "4.7 GiB"]
        );
        assert_eq!(size(u64::MAX), "16 EiB");
        assert_eq!(plural(1, "file", "files"), "1 file");
        assert_eq!(plural(2000, "entry", "entries"), "2,000 entries");
        assert_eq!(
            [350, 12_900, 200_000, 7_500_000].map(|ms| duration(Duration::from_millis(ms))),
            ["0.3 s", "12 s", "3 min 20 s", "2 h 5 min"]
        );
        assert_eq!((ratio(34, 10), ratio(0, 0), ratio(1000, 10)), ("3.4x".into(), "-".into(), "100x".into()));
    }
}
