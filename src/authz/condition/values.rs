//! The typed values that operators compare.

use core::net::IpAddr;

use time::{Date, Month};

/// Reads a number: digits with a sign and a fraction, if any.
pub(super) fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if is_plain { text.parse().ok() } else { None }
}

/// Seconds and nanoseconds since 1970 in UTC.
pub(super) type Moment = (i64, u32);

/// Reads a date: seconds since 1970, or ISO 8601 in the forms of <https://www.w3.org/TR/NOTE-datetime>.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // Four digits are a year.
    if digits.len() != 4 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some((text.parse().ok()?, 0));
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = digits_of(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |month| digits_of(month, 2))?;
    let day = parts.next().map_or(Some(1), |day| digits_of(day, 2))?;
    if parts.next().is_some() || (time.is_some() && date.len() != 10) {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let midnight = date.midnight().assume_utc().unix_timestamp();
    let (seconds, nanoseconds) = time.map_or(Some((0, 0)), time_of_day)?;
    Some((midnight + seconds, nanoseconds))
}

/// Reads `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fraction` with its zone, as seconds from midnight in UTC.
fn time_of_day(text: &str) -> Option<Moment> {
    let at = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at(at);
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits_of(parts.next()?, 2)?, digits_of(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (digits_of(seconds, 2)?, 0),
            Some((seconds, fraction)) => (digits_of(seconds, 2)?, nanoseconds(fraction)?),
        },
    };
    let in_range = hour < 24 && minute < 60 && second < 61;
    in_range.then_some((hour * 3600 + minute * 60 + second - offset(zone)?, fraction))
}

/// How many seconds a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    Some(sign * (digits_of(hours, 2)? * 3600 + digits_of(minutes, 2)? * 60))
}

fn digits_of(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn nanoseconds(fraction: &str) -> Option<u32> {
    let first_nine = fraction.get(..9.min(fraction.len()))?;
    let is_digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    is_digits.then(|| format!("{first_nine:0<9}").parse().ok())?
}

/// A range of addresses in CIDR notation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `203.0.113.0/24`; an address by itself is a range of one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix <= longest).then_some(Self { address, prefix })
    }

    /// Whether it is wider than any range that is assigned to one owner.
    pub(super) fn is_wide(self) -> bool {
        self.prefix < if self.address.is_ipv4() { 8 } else { 16 }
    }

    /// Whether an address lies in the range.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = u32::from(own) ^ u32::from(other);
                differing.checked_shr(32 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = u128::from(own) ^ u128::from(other);
                differing.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Base64 without its padding: equal for equal bytes.
pub(super) fn binary(text: &str) -> Option<&str> {
    let digits = text.trim_end_matches('=');
    let is_base64 = digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    (is_base64 && digits.len() % 4 != 1 && text.len() - digits.len() <= 2).then_some(digits)
}
