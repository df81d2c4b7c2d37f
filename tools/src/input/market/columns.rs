//! Which column of a market file holds what: by the names that the session gives, or else by the usual ones.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::input::market::layout::Layout;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// What a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// When a bar begins.
    Time,
    /// The day on which a bar begins, where the time of day stands in a column of its own.
    Date,
    /// Whole milliseconds since midnight of that day.
    TimeOfDayMs,
    /// The first price.
    Open,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
    /// The last price.
    Close,
    /// What was traded. Where it is not named, the file need not have it.
    Volume,
    /// The first price of the best bid.
    BidOpen,
    /// The highest price of the best bid.
    BidHigh,
    /// The lowest price of the best bid.
    BidLow,
    /// The last price of the best bid.
    BidClose,
    /// The first price of the best ask.
    AskOpen,
    /// The highest price of the best ask.
    AskHigh,
    /// The lowest price of the best ask.
    AskLow,
    /// The last price of the best ask.
    AskClose,
}

impl Role {
    /// All of them, in the order of a file that had them all.
    pub const ALL: &[Self] = &[
        Self::Time,
        Self::Date,
        Self::TimeOfDayMs,
        Self::Open,
        Self::High,
        Self::Low,
        Self::Close,
        Self::Volume,
        Self::BidOpen,
        Self::BidHigh,
        Self::BidLow,
        Self::BidClose,
        Self::AskOpen,
        Self::AskHigh,
        Self::AskLow,
        Self::AskClose,
    ];

    /// Its name under `columns:` in a session file, which is also its first usual name.
    pub fn as_str(self) -> &'static str {
        self.usual().first().copied().unwrap_or_default()
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }

    /// Whether it is one of the prices.
    pub(crate) const fn is_price(self) -> bool {
        !matches!(self, Self::Time | Self::Date | Self::TimeOfDayMs | Self::Volume)
    }

    /// Whether a column called so is known to have this role without a word.
    pub(super) fn is_usual(self, name: &str) -> bool {
        self.usual().iter().any(|usual| is_usual(name, usual))
    }

    /// The names that columns of this role usually have; earlier ones win.
    const fn usual(self) -> &'static [&'static str] {
        match self {
            Self::Time => &[
                "time",
                "timestamp",
                "date",
                "open_time",
                "datetime",
                "timestamp_ms",
                "timestamp_us",
                "timestamp_ns",
                "timestamp_s",
                "open_time_ms",
                "time_ms",
                "ts",
            ],
            Self::Date => &["date", "yyyymmdd"],
            Self::TimeOfDayMs => &["time_of_day_ms", "ms"],
            Self::Open => &["open"],
            Self::High => &["high"],
            Self::Low => &["low"],
            Self::Close => &["close"],
            Self::Volume => &["volume"],
            Self::BidOpen => &["bid_open"],
            Self::BidHigh => &["bid_high"],
            Self::BidLow => &["bid_low"],
            Self::BidClose => &["bid_close"],
            Self::AskOpen => &["ask_open"],
            Self::AskHigh => &["ask_high"],
            Self::AskLow => &["ask_low"],
            Self::AskClose => &["ask_close"],
        }
    }
}

/// Which price of a file with bids and asks a session trades on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QuotePrice {
    /// What buyers offer.
    Bid,
    /// What sellers ask.
    Ask,
    /// Half of the sum of both, column by column and exactly. Its high and low are approximations: the highest bid and
    /// the highest ask need not have stood at one time.
    Mid,
}

impl QuotePrice {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Bid, Self::Ask, Self::Mid];

    /// Its name in a session file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Mid => "mid",
        }
    }

    /// The price of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|price| price.as_str() == name)
    }
}

/// Where the names of a file's columns come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// The file's first line.
    #[default]
    InFile,
    /// The session, which names the columns in their order; the file's first line is a row.
    Given(Vec<String>),
    /// The layout, unless the file has a header line all the same.
    Layout(Layout),
}

/// How a file's columns are told apart. The default takes a header line with the usual names, in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Where their names come from.
    pub header: Header,
    /// The names of those that the session points at; they are taken exactly, and must be there.
    pub names: BTreeMap<Role, String>,
    /// Which price to take of bids and asks; `None` for a file of traded prices.
    pub price: Option<QuotePrice>,
}

impl Columns {
    /// The column that the session names for `role`.
    pub fn name(&self, role: Role) -> Option<&str> {
        self.names.get(&role).map(String::as_str)
    }

    /// The same with `name` for `role`.
    #[must_use]
    pub fn with(mut self, role: Role, name: impl Into<String>) -> Self {
        self.names.insert(role, name.into());
        self
    }
}

/// A column that was found: its place and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// Where a row has its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TimeColumns {
    One(Column),
    DateAndMillis { date: Column, millis: Column },
}

/// Where a row has the four prices of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OhlcColumns {
    pub(crate) open: Column,
    pub(crate) high: Column,
    pub(crate) low: Column,
    pub(crate) close: Column,
}

/// Where a row has its prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PriceColumns {
    One(OhlcColumns),
    Mid { bid: OhlcColumns, ask: OhlcColumns },
}

/// Where each field of a bar stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The names of all columns.
    pub(crate) names: Vec<String>,
    pub(crate) time: TimeColumns,
    pub(crate) prices: PriceColumns,
    pub(crate) volume: Option<Column>,
}

impl Shape {
    /// Finds the columns among `names`.
    pub(super) fn find(path: &Path, names: Vec<String>, columns: &Columns) -> Result<Self, InputProblem> {
        let finder = Finder { path, names: &names, columns };
        let (time, prices, volume) = (finder.time()?, finder.prices()?, finder.find(Role::Volume)?);
        Ok(Self { names, time, prices, volume })
    }

