//! `retrace market inspect`: says what a market file is, what is odd in it, and how to use it.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use retrace_core::amount::DECIMALS_MAX;
use retrace_core::instrument::{Symbol, SymbolError};
use retrace_core::time::Span;

use super::Status;
use crate::error::CliError;
use crate::input::market::{Columns, Compression, Header, Layout, QuotePrice, Role};
use crate::input::time;
use crate::inspect::{self, ColumnFound, Digits, HeaderFound, Inspection, Question};
use crate::output::Output;
use crate::output::columns::{Align, Piece, Table, lines};
use crate::output::style::{ALARM, BAD, BOLD, DIM, GOOD, HINT, NOTICE, PLAIN, painted};
use crate::output::text::{counted, moment, printable, shortened};

/// How much of a value from the file is shown.
const VALUE_WIDTH: usize = 48;

/// Look at market files
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(Inspect),
}

/// Say what a market file is, what is odd in it, and print the lines of a session file that use it
///
/// Exit status: 0 when the file can be used with the lines printed, 1 when it cannot, 2 when it cannot be read at all.
#[derive(Debug, clap::Args)]
struct Inspect {
    /// CSV file of bars, plain or packed as .xz, .gz or .zst
    file: PathBuf,
    /// What was traded, such as BTC/USDT; by the file's name where it is not given
    #[arg(long, value_name = "SYMBOL", value_parser = symbol)]
    symbol: Option<Symbol>,
    /// Length of a bar, such as 1m or 4h; the most common distance of two rows where it is not given
    #[arg(long, value_name = "TIMEFRAME", value_parser = timeframe)]
    timeframe: Option<Span>,
    /// Layout of a file without a header line
    #[arg(long, value_name = "LAYOUT", value_parser = layout, conflicts_with = "header")]
    layout: Option<Layout>,
    /// Names of the columns of a file without a header line, in their order
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',')]
    header: Option<Vec<String>>,
    /// Column that holds a field, such as close=Last; may be repeated
    #[arg(long = "column", value_name = "FIELD=NAME", value_parser = column)]
    columns: Vec<(Role, String)>,
    /// Price to take of a file with bids and asks: bid, ask or mid
    #[arg(long, value_name = "PRICE", value_parser = price)]
    price: Option<QuotePrice>,
    /// Decimals to round prices to
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(DECIMALS_MAX)))]
    decimals: Option<u32>,
}

fn symbol(text: &str) -> Result<Symbol, SymbolError> {
    text.parse()
}

/// Why a word of the command line is not understood.
#[derive(Debug, thiserror::Error)]
enum BadWord {
    #[error("a timeframe is a whole number and s, m, h or d, such as 1m or 4h")]
    Timeframe,
    #[error("must be one of {0}")]
    NotOneOf(String),
    #[error("write FIELD=NAME, where FIELD is one of {0}")]
    Column(String),
}

fn timeframe(text: &str) -> Result<Span, BadWord> {
    time::timeframe(text).ok_or(BadWord::Timeframe)
}

fn layout(text: &str) -> Result<Layout, BadWord> {
    Layout::parse(text).ok_or_else(|| BadWord::NotOneOf(joined(Layout::ALL.iter().map(|layout| layout.as_str()))))
}

fn price(text: &str) -> Result<QuotePrice, BadWord> {
    QuotePrice::parse(text).ok_or_else(|| BadWord::NotOneOf(joined(QuotePrice::ALL.iter().map(|price| price.as_str()))))
}

fn column(text: &str) -> Result<(Role, String), BadWord> {
    let wrong = || BadWord::Column(joined(Role::ALL.iter().map(|role| role.as_str())));
    let (role, name) = text.split_once('=').ok_or_else(wrong)?;
    Ok((Role::parse(role).ok_or_else(wrong)?, name.to_owned()))
}

fn joined(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let Command::Inspect(args) = &args.command;
    let found = inspect::inspect(&question(args))?;
    if output.is_json() {
        output.document(&found)?;
    } else {
        print(&found, output.page())?;
    }
    Ok(if found.is_usable() { Status::Fine } else { Status::Found })
}

fn question(args: &Inspect) -> Question {
    let header = match (&args.header, args.layout) {
        (Some(names), _) => Header::Given(names.clone()),
        (None, Some(layout)) => Header::Layout(layout),
        (None, None) => Header::InFile,
    };
    Question {
        path: args.file.clone(),
        symbol: args.symbol.clone(),
        timeframe: args.timeframe,
        columns: Columns { header, names: args.columns.iter().cloned().collect(), price: args.price },
        decimals: args.decimals,
    }
}

