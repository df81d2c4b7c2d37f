//! The session file: what to run, on which data, under which rules. Checked whole before anything else is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use retrace_core::amount::{DECIMALS_MAX, Money, Price, Quantity, UNITS_MAX};
use retrace_core::ids::{SessionName, StrategyInstanceId};
use retrace_core::instrument::{Asset, Instrument, Symbol};
use retrace_core::manifest::{Account, AccountCheck, Mode};
use retrace_core::policy::ExecutionPolicy;
use retrace_core::time::Span;
use retrace_core::venue::{FeeAsset, FillPath, VenueSettings};
use retrace_replay::tape::VolumeUnit;
use rust_decimal::Decimal;

use crate::input::bounded;
pub use crate::input::market::{Columns, GapPolicy, MarketFile};
use crate::input::market::{Header, Layout, QuotePrice, Role};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::session_fields::{
    AccountFields, ColumnFields, InstrumentFields, MarketFields, SessionFields, VenueFields,
};
use crate::input::yaml::{self, Text};
use crate::input::{number, time};

/// The longest session file, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Fractions such as fees keep to this many decimals, so that a product with an amount stays exact.
const FRACTION_DECIMALS_MAX: u32 = 8;

/// Where each key is explained.
const EXPLAINED: &str = "`retrace sample --dir DIR` writes a session file that explains every key";

/// A session file that was read and checked. Paths are joined to the file's own folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFile {
    /// What the session is called, unless the command line says otherwise.
    pub name: SessionName,
    /// How it meets the world; only backtests yet.
    pub mode: Mode,
    /// Whose plans it holds.
    pub instance: StrategyInstanceId,
    /// The directive file.
    pub directives: PathBuf,
    /// The market data, in the order that breaks ties of time; at least one, no symbol twice.
    pub market: Vec<MarketFile>,
    /// What may be traded, in the order of their symbols; each has market data.
    pub instruments: Vec<Instrument>,
    /// Whose money it is.
    pub account: Account,
    /// The venue it trades at.
    pub venue: VenueSettings,
    /// What holds for all of its orders.
    pub policy: ExecutionPolicy,
    /// What to do about missing bars.
    pub gaps: GapPolicy,
    /// The file as it was.
    pub text: String,
}

impl SessionFile {
    /// The same with the market files looked for in the folder `dir`, by their names.
    #[must_use]
    pub(crate) fn with_market_in(mut self, dir: &Path) -> Self {
        for market in &mut self.market {
            if let Some(name) = market.path.file_name() {
                market.path = dir.join(name);
            }
        }
        self
    }
}

/// Reads the session file at `path`.
///
/// # Errors
/// [`InputProblem`] when it cannot be read, is not YAML of this shape, or breaks a rule.
pub fn read(path: &Path) -> Result<SessionFile, InputProblem> {
    let bytes = bounded::read_whole(path, BYTES_MAX).map_err(|problem| {
        let unreadable = matches!(problem.rule(), Rule::Unreadable { .. });
        if unreadable {
            problem.with_hint("`retrace sample --dir DIR` writes a session file to begin with")
        } else {
            problem
        }
    })?;
    let text = String::from_utf8(bytes).map_err(|_| InputProblem::new(path, Rule::NotUtf8))?;
    parse(path, &text)
}

/// The same for a text; `path` names it in messages and is what its relative paths start from.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str) -> Result<SessionFile, InputProblem> {
    let says_nothing =
        |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---";
    if text.trim_start_matches('\u{feff}').lines().all(says_nothing) {
        return Err(InputProblem::new(path, Rule::EmptyFile));
    }
    Checker { file: path }.check(yaml::parse(path, text, EXPLAINED)?, text)
}

pub(super) struct Checker<'a> {
    pub(super) file: &'a Path,
}