    /// The columns that are read.
    pub(crate) fn used(&self) -> Vec<&Column> {
        let mut used = match &self.time {
            TimeColumns::One(column) => vec![column],
            TimeColumns::DateAndMillis { date, millis } => vec![date, millis],
        };
        match &self.prices {
            PriceColumns::One(ohlc) => used.extend(ohlc.all()),
            PriceColumns::Mid { bid, ask } => used.extend(bid.all().into_iter().chain(ask.all())),
        }
        used.extend(&self.volume);
        used
    }
}

impl OhlcColumns {
    fn all(&self) -> [&Column; 4] {
        [&self.open, &self.high, &self.low, &self.close]
    }
}

const TRADED: [Role; 4] = [Role::Open, Role::High, Role::Low, Role::Close];
const BID: [Role; 4] = [Role::BidOpen, Role::BidHigh, Role::BidLow, Role::BidClose];
const ASK: [Role; 4] = [Role::AskOpen, Role::AskHigh, Role::AskLow, Role::AskClose];

struct Finder<'a> {
    path: &'a Path,
    names: &'a [String],
    columns: &'a Columns,
}

impl Finder<'_> {
    fn time(&self) -> Result<TimeColumns, InputProblem> {
        let named = |role| self.columns.names.contains_key(&role);
        let by_day = named(Role::Date) || named(Role::TimeOfDayMs);
        if by_day || (!named(Role::Time) && self.find(Role::TimeOfDayMs)?.is_some() && self.find(Role::Date)?.is_some())
        {
            return Ok(TimeColumns::DateAndMillis {
                date: self.need(Role::Date)?,
                millis: self.need(Role::TimeOfDayMs)?,
            });
        }
        if let Some(column) = self.find(Role::Time)? {
            return Ok(TimeColumns::One(column));
        }
        // What pandas writes for its index: a column without a name in front of the others.
        match self.names.first() {
            Some(name) if name.is_empty() || name == "Unnamed: 0" => {
                Ok(TimeColumns::One(Column { index: 0, name: "column 1".to_owned(), role: Role::Time }))
            }
            _ => Err(self.missing(Role::Time.as_str())),
        }
    }

    fn prices(&self) -> Result<PriceColumns, InputProblem> {
        match self.columns.price {
            Some(QuotePrice::Bid) => self.quoted(BID).map(PriceColumns::One),
            Some(QuotePrice::Ask) => self.quoted(ASK).map(PriceColumns::One),
            Some(QuotePrice::Mid) => Ok(PriceColumns::Mid { bid: self.quoted(BID)?, ask: self.quoted(ASK)? }),
            None => {
                let has = |role| self.find(role).map(|column| column.is_some());
                if !has(Role::Open)? && (has(Role::BidOpen)? || has(Role::AskOpen)?) {
                    return Err(InputProblem::new(self.path, Rule::PriceNotChosen).on_line(1).field("price"));
                }
                self.ohlc(TRADED).map(PriceColumns::One)
            }
        }
    }

    fn quoted(&self, roles: [Role; 4]) -> Result<OhlcColumns, InputProblem> {
        self.ohlc(roles).map_err(|problem| {
            let traded = self.find(Role::Open).is_ok_and(|column| column.is_some());
            if traded && matches!(problem.rule(), Rule::MissingColumn { .. }) {
                problem.with_hint("leave `price` out: it chooses between bid and ask columns")
            } else {
                problem
            }
        })
    }

    fn ohlc(&self, roles: [Role; 4]) -> Result<OhlcColumns, InputProblem> {
        let [open, high, low, close] = roles;
        Ok(OhlcColumns {
            open: self.need(open)?,
            high: self.need(high)?,
            low: self.need(low)?,
            close: self.need(close)?,
        })
    }

    fn need(&self, role: Role) -> Result<Column, InputProblem> {
        self.find(role)?.ok_or_else(|| self.missing(role.as_str()))
    }

    fn missing(&self, name: &str) -> InputProblem {
        InputProblem::new(self.path, Rule::MissingColumn { columns: self.names.to_vec() }).on_line(1).field(name)
    }

    /// A column named by the session must be there; a usual one may be.
    fn find(&self, role: Role) -> Result<Option<Column>, InputProblem> {
        if let Some(wanted) = self.columns.name(role) {
            return self.only(role, |name| name == wanted)?.map(Some).ok_or_else(|| self.missing(wanted));
        }
        for usual in role.usual() {
            if let Some(column) = self.only(role, |name| is_usual(name, usual))? {
                return Ok(Some(column));
            }
        }
        Ok(None)
    }

    fn only(&self, role: Role, fits: impl Fn(&str) -> bool) -> Result<Option<Column>, InputProblem> {
        let mut found = self.names.iter().enumerate().filter(|(_, name)| fits(name));
        let Some((index, name)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(InputProblem::new(self.path, Rule::ColumnTwice).on_line(1).field(name));
        }
        Ok(Some(Column { index, name: name.clone(), role }))
    }
}

/// Whether a header's `name` is this usual one: in any case, and with blanks, hyphens or nothing for underscores.
fn is_usual(name: &str, usual: &str) -> bool {
    let letters = |text: &str| -> Vec<u8> {
        text.bytes().filter(|b| !matches!(b, b'_' | b' ' | b'-')).map(|b| b.to_ascii_lowercase()).collect()
    };
    letters(name) == letters(usual)
}