fn print(found: &Inspection, page: &mut dyn Write) -> Result<(), CliError> {
    let verdict =
        if found.is_usable() { painted(GOOD, "can be used") } else { painted(ALARM, "cannot be used as it is") };
    writeln!(page, "{}  {verdict}\n", painted(BOLD, printable(&found.file.to_string_lossy())))?;
    let facts = facts(found).into_iter().map(|(name, text)| vec![Piece::styled(DIM, name), Piece::word(text)]);
    for line in lines(facts.collect()) {
        writeln!(page, "{line}")?;
    }
    if found.oddities.is_empty() {
        writeln!(page, "\n{}", painted(GOOD, "nothing odd"))?;
    } else {
        writeln!(page, "\n{}", painted(BOLD, "oddities"))?;
        for line in oddities(found) {
            writeln!(page, "  {line}")?;
        }
    }
    let outliers = &found.outliers;
    if outliers.count > 0 {
        let style = painted(BOLD, counted(outliers.count, "outlier"));
        writeln!(
            page,
            "\n{style}  {}",
            painted(DIM, "more than 10 scales from the median close of the 10 bars on each side")
        )?;
        for line in outlier_lines(found) {
            writeln!(page, "  {line}")?;
        }
    }
    if !outliers.widest.is_empty() {
        writeln!(page, "\n{}  {}", painted(BOLD, "widest bars"), painted(DIM, "high to low"))?;
        for line in widest_lines(found) {
            writeln!(page, "  {line}")?;
        }
    }
    match &found.refused {
        None => writeln!(
            page,
            "\n{}",
            painted(BOLD, "to use it, in a session file (its folder is where the path starts):")
        )?,
        Some(refused) => {
            writeln!(page, "\n{} {}", painted(ALARM, "refused:"), printable(refused))?;
            if let Some(hint) = &found.hint {
                writeln!(page, "{} {}", painted(HINT, "hint:"), printable(hint))?;
            }
            writeln!(page, "\n{}", painted(BOLD, "once that is mended, in a session file:"))?;
        }
    }
    writeln!(page, "\n{}", found.suggestion.yaml.trim_end())?;
    Ok(())
}

/// The facts, each under its name.
fn facts(found: &Inspection) -> Vec<(&'static str, String)> {
    let packed = match found.compression {
        Compression::None => "plain",
        Compression::Xz => "xz",
        Compression::Gz => "gzip",
        Compression::Zst => "zstd",
    };
    let header = match (found.header, found.has_header_line) {
        (HeaderFound::InFile, _) | (HeaderFound::Layout, true) => "header line",
        (HeaderFound::Given | HeaderFound::Layout, _) => "no header line",
        (HeaderFound::ByValues, true) => "header line with names of its own: columns told by their values",
        (HeaderFound::ByValues, false) => "no header line: columns told by their values",
    };
    let layout = found.layout.map_or(String::new(), |layout| format!(", layout {layout}"));
    let zone = if found.times_have_offset { "" } else { ", read as UTC" };
    let rows = format!("{}, {} to {}", found.rows, moment(found.from), moment(found.to));
    let mut facts = vec![
        ("file", format!("{packed}, {header}{layout}")),
        ("columns", columns(&found.columns)),
        ("times", format!("{}{zone}", found.times)),
        ("rows", rows),
    ];
    match &found.timeframe {
        Some(known) => {
            let share = inspect::per_cent(known.steps.into(), known.of.into());
            let by = if known.given { ", as given" } else { "" };
            facts.push(("timeframe", format!("{}{by}: {share} % of the steps from row to row", known.text)));
        }
        None => facts.push(("timeframe", "not told by the rows: give --timeframe".to_owned())),
    }
    let gaps = &found.gaps;
    facts.push(match gaps.longest {
        None => ("missing", "no bar".to_owned()),
        Some(longest) => {
            let (bars, places) = (counted(gaps.bars, "bar"), counted(gaps.places, "place"));
            let after = moment(longest.after);
            ("missing", format!("{bars} in {places}, at most {} at once, after {after}", longest.bars))
        }
    });
    let side = found.price.map_or(String::new(), |price| match price {
        QuotePrice::Bid => "bids: ".to_owned(),
        QuotePrice::Ask => "asks: ".to_owned(),
        QuotePrice::Mid => "bids and asks: ".to_owned(),
    });
    facts.push(("prices", format!("{side}{}", digits(&found.prices))));
    if found.rounded > 0
        && let Some(decimals) = found.suggestion.decimals
    {
        let decimals = counted(u64::from(decimals), "decimal");
        facts.push(("rounding", format!("the entry below rounds {} to {decimals}", counted(found.rounded, "price"))));
    }
    facts.push(match &found.volumes {
        Some(volumes) => ("volumes", format!("{}; of base or quote: the file does not say", digits(volumes))),
        None => ("volumes", "none: fills will not be capped".to_owned()),
    });
    facts
}

