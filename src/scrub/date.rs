//! Dates of header fields: any zone in, `+0000` out (RFC 5322 3.3, obsolete forms of 4.3 included).
//!
//! Absent on purpose: guessing. What is not a date by the RFC is `None`, and the caller decides.

use mail_parser::DateTime;

const MONTHS: [&[u8; 3]; 12] = [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Seconds since 1970 of the date in the value of a field. `None` if it is none, or outside of 1901 to 9998.
pub(super) fn instant(value: &[u8]) -> Option<i64> {
    let text = without_comments(value)?;
    let mut cursor = DateCursor { rest: &text };
    if !cursor.word().is_empty() {
        cursor.sign(b',');
    }
    let day = cursor.number(1..=2)?;
    let month = cursor.word();
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(&name[..]))? + 1;
    let year = full_year(cursor.number(2..=4)?);
    let hour = cursor.number(2..=2)?;
    let minute = cursor.sign(b':').then(|| cursor.number(2..=2))??;
    let second = if cursor.sign(b':') { cursor.number(2..=2)? } else { 0 };
    let offset = zone(&mut cursor)?;
    let local = DateTime {
        year: u16::try_from(year).ok()?,
        month: u8::try_from(month).ok()?,
        day: u8::try_from(day).ok()?,
        hour: u8::try_from(hour).ok()?,
        minute: u8::try_from(minute).ok()?,
        second: u8::try_from(second).ok()?,
        tz_before_gmt: false,
        tz_hour: 0,
        tz_minute: 0,
    };
    // RFC 5322 3.3: a leap second is 60; it becomes the next second, as Unix time has none.
    let fits = (1900..=9999).contains(&year) && hour <= 23 && minute <= 59 && second <= 60 && day >= 1;
    let midnight = DateTime { hour: 0, minute: 0, second: 0, ..local };
    let same_day = DateTime::from_timestamp(midnight.to_timestamp()) == midnight; // no 30 February
    // The zone may carry it into a year that could not be read again.
    let instant = local.to_timestamp() - offset;
    let writable = (1901..=9998).contains(&DateTime::from_timestamp(instant).year);
    (fits && same_day && writable && cursor.rest.is_empty()).then_some(instant)
}

/// The same of the date-time of APPEND (RFC 9051 9): `" 1-Nov-2026 10:00:00 +0100"`, without the quotes.
pub(super) fn internal(date_time: &[u8]) -> Option<i64> {
    let (day, time) = date_time.trim_ascii().split_at_checked(date_time.trim_ascii().iter().position(|b| *b == b' ')?)?;
    let day: Vec<u8> = day.iter().map(|b| if *b == b'-' { b' ' } else { *b }).collect();
    instant(&[&day[..], time].concat())
}

/// The instant as RFC 5322 3.3 writes it, in `+0000`.
pub(super) fn text(instant: i64) -> String {
    DateTime::from_timestamp(instant).to_rfc822()
}

/// RFC 5322 4.3.
fn full_year(written: u32) -> u32 {
    match written {
        0..=49 => 2000 + written,
        50..=999 => 1900 + written,
        _ => written,
    }
}

/// Seconds east of Greenwich.
fn zone(cursor: &mut DateCursor) -> Option<i64> {
    let sign = match (cursor.sign(b'+'), cursor.sign(b'-')) {
        (true, false) => 1,
        (false, true) => -1,
        (false, false) => return Some(hours_of(cursor.word())? * 3600),
        (true, true) => return None,
    };
    let digits = i64::from(cursor.number(4..=4)?);
    let (hours, minutes) = (digits / 100, digits % 100);
    (minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// RFC 5322 4.3: names of old; the military letters and all other names count as -0000, since nobody agrees on them.
fn hours_of(name: &[u8]) -> Option<i64> {
    match name.to_ascii_uppercase().as_slice() {
        b"" => None,
        b"EDT" => Some(-4),
        b"EST" | b"CDT" => Some(-5),
        b"CST" | b"MDT" => Some(-6),
        b"MST" | b"PDT" => Some(-7),
        b"PST" => Some(-8),
        _ => Some(0),
    }
}

/// The value with each comment as one blank. `None` if a comment never ends.
fn without_comments(value: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(value.len());
    let (mut depth, mut escaped) = (0u32, false);
    for &byte in value {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if depth > 0 => escaped = true,
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            _ if depth > 0 => {}
            _ => text.push(byte),
        }
        if byte == b')' && depth == 0 {
            text.push(b' ');
        }
    }
    while text.last().is_some_and(u8::is_ascii_whitespace) {
        text.pop();
    }
    (depth == 0).then_some(text)
}

struct DateCursor<'a> {
    rest: &'a [u8],
}

