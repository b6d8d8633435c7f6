//! A point in time with the zone of whoever recorded it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whole seconds since 1970-01-01 00:00 UTC, and the offset of the recorder's clock from UTC.
///
/// Ordered by the instant; the offset only breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time {
    /// Seconds since the epoch.
    pub seconds: i64,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Time {
    fn offset_of(self) -> jiff::tz::Offset {
        jiff::tz::Offset::from_seconds(self.offset).unwrap_or(jiff::tz::Offset::UTC)
    }

    /// From what a person writes: a time in RFC 3339, a date (its first second in the zone of `now`), or how long ago:
    /// `30 days`, `2 weeks ago`, `12h`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn from_words(text: &str, now: Self) -> Result<Self, ParseTimeError> {
        if let Ok(time) = text.parse() {
            return Ok(time);
        }
        let bad = || ParseTimeError(text.to_owned());
        if let Ok(date) = text.parse::<jiff::civil::Date>() {
            let zone = jiff::tz::TimeZone::fixed(now.offset_of());
            let start = date.to_zoned(zone).map_err(|_| bad())?;
            return Ok(Self { seconds: start.timestamp().as_second(), offset: now.offset });
        }
        let words = text.trim().trim_end_matches("ago").trim();
        let at = words.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, unit) = words.split_at(at);
        let number: i64 = number.parse().map_err(|_| bad())?;
        const DAY: i64 = 24 * 60 * 60;
        let length = match unit.trim() {
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 60 * 60,
            "d" | "day" | "days" => DAY,
            "w" | "week" | "weeks" => 7 * DAY,
            "month" | "months" => 30 * DAY,
            "y" | "year" | "years" => 365 * DAY,
            _ => return Err(bad()),
        };
        let ago = number.checked_mul(length).ok_or_else(bad)?;
        Ok(Self { seconds: now.seconds.saturating_sub(ago), offset: now.offset })
    }

    /// `2026-11-23 14:05`, for lists.
    pub fn to_minute(self) -> String {
        let timestamp = jiff::Timestamp::from_second(self.seconds).unwrap_or_default();
        self.offset_of().to_datetime(timestamp).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// `2026-11-23 14:05:09 +0100`, for people.
    pub fn to_human(self) -> String {
        let timestamp = jiff::Timestamp::from_second(self.seconds).unwrap_or_default();
        self.offset_of().to_datetime(timestamp).strftime("%Y-%m-%d %H:%M:%S").to_string() + &self.zone()
    }

    fn zone(self) -> String {
        let minutes = self.offset_of().seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        format!(" {sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }
}

/// RFC 3339, `2026-11-23T14:05:09+01:00`; parses back.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = jiff::Timestamp::from_second(self.seconds).unwrap_or_default();
        write!(f, "{}", timestamp.display_with_offset(self.offset_of()))
    }
}

/// The text is no time in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a time: expected for example 2026-11-23T14:05:09+01:00")]
pub struct ParseTimeError(String);

impl FromStr for Time {
    type Err = ParseTimeError;
    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        let bad = |_| ParseTimeError(text.to_owned());
        let pieces = jiff::fmt::temporal::DateTimeParser::new().parse_pieces(text).map_err(bad)?;
        let timestamp: jiff::Timestamp = text.parse().map_err(bad)?;
        let offset = pieces.to_numeric_offset().map_or(0, jiff::tz::Offset::seconds);
        Ok(Self { seconds: timestamp.as_second(), offset })
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_and_parsed_back() {
        let time = Time { seconds: 1_795_439_109, offset: 3600 };
        assert_eq!(time.to_string().parse::<Time>().unwrap(), time);
        assert!(time.to_human().ends_with(" +0100"), "{}", time.to_human());
        let west = Time { seconds: 0, offset: -12_600 };
        assert_eq!(west.to_human(), "1969-12-31 20:30:00 -0330");
        assert_eq!(west.to_string().parse::<Time>().unwrap(), west);
        assert!("yesterday".parse::<Time>().is_err());
        let now = Time { seconds: 1_000_000_000, offset: 7200 };
        let words = |text: &str| Time::from_words(text, now).map(|time| now.seconds - time.seconds);
        assert_eq!(words("30 days").unwrap(), 30 * 86400);
        assert_eq!(words("2 weeks ago").unwrap(), 14 * 86400);
        assert_eq!(words("12h").unwrap(), 12 * 3600);
        let date = Time::from_words("2001-09-09", now).unwrap();
        assert_eq!(date.to_string(), "2001-09-09T00:00:00+02:00");
        assert_eq!(date.to_minute(), "2001-09-09 00:00");
        for bad in ["", "days", "3 moons", "-3 days", "99999999999999999999 days", "2001-13-01"] {
            assert!(Time::from_words(bad, now).is_err(), "{bad}");
        }
    }
}
