//! All that a world consists of, as data: what is not needed for a finding can be taken out of it.

use retrace_core::amount::Money;
use retrace_core::directive::{Algorithm, StrategyDirective, Twap};
use retrace_core::event::Switch;
use retrace_core::ids::{SessionName, StrategyInstanceId};
use retrace_core::instrument::{Asset, Instrument, Symbol};
use retrace_core::manifest::{Identity, Mode, TapeIdentity};
use retrace_core::policy::{BatchDefaults, ExecutionPolicy, UrgencyRange};
use retrace_core::time::Span;
use retrace_core::venue::{FeeAsset, FillPath, VenueSettings};
use rust_decimal::Decimal;

use crate::dice::drawn;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::units;

/// A world before it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What it was rolled from; what the venue does is still drawn from it.
    pub seed: u64,
    /// What may be traded, and by which rules.
    pub rules: Rules,
    /// What the risk gate lets through.
    pub limits: Limits,
    /// What its session says of directives that say nothing of coordination.
    pub batches: BatchDefaults,
    /// How the venue and the network misbehave.
    pub mischief: Mischief,
    /// What happens from outside, in order of time.
    pub acts: Vec<Act>,
    /// When the engine ends and begins again, by the number of inputs it has taken; rising.
    pub restarts: Vec<Restart>,
    /// When nothing comes through, in order of time.
    pub outages: Vec<Outage>,
}

/// What may be traded, and by which rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How many symbols: 1 or 2.
    pub symbols: usize,
    /// The smallest notional of an order, in quote.
    pub min_notional: i64,
    /// Fees are taken in the base asset.
    pub fee_in_base: bool,
    /// What the venue can do.
    pub profile: Profile,
}

/// Something from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When, in milliseconds.
    pub at: i64,
    /// What.
    pub what: Happening,
}

/// What comes from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A symbol's price is now so many ticks.
    Price {
        /// Which symbol.
        symbol: usize,
        /// The price.
        ticks: i64,
    },
    /// The strategist says something.
    Directive(Box<StrategyDirective>),
    /// The venue reports on an order that is not ours.
    Foreign,
    /// The operator turns the kill switch.
    Operator(Switch),
}

/// An end of the engine, and its new beginning from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// After how many inputs.
    pub after: u64,
    /// How it ends.
    pub how: Ending,
}

/// How an engine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything is durable and released.
    Orderly,
    /// What was not durable is lost: Steps, and the requests they held back.
    Torn,
    /// Everything is durable, but nothing of it was released any more.
    Unreleased,
}

/// A time in which neither requests nor reports come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// From when, in milliseconds.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// Whether the engine is told that the connection is lost, and when it is back. What it had asked for and had not
    /// arrived by then may be lost.
    pub told: bool,
}

/// A way in which venue, network or clock may misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trick {
    /// A request travels for seconds.
    SlowRequest,
    /// A report travels for seconds: later ones overtake it.
    SlowReport,
    /// A report travels for minutes.
    VerySlowReport,
    /// A report is told twice at once.
    Repeat,
    /// A report is told again much later.
    StaleRepeat,
    /// A fill is told again with another body.
    Conflict,
    /// A good order is refused.
    Reject,
    /// A good change is refused.
    AmendReject,
    /// A good cancel is refused.
    CancelReject,
    /// A working order is ended by the venue.
    Expire,
    /// A working order is cancelled without anyone asking.
    CancelUnasked,
    /// An order fills in part.
    PartialFill,
    /// A market order waits for the next price.
    WaitingMarket,
    /// A stop that was touched waits for the next price.
    TriggeredFirst,
    /// An order fills beyond its quantity.
    Overfill,
    /// A timer fires late.
    LateTimer,
    /// What is decided becomes durable late.
    LazyCommit,
    /// A trade is taken back.
    Bust,
    /// A trade is put right.
    Correct,
    /// A stop limit that was set off is not told.
    SetOffUntold,
}

