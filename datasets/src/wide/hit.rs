//! The columns of `hits`: said once, as the type of a row, as a table and as what is written.

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{Date, Decimal, RowWriter, Timestamp};

/// What stands in a column.
trait Put: Sized {
    /// Whether NULL may stand in its column.
    const NULLABLE: bool = false;

    /// What stands in a row that is yet to be filled.
    fn none() -> Self;

    fn put(&self, row: &mut dyn RowWriter);
}

impl Put for i64 {
    fn none() -> Self {
        0
    }

    fn put(&self, row: &mut dyn RowWriter) {
        row.int(*self);
    }
}

impl Put for String {
    fn none() -> Self {
        Self::new()
    }

    fn put(&self, row: &mut dyn RowWriter) {
        row.text(self);
    }
}

impl Put for Timestamp {
    fn none() -> Self {
        Self(0)
    }

    fn put(&self, row: &mut dyn RowWriter) {
        row.timestamp(*self);
    }
}

impl Put for Date {
    fn none() -> Self {
        Self(0)
    }

    fn put(&self, row: &mut dyn RowWriter) {
        row.date(*self);
    }
}

impl Put for Option<Decimal> {
    const NULLABLE: bool = true;

    fn none() -> Self {
        None
    }

    fn put(&self, row: &mut dyn RowWriter) {
        match self {
            Some(decimal) => row.decimal(*decimal),
            None => row.null(),
        }
    }
}

/// A column whose values are of type `V`.
fn column<V: Put>(name: &'static str, ty: ColumnType) -> Column {
    let column = Column::new(name, ty);
    if V::NULLABLE { column.nullable() } else { column }
}