impl Checker<'_> {
    fn check(&self, fields: SessionFields, text: &str) -> Result<SessionFile, InputProblem> {
        let name = self.parsed("session", &fields.session, |t| SessionName::new(t).map_err(|_| Rule::NotAName))?;
        let mode = self.spelled("mode", &fields.mode, Mode::ALL, Mode::as_str, Mode::parse)?;
        if mode != Mode::Backtest {
            return Err(self.at("mode", &fields.mode, Rule::NotSupportedYet));
        }
        let instance = self.parsed("strategy.instance", &fields.strategy.instance, |t| {
            StrategyInstanceId::new(t).map_err(|_| Rule::NotAName)
        })?;
        let directives = self.path("strategy.directives", &fields.strategy.directives)?;
        let account = self.account(&fields.account)?;
        let market = self.market_files(&fields)?;
        let instruments = self.instruments(&fields, &market)?;
        self.markets_agree(&fields, &market, &instruments, &account)?;
        let policy = self.policy(&fields, &instruments)?;
        let venue = self.venue(&fields.venue.unwrap_or_default())?;
        let gaps = match &fields.gaps {
            None => GapPolicy::Allow,
            Some(word) => match word.value.as_str() {
                "allow" => GapPolicy::Allow,
                "error" => GapPolicy::Refuse,
                _ => return Err(self.at("gaps", word, Rule::NotOneOf { allowed: vec!["allow", "error"] })),
            },
        };
        let text = text.to_owned();
        Ok(SessionFile { name, mode, instance, directives, market, instruments, account, venue, policy, gaps, text })
    }

    fn account(&self, fields: &AccountFields) -> Result<Account, InputProblem> {
        let quote = self.parsed("account.quote", &fields.quote, |t| Asset::new(t).map_err(|_| Rule::NotAnAsset))?;
        let balance = self.money("account.balance", &fields.balance)?;
        let check = match &fields.check {
            None => AccountCheck::Unchecked,
            Some(text) => {
                let (name, parse) = (AccountCheck::as_str, AccountCheck::parse);
                self.spelled("account.check", text, AccountCheck::ALL, name, parse)?
            }
        };
        Ok(Account { quote, balance, check })
    }

    fn instruments(&self, fields: &SessionFields, market: &[MarketFile]) -> Result<Vec<Instrument>, InputProblem> {
        let mut instruments = Vec::new();
        for (name, entry) in &fields.instruments {
            let field = format!("instruments.{name}");
            let here = |rule| {
                let problem = InputProblem::new(self.file, rule).field(&field).value(name);
                problem.on_line(entry.referenced.line())
            };
            let symbol: Symbol = name.parse().map_err(|_| here(Rule::NotASymbol))?;
            if market.iter().all(|file| file.symbol != symbol) {
                return Err(here(Rule::NoEntry { section: "market" }));
            }
            instruments.push(self.instrument(&field, symbol, &entry.value)?);
        }
        instruments.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        Ok(instruments)
    }

    fn instrument(&self, field: &str, symbol: Symbol, fields: &InstrumentFields) -> Result<Instrument, InputProblem> {
        let (tick, lot) = (format!("{field}.tick"), format!("{field}.lot"));
        let min_notional = match &fields.min_notional {
            Some(text) => self.money(&format!("{field}.min_notional"), text)?,
            None => Money::ZERO,
        };
        let tick = Price::new(self.number(&tick, &fields.tick)?)
            .map_err(|error| self.at(&tick, &fields.tick, Rule::Amount(error)))?;
        let lot = Quantity::new(self.number(&lot, &fields.lot)?)
            .map_err(|error| self.at(&lot, &fields.lot, Rule::Amount(error)))?;
        Ok(Instrument { symbol, tick, lot, min_notional })
    }

    fn market_files(&self, fields: &SessionFields) -> Result<Vec<MarketFile>, InputProblem> {
        let entries = &fields.market.value;
        if entries.is_empty() {
            let problem = InputProblem::new(self.file, Rule::EmptyList).field("market");
            return Err(problem.on_line(fields.market.referenced.line()));
        }
        entries.iter().enumerate().map(|(index, entry)| self.market_file(index, &entry.value)).collect()
    }

    fn markets_agree(
        &self,
        fields: &SessionFields,
        market: &[MarketFile],
        instruments: &[Instrument],
        account: &Account,
    ) -> Result<(), InputProblem> {
        let mut seen = BTreeSet::new();
        for (index, (file, entry)) in market.iter().zip(&fields.market.value).enumerate() {
            let field = format!("market[{index}].symbol");
            let here = |rule| self.at(&field, &entry.value.symbol, rule);
            if !seen.insert(&file.symbol) {
                return Err(here(Rule::SymbolTwice));
            }
            if instruments.iter().all(|instrument| instrument.symbol != file.symbol) {
                return Err(here(Rule::NoEntry { section: "instruments" }));
            }
            if *file.symbol.quote() != account.quote {
                let (found, account) = (file.symbol.quote().clone(), account.quote.clone());
                return Err(here(Rule::OtherQuote { found, account }));
            }
        }
        Ok(())
    }

    fn market_file(&self, index: usize, fields: &MarketFields) -> Result<MarketFile, InputProblem> {
        let field = |name: &str| format!("market[{index}].{name}");
        let symbol =
            self.parsed(&field("symbol"), &fields.symbol, |t| t.parse::<Symbol>().map_err(|_| Rule::NotASymbol))?;
        let period =
            self.parsed(&field("timeframe"), &fields.timeframe, |t| time::timeframe(t).ok_or(Rule::NotATimeframe))?;
        let path = self.path(&field("bars"), &fields.bars)?;
        let volume_unit = match &fields.volume_unit {
            None => VolumeUnit::Base,
            Some(text) => match text.value.as_str() {
                "base" => VolumeUnit::Base,
                "quote" => VolumeUnit::Quote,
                _ => {
                    let rule = Rule::NotOneOf { allowed: vec!["base", "quote"] };
                    return Err(self.at(&field("volume_unit"), text, rule));
                }
            },
        };
        let columns = self.columns(&field, fields)?;
        let decimals = match &fields.decimals {
            None => None,
            Some(text) => {
                let (min, max) = (0, u64::from(DECIMALS_MAX));
                let whole = number::parse_whole(&text.value, min, max).and_then(|n| u32::try_from(n).ok());
                Some(whole.ok_or_else(|| self.at(&field("decimals"), text, Rule::NotWhole { min, max }))?)
            }
        };
        Ok(MarketFile { symbol, period, path, volume_unit, columns, decimals })
    }

    /// How the columns of a market file are told apart; `field` makes the path of one of the entry's fields.
    fn columns(&self, field: &dyn Fn(&str) -> String, fields: &MarketFields) -> Result<Columns, InputProblem> {
        let header = match (&fields.header, &fields.layout) {
            (None, None) => Header::InFile,
            (Some(header), None) => {
                if header.value.is_empty() {
                    let problem = InputProblem::new(self.file, Rule::EmptyList).field(field("header"));
                    return Err(problem.on_line(header.referenced.line()));
                }
                Header::Given(header.value.clone())
            }
            (None, Some(text)) => {
                Header::Layout(self.spelled(&field("layout"), text, Layout::ALL, Layout::as_str, Layout::parse)?)
            }
            (Some(_), Some(text)) => return Err(self.at(&field("layout"), text, Rule::Excludes { other: "header" })),
        };
        let mut names = BTreeMap::new();
        for (role, text) in fields.columns.iter().flat_map(ColumnFields::given) {
            names.insert(role, text.value.clone());
            if matches!(role, Role::Date | Role::TimeOfDayMs) && names.contains_key(&Role::Time) {
                let rule = Rule::Excludes { other: "time" };
                return Err(self.at(&field(&format!("columns.{}", role.as_str())), text, rule));
            }
        }
        let price = match &fields.price {
            None => None,
            Some(text) => {
                let (name, parse) = (QuotePrice::as_str, QuotePrice::parse);
                Some(self.spelled(&field("price"), text, QuotePrice::ALL, name, parse)?)
            }
        };
        Ok(Columns { header, names, price })
    }

    fn venue(&self, fields: &VenueFields) -> Result<VenueSettings, InputProblem> {
        let fees = fields.fees.as_ref();
        let fee_asset = match &fields.fee_asset {
            None => FeeAsset::Quote,
            Some(text) => self.spelled("venue.fee_asset", text, FeeAsset::ALL, FeeAsset::as_str, FeeAsset::parse)?,
        };
        let path = match &fields.path {
            None => FillPath::Pessimistic,
            Some(text) => self.spelled("venue.path", text, FillPath::ALL, FillPath::as_str, FillPath::parse)?,
        };
        let slippage_bps = match &fields.slippage_bps {
            None => Decimal::ZERO,
            Some(text) => self.bounded("venue.slippage_bps", text, "from 0 to 1000, with at most 8 decimals", |n| {
                n >= Decimal::ZERO && n <= Decimal::ONE_THOUSAND
            })?,
        };
        let latency = match &fields.latency_ms {
            None => Span::default(),
            Some(text) => {
                const HOUR_MS: u64 = 3_600_000;
                let millis = number::parse_whole(&text.value, 0, HOUR_MS);
                let rule = Rule::NotWhole { min: 0, max: HOUR_MS };
                Span::from_nanos(millis.ok_or_else(|| self.at("venue.latency_ms", text, rule))? * 1_000_000)
            }
        };
        let max_volume_share = match &fields.max_volume_share {
            None => Decimal::ONE,
            Some(text) => {
                self.bounded("venue.max_volume_share", text, "above 0 and at most 1, with at most 8 decimals", |n| {
                    n > Decimal::ZERO && n <= Decimal::ONE
                })?
            }
        };
        Ok(VenueSettings {
            profile: self.profile(fields.profile.as_ref())?,
            maker_fee: self.fee("venue.fees.maker", fees.and_then(|f| f.maker.as_ref()))?,
            taker_fee: self.fee("venue.fees.taker", fees.and_then(|f| f.taker.as_ref()))?,
            fee_asset,
            path,
            slippage_bps,
            latency,
            max_volume_share,
        })
    }

    /// A fee is a fraction of the notional; below zero it is a rebate.
    fn fee(&self, field: &str, text: Option<&Text>) -> Result<Decimal, InputProblem> {
        let Some(text) = text else { return Ok(Decimal::ZERO) };
        let tenth = Decimal::new(1, 1);
        self.bounded(field, text, "between -0.1 and 0.1, with at most 8 decimals", |n| n > -tenth && n < tenth)
    }

    pub(super) fn bounded(
        &self,
        field: &str,
        text: &Text,
        bounds: &'static str,
        fits: impl Fn(Decimal) -> bool,
    ) -> Result<Decimal, InputProblem> {
        let number = self.number(field, text)?;
        if fits(number) && number.normalize().scale() <= FRACTION_DECIMALS_MAX {
            Ok(number.normalize())
        } else {
            Err(self.at(field, text, Rule::OutOfBounds { bounds }))
        }
    }

    pub(super) fn money(&self, field: &str, text: &Text) -> Result<Money, InputProblem> {
        let number = self.number(field, text)?;
        let max = Money::new(Decimal::from(UNITS_MAX));
        match number {
            n if n < Decimal::ZERO => Err(self.at(field, text, Rule::Negative)),
            n if n > max.value() => Err(self.at(field, text, Rule::AboveMax { max })),
            n => Ok(Money::new(n)),
        }
    }

    pub(super) fn number(&self, field: &str, text: &Text) -> Result<Decimal, InputProblem> {
        self.parsed(field, text, |t| number::parse(t).map_err(Rule::Number))
    }

    fn path(&self, field: &str, text: &Text) -> Result<PathBuf, InputProblem> {
        if text.value.is_empty() {
            return Err(self.at(field, text, Rule::Empty));
        }
        Ok(self.file.parent().unwrap_or(Path::new("")).join(&text.value))
    }

    pub(super) fn spelled<T: Copy>(
        &self,
        field: &str,
        text: &Text,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, InputProblem> {
        let allowed = || all.iter().map(|&item| name(item)).collect();
        parse(&text.value).ok_or_else(|| self.at(field, text, Rule::NotOneOf { allowed: allowed() }))
    }

    pub(super) fn parsed<T>(
        &self,
        field: &str,
        text: &Text,
        parse: impl Fn(&str) -> Result<T, Rule>,
    ) -> Result<T, InputProblem> {
        parse(&text.value).map_err(|rule| self.at(field, text, rule))
    }

    /// A problem with what is missing on `line`.
    pub(super) fn about(&self, field: &str, line: u64, rule: Rule) -> InputProblem {
        InputProblem::new(self.file, rule).on_line(line).field(field)
    }

    pub(super) fn at(&self, field: &str, text: &Text, rule: Rule) -> InputProblem {
        InputProblem::new(self.file, rule).on_line(text.referenced.line()).field(field).value(&text.value)
    }
}
