//! The rules that input files must keep, one variant a rule, with the numbers that broke it.

use retrace_core::amount::{AmountError, DECIMALS_MAX, Money, Price, Quantity, UNITS_MAX};
use retrace_core::directive::Scope;
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side;
use retrace_core::time::{Span, Timestamp};
use rust_decimal::Decimal;

use crate::input::market::Layout;
use crate::input::number::NumberFault;
use crate::input::time::{TimeFault, TimeFormat};

/// The rule that a file, line or value broke. Reads as the end of a sentence about the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// The operating system gave no bytes.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// What it said.
        reason: String,
    },
    /// The decompressor gave up.
    #[error("the compressed data ends early or is damaged: {reason}")]
    Damaged {
        /// What it said.
        reason: String,
    },
    /// A file whose name says another packing than its bytes.
    #[error("is packed as {ending}, and its name does not say so")]
    OtherCompression {
        /// How the name of such a file ends.
        ending: &'static str,
    },
    /// An archive of files.
    #[error("is a zip archive, which is not read")]
    ZipArchive,
    /// A row that is longer than any row of market data.
    #[error("a row has more than {max} bytes")]
    RowTooLong {
        /// The bound.
        max: usize,
    },
    /// More rows than are read.
    #[error("the file has more than {max} rows")]
    TooManyRows {
        /// The bound.
        max: u64,
    },
    /// Bytes that are no text.
    #[error("is not UTF-8 text")]
    NotUtf8,
    /// Not one line.
    #[error("the file is empty")]
    EmptyFile,
    /// More bytes than any such file has.
    #[error("is longer than {bytes} bytes")]
    TooLong {
        /// The bound.
        bytes: u64,
    },
    /// How orders are placed, without a size that any would be placed toward.
    #[error("says how orders are placed, but there is no target_position_size that any would be placed toward")]
    NeedsSize,
    /// A size whose notional cannot be counted exactly.
    #[error(
        "at prices up to {price} with {price_decimals} decimals, and {size_decimals} decimals of size, \
         its notional takes {digits} digits: more than can be counted exactly"
    )]
    TooManyDigits {
        /// The highest price it may trade at.
        price: Decimal,
        /// Of the finest price.
        price_decimals: u32,
        /// Of the size and the lot.
        size_decimals: u32,
        /// How many that makes.
        digits: u32,
    },
    /// Nothing to work on.
    #[error("holds no {what}")]
    Nothing {
        /// What there should be at least one of.
        what: &'static str,
    },
    /// The file's own grammar is broken.
    #[error("is not valid {grammar}: {reason}")]
    Syntax {
        /// `JSON`, `YAML` or `CSV`.
        grammar: &'static str,
        /// What the parser said.
        reason: String,
    },

    /// A column that the mapping or the default names is not in the header.
    #[error("no such column; the columns are {}", list(columns))]
    MissingColumn {
        /// The header.
        columns: Vec<String>,
    },
    /// The header has the name twice.
    #[error("the header has this column more than once")]
    ColumnTwice,
    /// A row where the names of the columns should stand.
    #[error("the file has no header line, and the session does not name its columns")]
    NoHeader,
    /// A file of another width than its layout.
    #[error("has {found} columns, and the layout {layout} has {}", widths(*layout))]
    LayoutWidth {
        /// What the session says that it is.
        layout: Layout,
        /// In its first line.
        found: usize,
    },
    /// Bid and ask prices, and no word on which of them to trade.
    #[error("is missing: the file has bid and ask prices, and the session does not say which to take")]
    PriceNotChosen,
    /// The middle of bid and ask is out of bounds.
    #[error("the middle of bid and ask {}", amount_error(.0))]
    Middle(AmountError),
    /// A row with fewer or more fields than the header.
    #[error("the row has {found} {}, the header {expected}", if *.found == 1 { "field" } else { "fields" })]
    FieldCount {
        /// In the row.
        found: usize,
        /// In the header.
        expected: usize,
    },

    /// No text where there must be one.
    #[error("is empty")]
    Empty,
    /// The number is not one, or not one that can be held.
    #[error("{}", number_fault(*.0))]
    Number(NumberFault),
    /// A price, quantity or position out of bounds.
    #[error("{}", amount_error(.0))]
    Amount(AmountError),
    /// Below zero where only zero or more makes sense.
    #[error("must not be negative")]
    Negative,
    /// Outside stated bounds.
    #[error("must be {bounds}")]
    OutOfBounds {
        /// Such as `above 0 and at most 1`.
        bounds: &'static str,
    },
    /// Not a whole number within bounds.
    #[error("must be a whole number from {min} to {max}")]
    NotWhole {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Not a time in a known format.
    #[error("{}", time_fault(*.0))]
    Time(TimeFault),
    /// Not a day.
    #[error("is not a date such as 2022-01-21 or 20220121")]
    NotADate,
    /// Not a length of a bar.
    #[error("is not a timeframe: a whole number and s, m, h or d, such as 1m or 4h")]
    NotATimeframe,
    /// Not a name of 1 to 64 plain characters.
    #[error("is not a name: 1 to 64 letters, digits or any of _ . : -")]
    NotAName,
    /// Not a pair of assets.
    #[error("is not a symbol such as BTC/USDT")]
    NotASymbol,
    /// Not an asset.
    #[error("is not the name of an asset: 1 to 16 upper-case letters and digits")]
    NotAnAsset,
    /// A word outside a closed list.
    #[error("is not one of {}", list(allowed))]
    NotOneOf {
        /// The list.
        allowed: Vec<&'static str>,
    },
    /// A known word or field whose feature is not there yet.
    #[error("is not supported yet")]
    NotSupportedYet,

    /// A field that the format does not know.
    #[error("unknown field; the fields here are {}", list(known))]
    UnknownField {
        /// Those it knows.
        known: Vec<String>,
    },
    /// A field given twice in one object.
    #[error("is given twice")]
    FieldTwice,
    /// A field that must be given.
    #[error("is missing")]
    Missing,
    /// A field that another one requires.
    #[error("is missing: {by} requires it")]
    MissingFor {
        /// What requires it.
        by: &'static str,
    },
    /// A value of another shape, such as a list where a text belongs.
    #[error("has the wrong type: {reason}")]
    WrongType {
        /// What the parser said.
        reason: String,
    },
    /// Two fields that exclude each other.
    #[error("cannot stand beside {other}")]
    Excludes {
        /// The other field or value.
        other: &'static str,
    },
    /// A field that this scope does not take.
    #[error("does not belong to {scope}")]
    NotForScope {
        /// The directive's scope.
        scope: Scope,
    },

    /// A field that this action does not take.
    #[error("does not belong to {action}")]
    NotForAction {
        /// The directive's action.
        action: &'static str,
    },
    /// A group of a directive that no earlier line has.
    #[error("no earlier line has this directive id")]
    UnknownDirective,
    /// A group of a directive that opens none there.
    #[error("opens no group in plan {plan}")]
    OpensNoGroup {
        /// The plan.
        plan: String,
    },
    /// Not the id of a group.
    #[error("is not a group's id: EXG_ and 32 hexadecimal digits")]
    NotAGroup,
    /// A group by its id, and more plans than it can belong to.
    #[error("names {found} plans, and a group of that id belongs to one")]
    OnePlan {
        /// How many there are.
        found: usize,
    },

    /// Times written in two ways in one file.
    #[error("is {found}, but the file began with {first}")]
    MixedTimes {
        /// How this one is written.
        found: TimeFormat,
        /// How the first was.
        first: TimeFormat,
    },
    /// A row or directive before the one above it.
    #[error("goes back: line {line} has {previous}")]
    GoesBack {
        /// The time before.
        previous: Timestamp,
        /// Where that stands.
        line: u64,
    },
    /// Two rows of one time.
    #[error("the time of line {line} again")]
    TimeTwice {
        /// Where it stands first.
        line: u64,
    },
    /// Two bars that overlap.
    #[error("only {step} after the bar before, less than the timeframe of {period}")]
    Overlaps {
        /// The distance.
        step: Span,
        /// The length of a bar.
        period: Span,
    },
    /// Missing bars where none are allowed.
    #[error("{missing} {} missing after {previous}, and the session says `gaps: error`", if *.missing == 1 { "bar is" } else { "bars are" })]
    Gap {
        /// How many.
        missing: u64,
        /// The open time of the bar before the gap.
        previous: Timestamp,
    },
    /// A bar upside down.
    #[error("the high is below the low {low}")]
    HighBelowLow {
        /// The low.
        low: Price,
    },
    /// An open or close that the bar never reached.
    #[error("is outside the bar's range from {low} to {high}")]
    OutsideBar {
        /// The low.
        low: Price,
        /// The high.
        high: Price,
    },

    /// A symbol with data and without trading rules, or the other way round.
    #[error("has no entry under `{section}`")]
    NoEntry {
        /// `instruments` or `market`.
        section: &'static str,
    },
    /// Two data sets of one symbol.
    #[error("has a data set already")]
    SymbolTwice,
    /// A symbol that is paid in another asset than the account.
    #[error("is quoted in {found}, the account in {account}")]
    OtherQuote {
        /// The symbol's.
        found: Asset,
        /// The account's.
        account: Asset,
    },

    /// A directive when there is no data.
    #[error("is outside the data, which spans {from} to {to}")]
    OutsideData {
        /// The first open.
        from: Timestamp,
        /// The last close.
        to: Timestamp,
    },
    /// A symbol that the session does not trade.
    #[error("is not traded in this session, which has {}", list(known))]
    UnknownSymbol {
        /// Those it trades.
        known: Vec<Symbol>,
    },
    /// A symbol other than the plan's.
    #[error("is not what plan {plan} trades, which is {symbol}")]
    OtherSymbol {
        /// The plan.
        plan: String,
        /// Its symbol.
        symbol: Symbol,
    },
    /// A price between two ticks.
    #[error("is not a multiple of the tick {tick}")]
    OffTick {
        /// The smallest step of a price.
        tick: Price,
    },
    /// A quantity between two lots.
    #[error("is not a multiple of the lot {lot}")]
    OffLot {
        /// The smallest step of a quantity.
        lot: Quantity,
    },
    /// Slices of less than a lot.
    #[error("more slices than the {lots} lots of {lot} that {quantity} has")]
    TooManySlices {
        /// What is to be divided.
        quantity: Quantity,
        /// The smallest step of a quantity.
        lot: Quantity,
        /// How many it has.
        lots: Decimal,
    },
    /// A part that is more than the whole.
    #[error("is more than the size of {size}")]
    AboveSize {
        /// The whole.
        size: Quantity,
    },
    /// A time that has come when the line is read.
    #[error("must be after the line's own time, {at}")]
    NotAhead {
        /// When the directive is given.
        at: Timestamp,
    },
    /// A range of prices without room for layers.
    #[error("must be above price_from, which is {from}")]
    EmptyRange {
        /// Where the range begins.
        from: Price,
    },
    /// A list that must not be empty.
    #[error("is an empty list")]
    EmptyList,
    /// A list longer than one event can hold, or one input carry out.
    #[error("has {found} members, and at most {max} are taken")]
    TooMany {
        /// How many there are.
        found: usize,
        /// The most there may be.
        max: usize,
    },
    /// A list with one member twice.
    #[error("is in the list twice")]
    ListedTwice,
    /// A plan that no earlier line names.
    #[error("no earlier line names this plan")]
    UnknownPlan,
    /// One id for two bodies.
    #[error("line {line} has this id with another body: the first difference is `{difference}`")]
    ReusedId {
        /// Where it stands first.
        line: u32,
        /// The first field that differs.
        difference: String,
    },
    /// A level that the limit price has passed already.
    #[error("must be {side} the limit price {limit_price} of a {direction} plan")]
    WrongSide {
        /// `above` or `below`.
        side: &'static str,
        /// The limit price.
        limit_price: Price,
        /// The plan's direction.
        direction: Side,
    },
    /// A stop taken away without saying so.
    #[error("null takes the stop away and needs `remove_stop: true` beside it")]
    StopRemovedByNull,
    /// A batch that is all or nothing, and keeps what traded.
    #[error("cannot be false in ATOMIC, which is all or taken back")]
    AtomicKeepsNothing,
    /// A batch whose legs stand for themselves, and are taken back together.
    #[error("cannot be true in PARALLEL, where each leg stands for itself")]
    ParallelTakesNothingBack,
    /// Closes that would be undone.
    #[error("would open again what was closed: no rollback belongs to CLOSE_EXISTING")]
    RollbackWouldOpen,
    /// A count other than the one supported.
    #[error("has {found} entries; exactly one is supported yet")]
    NotExactlyOne {
        /// How many there are.
        found: usize,
    },
    /// A minimum notional or balance that no amount can hold.
    #[error("must be at most {max}")]
    AboveMax {
        /// The bound.
        max: Money,
    },

    /// A word for neither a purchase nor a sale.
    #[error("says neither bought ({}) nor sold ({})", list(buy), list(sell))]
    NotASide {
        /// The words for a purchase.
        buy: Vec<String>,
        /// The words for a sale.
        sell: Vec<String>,
    },
    /// Two assets written as one word, with nothing that says where one ends.
    #[error("cannot be told apart into base and quote: it ends in none of the map's quotes ({})", list(quotes))]
    UnknownQuote {
        /// The assets that others are priced in.
        quotes: Vec<Asset>,
    },
    /// A swap of two assets of which neither is one that others are priced in.
    #[error("{bought} for {sold}: neither is one of the map's quotes ({})", list(quotes))]
    NoQuote {
        /// What was got.
        bought: Asset,
        /// What was given.
        sold: Asset,
        /// The assets that others are priced in.
        quotes: Vec<Asset>,
    },
    /// An amount of another asset than the symbol says.
    #[error("is an amount of {found}, where {expected} belongs")]
    OtherAsset {
        /// What is written behind it.
        found: Asset,
        /// What the symbol says.
        expected: Asset,
    },
    /// A price that has to be computed and has no end.
    #[error("over a quantity of {quantity} is no price with at most {DECIMALS_MAX} decimals")]
    InexactPrice {
        /// The quantity.
        quantity: Decimal,
    },
    /// A fee that leaves nothing of a purchase.
    #[error("takes all of the {quantity} that was bought, or more")]
    FeeTakesAll {
        /// What was bought.
        quantity: Quantity,
    },
    /// A history whose rows are not ordered as the map says.
    #[error("goes forward, where newer rows stand first: line {line} has {previous}")]
    GoesForward {
        /// The time before.
        previous: Timestamp,
        /// Where that stands.
        line: u64,
    },
    /// A round trip that ends before it begins.
    #[error("is before the entry, which was at {entry}")]
    ExitBeforeEntry {
        /// When it begins.
        entry: Timestamp,
    },
    /// An opening position that comes too late to be one.
    #[error("is not before the first trade of {symbol}, on line {line}, at {first}")]
    OpensTooLate {
        /// Of what.
        symbol: Symbol,
        /// When it was traded first.
        first: Timestamp,
        /// Where that stands.
        line: u64,
    },
    /// A sale of what is not held, where the map allows none.
    #[error("sells {beyond} {symbol} more than this history holds, and the map says `shorting: false`")]
    SellsMoreThanHeld {
        /// Of what.
        symbol: Symbol,
        /// How much more.
        beyond: Quantity,
    },
    /// An amount that cannot be counted exactly, found by booking all trades before anything is recorded.
    #[error("cannot be booked: {reason}")]
    NotCountable {
        /// What the engine said.
        reason: String,
    },
    /// A word for neither a side of a trade nor its fee.
    #[error("is neither a side of a trade ({}) nor a fee ({})", list(trade), list(fee))]
    NotAKind {
        /// The words for a side of a trade.
        trade: Vec<String>,
        /// The words for a fee.
        fee: Vec<String>,
    },
    /// A trade that is not one thing for another.
    #[error("is no trade of one asset for another: under this id {came} came and {went} went")]
    NotTwoSides {
        /// How many rows tell of what came.
        came: usize,
        /// How many rows tell of what went.
        went: usize,
    },
    /// Neither the name of a map that comes with Retrace nor a file.
    #[error("is neither a file nor the name of a map; the maps are {}", list(known))]
    UnknownMap {
        /// Those that come with Retrace.
        known: Vec<&'static str>,
    },
}