/// The columns that are read, under the file's names where those differ, then the others.
fn columns(columns: &[ColumnFound]) -> String {
    let read = columns.iter().filter_map(|column| {
        let role = column.role?;
        let name = if column.name.is_empty() { "unnamed" } else { &column.name };
        Some(if name.eq_ignore_ascii_case(role) {
            role.to_owned()
        } else {
            format!("{role} = {}", shortened(name, 24))
        })
    });
    let read: Vec<String> = read.collect();
    let unread = columns.iter().filter(|column| column.role.is_none()).count() as u64;
    let unread = if unread > 0 { format!("; {} not read", counted(unread, "other")) } else { String::new() };
    format!("{}{unread}", read.join(", "))
}

fn digits(digits: &Digits) -> String {
    if digits.most == 0 {
        return "whole numbers".to_owned();
    }
    let most = format!("at most {}", counted(u64::from(digits.most), "decimal"));
    if digits.usual < digits.most { format!("{most}, {} for 99 in 100", digits.usual) } else { most }
}

fn oddities(found: &Inspection) -> Vec<String> {
    let mut table = Table::new(&[
        ("count", Align::Right),
        ("what", Align::Left),
        ("first on line", Align::Right),
        ("with", Align::Left),
        ("", Align::Left),
    ]);
    for oddity in &found.oddities {
        let rounded = found.suggestion.decimals.is_some() && oddity.kind == inspect::OddityKind::TooManyDecimals;
        let (remark, style) = match (oddity.refused, rounded) {
            (true, true) => ("rounded by the entry below", NOTICE),
            (true, false) => ("refused", BAD),
            (false, _) => ("", PLAIN),
        };
        table.row(vec![
            Piece::word(oddity.count.to_string()).aligned(Align::Right),
            Piece::styled(style, oddity.kind.as_str()),
            Piece::word(oddity.line.map_or(String::new(), |line| line.to_string())).aligned(Align::Right),
            Piece::word(shortened(&oddity.first, VALUE_WIDTH)),
            Piece::styled(style, remark),
        ]);
    }
    table.lines()
}

fn outlier_lines(found: &Inspection) -> Vec<String> {
    let mut table = Table::new(&[
        ("bar", Align::Left),
        ("line", Align::Right),
        ("", Align::Left),
        ("price", Align::Point),
        ("median", Align::Point),
        ("% away", Align::Point),
        ("scales", Align::Point),
    ]);
    for outlier in &found.outliers.worst {
        table.row(vec![
            Piece::word(moment(outlier.time)),
            Piece::word(outlier.line.to_string()).aligned(Align::Right),
            Piece::word(outlier.which),
            Piece::decimal(outlier.price.to_string()).in_style(NOTICE),
            Piece::decimal(outlier.median.to_string()),
            Piece::decimal(outlier.per_cent.to_string()),
            Piece::decimal(outlier.scales.to_string()),
        ]);
    }
    table.lines()
}

fn widest_lines(found: &Inspection) -> Vec<String> {
    let mut table = Table::new(&[
        ("bar", Align::Left),
        ("line", Align::Right),
        ("low", Align::Point),
        ("high", Align::Point),
        ("%", Align::Point),
    ]);
    for bar in &found.outliers.widest {
        table.row(vec![
            Piece::word(moment(bar.time)),
            Piece::word(bar.line.to_string()).aligned(Align::Right),
            Piece::decimal(bar.low.to_string()),
            Piece::decimal(bar.high.to_string()),
            Piece::decimal(bar.per_cent.to_string()),
        ]);
    }
    table.lines()
}