macro_rules! columns {
    ($($(#[$doc:meta])+ $name:ident: $value:ty, $column:expr;)+) => {
        /// A row of `hits`: a page that somebody looked at.
        #[derive(Clone, Debug)]
        pub struct Hit {
            $($(#[$doc])+ pub $name: $value,)+
        }

        /// The table. Its only index is the primary key: scans are what is measured.
        pub(super) fn table() -> Table {
            let columns = vec![$(column::<$value>(stringify!($name), $column)),+];
            Table::new(super::TABLE, columns).primary_key(&["event_id"])
        }

        impl Hit {
            /// A row with nothing in it, to be filled.
            pub(super) fn empty() -> Self {
                Self { $($name: <$value as Put>::none(),)+ }
            }

            /// Writes the row, column by column.
            pub(super) fn write(&self, row: &mut dyn RowWriter) {
                $(self.$name.put(row);)+
            }
        }
    };
}

use ColumnType::{BigInt, Char, Int, SmallInt, Varchar};

columns! {
    /// The primary key: the rows are counted from 1, in the order of time.
    event_id: i64, BigInt;
    /// When, in whole seconds; never before the row before.
    event_time: Timestamp, ColumnType::Timestamp;
    /// The day of `event_time`.
    event_date: Date, ColumnType::Date;
    /// The site, 1 to 5,000: zipfian.
    counter_id: i64, Int;
    /// The size of the site, by its rank: 3 for the ten most popular, 2 for the next 90, 1 for the
    /// next 900, else 0.
    counter_class: i64, SmallInt;
    /// The visitor, one of 1,000,000 numbers below 2^50: zipfian.
    user_id: i64, BigInt;
    /// The visitor on that day: every hit of a user on a day has the same.
    session_id: i64, BigInt;
    /// The visitor's address, 2^24 and more: the user's own, for one hit in ten another.
    client_ip: i64, Int;
    /// The upper bits of `client_ip`.
    ip_network: i64, Int;
    /// The visitor's region, 1 to 1,000: zipfian over users.
    region_id: i64, Int;
    /// The country of the region, one of 16.
    country: String, Char(2);
    /// The visitor's language: the country's for 85 % of users, else `en`.
    language: String, Varchar(5);
    /// The country's distance from UTC in minutes.
    time_zone_min: i64, SmallInt;
    /// The hour of the day at the visitor's, 0 to 23.
    local_hour: i64, SmallInt;
    /// The operating system: 1 to 6, most often 1.
    os: i64, SmallInt;
    /// Its version.
    os_major: i64, SmallInt;
    /// The browser: 1 to 6, most often 1.
    browser: i64, SmallInt;
    /// Its version, 80 to 128: most often near the newest.
    browser_major: i64, SmallInt;
    /// The rest of its version: `0` for nine users in ten.
    browser_minor: String, Varchar(12);
    /// What the browser calls itself: of what is above, so one text for many users.
    user_agent: String, Varchar(160);
    /// Whether the operating system is a telephone's (4 to 6).
    is_mobile: i64, SmallInt;
    /// The telephone's maker, 1 to 8; 0 where there is none.
    phone_brand: i64, SmallInt;
    /// Its model, one of 40 of each maker; empty for all who have no telephone and a third of the rest.
    phone_model: String, Varchar(24);
    /// Pixels of the screen across: one of eight sizes.
    screen_width: i64, SmallInt;
    /// Pixels of the screen down.
    screen_height: i64, SmallInt;
    /// Bits of a colour: 24, for one user in ten 30.
    color_depth: i64, SmallInt;
    /// Pixels of the window across: the screen's, less up to 199 where it is no telephone's.
    window_width: i64, SmallInt;
    /// Pixels of the window down: less than the screen's.
    window_height: i64, SmallInt;
    /// Whether the visitor is a program: one user in twenty.
    is_robot: i64, SmallInt;
    /// The visitor's age, 16 to 80; 0 where it is not known, which is so of 60 % of users.
    age: i64, SmallInt;
    /// 1 or 2; 0 where it is not known.
    sex: i64, SmallInt;
    /// 1 to 5; 0 where it is not known.
    income: i64, SmallInt;
    /// A bit for each of 16 interests; 0 for half of the users.
    interests: i64, Int;
    /// The page: https, the site's host, a section, words and a number. Zipfian over the site's
    /// pages, of which there are 100 to 100,000 by its class.
    url: String, Varchar(200);
    /// A hash of the page, positive.
    url_hash: i64, BigInt;
    /// The section of the page, 1 to 24; 0 for the site's first page.
    url_category: i64, SmallInt;
    /// The page's title.
    title: String, Varchar(160);
    /// Where the visitor came from: a page of the same site, a search engine, an advertisement, a
    /// network, another site; empty for a third.
    referer: String, Varchar(200);
    /// A hash of `referer`, positive; 0 where that is empty.
    referer_hash: i64, BigInt;
    /// The host of `referer`.
    referer_host: String, Varchar(64);
    /// What `referer` is: 0 nothing, 1 the same site, 2 a search engine, 3 an advertisement, 4 a
    /// network, 5 another site.
    traffic_source: i64, SmallInt;
    /// Which search engine, 1 to 5; mostly 0.
    search_engine: i64, SmallInt;
    /// What was searched for: zipfian over 100,000 phrases, of 1 to 4 words; empty in 87 % of rows.
    search_phrase: String, Varchar(80);
    /// Which advertiser, 1 to 8; 0 in 97 % of rows.
    ad_engine: i64, SmallInt;
    /// Of an advertisement its campaign; mostly empty.
    campaign: String, Varchar(40);
    /// Which network; empty in 96 % of rows.
    social_network: String, Varchar(16);
    /// Whether the page was asked for again: one hit in twelve.
    is_refresh: i64, SmallInt;
    /// Whether a link of a page led to it: sources 1 and 5.
    is_link: i64, SmallInt;
    /// Whether a file was fetched: one hit in 200.
    is_download: i64, SmallInt;
    /// Whether the visitor left at once.
    is_bounce: i64, SmallInt;
    /// What the server answered: 200, in two hits of a hundred 404 or 500.
    http_status: i64, SmallInt;
    /// Milliseconds to look up the host; 0 for seven hits in ten.
    dns_ms: i64, Int;
    /// Milliseconds to connect; 0 where `dns_ms` is.
    connect_ms: i64, Int;
    /// Milliseconds to the answer: some 100 in the median, with a long tail.
    response_ms: i64, Int;
    /// Bytes of the answer.
    page_bytes: i64, Int;
    /// Seconds on the page; 0 for who left at once.
    duration_s: i64, Int;
    /// What was ordered, in the currency of `currency`; NULL for all but some eight hits in 1,000.
    order_total: Option<Decimal>, ColumnType::Decimal(12, 2);
    /// Of an order its currency; else empty.
    currency: String, Varchar(3);
}