/// The members of a list, at most twenty of them and none longer than a name, for a message.
pub(super) fn list<T: ToString>(items: &[T]) -> String {
    const SHOWN: usize = 20;
    const NAME_SHOWN: usize = 64;
    if items.is_empty() {
        return "none".to_owned();
    }
    let short = |item: &T| {
        let text = item.to_string();
        match text.char_indices().nth(NAME_SHOWN) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
            None => text,
        }
    };
    let mut shown: Vec<String> = items.iter().take(SHOWN).map(short).collect();
    if let Some(more @ 1..) = items.len().checked_sub(SHOWN) {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

/// `6 or 7`.
fn widths(layout: Layout) -> String {
    let widths: Vec<String> = layout.forms().iter().map(|names| names.len().to_string()).collect();
    widths.join(" or ")
}

fn number_fault(fault: NumberFault) -> &'static str {
    match fault {
        NumberFault::NotANumber => "is not a number",
        NumberFault::NotFinite => "is not a finite number",
        NumberFault::TooManyDigits => "has more digits than a decimal holds (28)",
    }
}

fn amount_error(error: &AmountError) -> String {
    match error {
        AmountError::NotPositive { .. } => "must be above zero".to_owned(),
        AmountError::TooManyDecimals { .. } => format!("has more than {DECIMALS_MAX} decimals"),
        AmountError::TooLarge { .. } => format!("must be below {UNITS_MAX}"),
    }
}

fn time_fault(fault: TimeFault) -> &'static str {
    match fault {
        TimeFault::NotATime => "is not a time in a known format",
        TimeFault::OutOfRange => "is outside the times that can be read (epoch numbers: 1990 to 2199)",
    }
}
