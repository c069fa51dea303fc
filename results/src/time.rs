//! Moments as text.

use std::time::SystemTime;

use jiff::Timestamp;

/// RFC 3339 in UTC with milliseconds: `2026-11-23T20:15:30.042Z`. A moment that the calendar does
/// not reach (before the year -9999, after 9999) is given as the nearest that it does.
pub fn rfc3339(moment: SystemTime) -> String {
    timestamp(moment).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Sortable and fit for a folder's name: `20261123-201530`.
pub(crate) fn compact(moment: SystemTime) -> String {
    timestamp(moment).strftime("%Y%m%d-%H%M%S").to_string()
}

fn timestamp(moment: SystemTime) -> Timestamp {
    let nearest = if moment < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(moment).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{compact, rfc3339};

    #[test]
    fn moments_are_utc_with_milliseconds() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_464_930_042_999_999);
        assert_eq!(rfc3339(moment), "2026-11-23T20:15:30.042Z");
        assert_eq!(compact(moment), "20261123-201530");
    }
}
