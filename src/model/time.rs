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
    }
}
