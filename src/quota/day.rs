//! A calendar day, for what ends by itself. The caller says which day it is: there is no clock in here.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day of the years 1970 to 9999 in UTC, `2027-03-01`.
///
/// # Examples
///
/// ```
/// use nologd::quota::Day;
///
/// assert_eq!(Day::from_unix(1_803_859_200), Day::parse("2027-03-01").unwrap());
/// assert!(Day::parse("2027-02-29").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

/// Days from 1970-01-01 to 2020-01-01.
const UNTIL_2020: u64 = 50 * 365 + 12;

impl Day {
    /// Reads `YYYY-MM-DD`; a day that does not exist is none.
    pub fn parse(text: &str) -> Option<Day> {
        let (year, rest) = text.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
            return None;
        }
        let found = Day { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
        let exists = found.year >= 1970 && (1..=12).contains(&found.month) && (1..=found.length()).contains(&found.day);
        exists.then_some(found)
    }

    /// The day of a Unix time, in seconds.
    pub fn from_unix(seconds: u64) -> Day {
        let mut left = seconds / 86_400;
        let mut day = Day { year: 1970, month: 1, day: 1 };
        // Fifty years in one step: today is asked for some thirty times for each message that is sent.
        if left >= UNTIL_2020 {
            left -= UNTIL_2020;
            day.year = 2020;
        }
        loop {
            let year = if leap(day.year) { 366 } else { 365 };
            if left < year || day.year == 9999 {
                break;
            }
            left -= year;
            day.year += 1;
        }
        while left >= u64::from(day.length()) && day.month < 12 {
            left -= u64::from(day.length());
            day.month += 1;
        }
        // Below 31, except far beyond the year 9999.
        day.day = u8::try_from(left + 1).unwrap_or(31).min(31);
        day
    }

    /// `YYYY-MM-DD`.
    pub fn print(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// The year, the month from 1, the day from 1.
    pub fn parts(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }

    /// Days in this day's month.
    fn length(self) -> u8 {
        match self.month {
            2 if leap(self.year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Day, &'static str> {
        Day::parse(text).ok_or("This is no day. Write it like 2027-03-01.")
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.print())
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        crate::words::read(deserializer)
    }
}

fn leap(year: u16) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_exist_and_days_that_do_not() {
        for text in ["1970-01-01", "2024-02-29", "2027-03-01", "2000-02-29", "9999-12-31"] {
            assert_eq!(Day::parse(text).map(Day::print).as_deref(), Some(text));
        }
        for text in
            ["", "2027-3-1", "2023-02-29", "2100-02-29", "2027-13-01", "2027-00-10", "1969-12-31", "+027-01-01", "2027-03-01 "]
        {
            assert!(Day::parse(text).is_none(), "{text}");
        }
        assert!(Day::parse("2027-03-01") > Day::parse("2026-12-31"));
    }

    #[test]
    fn unix_times() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_577_836_799, "2019-12-31"),
            (1_577_836_800, "2020-01-01"),
            (1_735_689_599, "2024-12-31"),
            (1_803_859_200, "2027-03-01"),
            (u64::MAX, "9999-12-31"),
        ] {
            assert_eq!(Day::from_unix(seconds).print(), text);
        }
    }
}