impl<'a> DateCursor<'a> {
    fn word(&mut self) -> &'a [u8] {
        self.take(u8::is_ascii_alphabetic)
    }

    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let word = self.take(u8::is_ascii_digit);
        let fits = digits.contains(&word.len());
        fits.then(|| word.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    fn sign(&mut self, sign: u8) -> bool {
        self.rest = self.rest.trim_ascii_start();
        let rest = self.rest.strip_prefix(&[sign]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take(&mut self, kind: fn(&u8) -> bool) -> &'a [u8] {
        self.rest = self.rest.trim_ascii_start();
        let length = self.rest.iter().take_while(|byte| kind(byte)).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(value: &str) -> String {
        instant(value.as_bytes()).map(text).unwrap_or_default()
    }

    #[test]
    fn every_zone_becomes_the_same_instant_with_its_own_weekday() {
        assert_eq!(utc(" Mon, 23 Nov 2026 00:30:05 +0100\r\n"), "Sun, 22 Nov 2026 23:30:05 +0000");
        assert_eq!(utc("31 Dec 2026 20:15 -0430"), "Fri, 1 Jan 2027 00:45:00 +0000");
        assert_eq!(utc("Wrong, 1 Mar 2024 00:00:00 +1400 (Kiritimati (\\) x))"), "Thu, 29 Feb 2024 10:00:00 +0000");
        assert_eq!(utc("Fri, 21 Nov 97 09(comment):   55  :  06 -0600"), "Fri, 21 Nov 1997 15:55:06 +0000");
        assert_eq!(utc("Thu, 1 Jan 70 00:00:00 EST"), "Thu, 1 Jan 1970 05:00:00 +0000");
        assert_eq!(utc("1 jan 126 12:00:00 GMT"), "Thu, 1 Jan 2026 12:00:00 +0000");
        assert_eq!(utc("Sat, 31 Dec 2016 23:59:60 Z"), "Sun, 1 Jan 2017 00:00:00 +0000");
        assert_eq!(utc("Mon, 2 Jan 1950 00:00:00 +0000"), "Mon, 2 Jan 1950 00:00:00 +0000");
        for written in ["Sun, 22 Nov 2026 23:30:05 +0000", "Fri, 1 Jan 2027 00:45:00 +0000"] {
            assert_eq!(utc(written), written);
        }
    }

    #[test]
    fn the_date_of_append() {
        assert_eq!(internal(b" 1-Nov-2026 10:00:00 +0100"), instant(b"Sun, 1 Nov 2026 09:00:00 +0000"));
        assert_eq!(internal(b"21-Nov-2026 10:00:00 -0930"), instant(b"21 Nov 2026 19:30:00 +0000"));
        assert_eq!(internal(b"yesterday"), None);
    }

    #[test]
    fn what_is_no_date() {
        for value in [
            "",
            "today",
            "Sun, 22 Nov 2026",
            "Sun, 22 Nov 2026 10:00:00",
            "Sun, 31 Feb 2026 10:00:00 +0000",
            "Sun, 0 Nov 2026 10:00:00 +0000",
            "Sun, 22 Nov 2026 24:00:00 +0000",
            "Sun, 22 Nov 2026 10:61:00 +0000",
            "Sun, 22 Nov 2026 10:00:00 +0061",
            "Sun, 22 Nov 2026 10:00:00 +0100 x",
            "Sun, 22 Nov 2026 10:00:00 +0100 (",
            "Sun, 22 Nov 20266 10:00:00 +0100",
            "2026-11-22T10:00:00Z",
            "31 Dec 9998 23:00:00 -0200",
            "1 Jan 1901 00:00:00 +0100",
            "Sun, 22 Nov 2026 10:00:00 \u{e9}",
        ] {
            assert_eq!(instant(value.as_bytes()), None, "{value}");
        }
    }
}