impl Trick {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::SlowRequest,
        Self::SlowReport,
        Self::VerySlowReport,
        Self::Repeat,
        Self::StaleRepeat,
        Self::Conflict,
        Self::Reject,
        Self::AmendReject,
        Self::CancelReject,
        Self::Expire,
        Self::CancelUnasked,
        Self::PartialFill,
        Self::WaitingMarket,
        Self::TriggeredFirst,
        Self::Overfill,
        Self::LateTimer,
        Self::LazyCommit,
        Self::Bust,
        Self::Correct,
        Self::SetOffUntold,
    ];

    /// What it is counted as.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowRequest => "slow requests",
            Self::SlowReport => "slow reports",
            Self::VerySlowReport => "very slow reports",
            Self::Repeat => "reports repeated",
            Self::StaleRepeat => "stale repeats",
            Self::Conflict => "conflicting bodies",
            Self::Reject => "orders refused",
            Self::AmendReject => "amends refused",
            Self::CancelReject => "cancels refused",
            Self::Expire => "expiries",
            Self::CancelUnasked => "cancels unasked",
            Self::PartialFill => "partial fills",
            Self::WaitingMarket => "waiting markets",
            Self::TriggeredFirst => "triggered first",
            Self::Overfill => "overfills",
            Self::LateTimer => "late timers",
            Self::LazyCommit => "late commits",
            Self::Bust => "busts",
            Self::Correct => "corrections",
            Self::SetOffUntold => "set off untold",
        }
    }
}

/// How often each trick is played, in a thousand; what is drawn depends on the order alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mischief {
    odds: [u16; Trick::ALL.len()],
}

impl Mischief {
    /// How often a trick is played, in a thousand.
    pub fn odds(&self, trick: Trick) -> u16 {
        self.odds.get(trick as usize).copied().unwrap_or(0)
    }

    /// Sets how often a trick is played, in a thousand.
    pub fn set(&mut self, trick: Trick, odds: u16) {
        if let Some(place) = self.odds.get_mut(trick as usize) {
            *place = odds;
        }
    }

    /// Whether a trick is played in these circumstances.
    pub fn plays(&self, trick: Trick, seed: u64, circumstances: &[u64]) -> bool {
        let odds = self.odds(trick);
        odds > 0 && {
            let mut parts = vec![seed, trick as u64];
            parts.extend(circumstances);
            drawn(&parts) % 1_000 < u64::from(odds)
        }
    }
}

impl Script {
    /// The symbol of that number.
    #[expect(clippy::missing_panics_doc, reason = "the text is a symbol")]
    pub fn symbol(number: usize) -> Symbol {
        #[expect(clippy::expect_used, reason = "the text is a symbol")]
        if number == 0 { "BTC/USDT".parse() } else { "ETH/USDT".parse() }.expect("a symbol")
    }

    /// What its session is. Everything comes from outside, so its inputs are recorded by value.
    #[expect(clippy::missing_panics_doc, reason = "the texts are names")]
    pub fn identity(&self) -> Identity {
        #[expect(clippy::expect_used, reason = "the texts are names")]
        let (name, instance, quote) = (
            SessionName::new(&format!("seed-{}", self.seed)).expect("a name"),
            StrategyInstanceId::new("SIMULATED").expect("a name"),
            Asset::new("USDT").expect("an asset"),
        );
        let instruments = (0..self.rules.symbols.clamp(1, 2)).map(|number| Instrument {
            symbol: Self::symbol(number),
            tick: units::price(1),
            lot: units::quantity(1),
            min_notional: Money::new(Decimal::from(self.rules.min_notional)),
        });
        let mut nonce = [0; 16];
        for (slot, byte) in nonce.iter_mut().zip(self.seed.to_le_bytes()) {
            *slot = byte;
        }
        Identity {
            name,
            mode: Mode::Paper,
            instance,
            strategy_digest: [0; 32],
            tape: TapeIdentity { digest: [0; 32], rows: 0 },
            instruments: instruments.collect(),
            account: self.limits.account(quote),
            venue: VenueSettings {
                profile: self.rules.profile.venue(),
                maker_fee: Decimal::new(1, 3),
                taker_fee: Decimal::new(1, 3),
                fee_asset: if self.rules.fee_in_base { FeeAsset::Base } else { FeeAsset::Quote },
                path: FillPath::Pessimistic,
                slippage_bps: Decimal::ZERO,
                latency: Span::default(),
                max_volume_share: Decimal::ONE,
            },
            policy: ExecutionPolicy {
                risk: self.limits.policy(self.rules.symbols),
                batch_defaults: self.batches,
                urgency: urgencies(),
                ..ExecutionPolicy::default()
            },
            seed: self.seed,
            decision_version: retrace_replay::DECISION_VERSION,
            nonce: Some(nonce),
            continues: None,
        }
    }
}

/// Which algorithm an urgency means, in every session: slowly from 0.3, less so from 0.7.
fn urgencies() -> Vec<UrgencyRange> {
    let range = |tenths, seconds, slices| {
        let twap = Twap { duration: Span::from_seconds(seconds), slices, catch_up: true };
        UrgencyRange { from: Decimal::new(tenths, 1), algorithm: Algorithm::Twap(twap) }
    };
    vec![range(3, 240, 4), range(7, 60, 3)]
}
