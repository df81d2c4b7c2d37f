//! The venue profiles that worlds have: each flag left out by itself, together with others, and those with a name of
//! their own.

use retrace_core::venue::VenueProfile;

use crate::dice::{Dice, key_of};

/// What a world's venue can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is one independent ability, as in the engine's profile")]
pub struct Profile {
    /// What it is counted as, one of [`Self::NAMES`].
    pub name: &'static str,
    /// A position may be below zero.
    pub shorting: bool,
    /// Orders may be marked to never open or turn a position.
    pub reduce_only: bool,
    /// A working order may be amended upward.
    pub amend_up: bool,
    /// A working order may be amended downward.
    pub amend_down: bool,
    /// A stop and a take profit are linked: the first trade of one ends the other.
    pub native_oco: bool,
    /// It moves trailing stops; drawn for every name but those with a profile of their own.
    pub native_trailing: bool,
    /// The venue hides what an iceberg does not show by itself.
    pub native_iceberg: bool,
    /// A working stop locks the holding that it covers.
    pub stop_locks_holding: bool,
    /// A stop names no quantity: it covers all that its plan holds.
    pub size_free_stop: bool,
    /// How many stops may work at once in a symbol; `None` for no cap.
    pub max_stops: Option<u16>,
}

impl Profile {
    /// What profiles are counted as, in the order in which they are told.
    pub const NAMES: [&'static str; 15] = [
        "backtest",
        "spot",
        "no shorting",
        "no amend_up",
        "no amend_down",
        "no amend_up, no amend_down",
        "no reduce_only",
        "no reduce_only, no native_oco",
        "no native_oco",
        "max_stops",
        "no amend_up, max_stops",
        "stop_locks_holding",
        "any flags",
        "size_free_stop",
        "size_free_stop, no amend_up",
    ];

    /// How many of them are drawn; the others are drawn of these.
    const DRAWN: usize = 13;

    /// The default of backtests.
    pub fn backtest() -> Self {
        Self::of("backtest", &VenueProfile::backtest())
    }

    fn of(name: &'static str, profile: &VenueProfile) -> Self {
        Self {
            name,
            shorting: profile.shorting,
            reduce_only: profile.reduce_only,
            amend_up: profile.amend_up,
            amend_down: profile.amend_down,
            native_oco: profile.native_oco,
            native_trailing: profile.native_trailing,
            native_iceberg: profile.native_iceberg,
            stop_locks_holding: profile.stop_locks_holding,
            size_free_stop: profile.size_free_stop,
            max_stops: profile.max_stops,
        }
    }

    /// The profile of a seed, drawn apart from everything else.
    pub(crate) fn roll(seed: u64) -> Self {
        let rolled = Self::roll_flags(seed);
        let moved = Dice::new(key_of("native trailing") ^ seed).once_in(2);
        Self { native_trailing: rolled.native_trailing || moved, ..rolled }.with_free_stops(seed)
    }

    /// Some of those that can have them have stops without a size: drawn apart, so that all other worlds stay as they were.
    fn with_free_stops(self, seed: u64) -> Self {
        let mut dice = Dice::new(key_of("size_free_stop") ^ seed);
        let name = match self.name {
            "backtest" => "size_free_stop",
            "no amend_up" => "size_free_stop, no amend_up",
            "any flags" if self.reduce_only => "any flags",
            _ => return self,
        };
        if dice.once_in(3) { Self { name, size_free_stop: true, native_trailing: false, ..self } } else { self }
    }

    fn roll_flags(seed: u64) -> Self {
        let mut dice = Dice::new(key_of("profile") ^ seed);
        let dice = &mut dice;
        if dice.once_in(4) {
            return Self::backtest();
        }
        let others = Self::NAMES.get(1..Self::DRAWN).unwrap_or_default();
        let name = dice.pick(others);
        // Drawn apart from the rest: it goes with every other flag.
        let native_iceberg = Dice::new(key_of("native_iceberg") ^ seed).once_in(2);
        let plain = Self { name, native_iceberg, ..Self::backtest() };
        let few = Some(u16::try_from(dice.pick(&[1, 2, 2, 3])).unwrap_or(1));
        match name {
            "spot" => Self::of(name, &VenueProfile::spot()),
            "no shorting" => Self { shorting: false, ..plain },
            "no amend_up" => Self { amend_up: false, ..plain },
            "no amend_down" => Self { amend_down: false, ..plain },
            "no amend_up, no amend_down" => Self { amend_up: false, amend_down: false, ..plain },
            "no reduce_only" => Self { reduce_only: false, ..plain },
            "no reduce_only, no native_oco" => Self { reduce_only: false, native_oco: false, ..plain },
            "no native_oco" => Self { native_oco: false, ..plain },
            "max_stops" => Self { max_stops: few, ..plain },
            "no amend_up, max_stops" => Self { amend_up: false, max_stops: few, ..plain },
            "stop_locks_holding" => Self { shorting: false, reduce_only: false, stop_locks_holding: true, ..plain },
            _ => {
                let locks = dice.once_in(3);
                Self {
                    name,
                    shorting: !locks && dice.once_in(2),
                    reduce_only: !locks && dice.once_in(2),
                    amend_up: dice.once_in(2),
                    amend_down: dice.once_in(2),
                    native_oco: dice.once_in(2),
                    native_trailing: false,
                    native_iceberg,
                    stop_locks_holding: locks,
                    size_free_stop: false,
                    max_stops: few.filter(|_| dice.once_in(3)),
                }
            }
        }
    }

    /// As a session has it.
    pub(crate) fn venue(&self) -> VenueProfile {
        VenueProfile {
            name: "simulated".to_owned(),
            shorting: self.shorting,
            reduce_only: self.reduce_only,
            amend_up: self.amend_up,
            amend_down: self.amend_down,
            native_oco: self.native_oco,
            native_trailing: self.native_trailing,
            native_iceberg: self.native_iceberg,
            stop_locks_holding: self.stop_locks_holding,
            size_free_stop: self.size_free_stop,
            max_stops: self.max_stops,
        }
    }

    /// Whether whatever leaves needs a part of the holding that nothing else has.
    pub(crate) const fn divides(&self) -> bool {
        !self.reduce_only || self.stop_locks_holding
    }

    /// Whether a stop and a take profit may stand together.
    pub(crate) const fn links_exits(&self) -> bool {
        !self.divides() || self.native_oco
    }

    /// Whether a stop is not simply amended to what is held, so that several cover it; one without a size does so alone.
    pub(crate) const fn has_several(&self) -> bool {
        !self.size_free_stop && (!self.amend_up || !self.amend_down || self.divides())
    }

    /// What it cannot do, or does besides, in words.
    pub(crate) fn told(&self) -> String {
        let flags = [
            (!self.shorting).then(|| "no shorting".to_owned()),
            (!self.reduce_only).then(|| "no reduce-only".to_owned()),
            (!self.amend_up).then(|| "no amending up".to_owned()),
            (!self.amend_down).then(|| "no amending down".to_owned()),
            (!self.native_oco).then(|| "no linked exits".to_owned()),
            self.native_trailing.then(|| "trailing stops".to_owned()),
            self.native_iceberg.then(|| "icebergs of its own".to_owned()),
            self.stop_locks_holding.then(|| "stops lock the holding".to_owned()),
            self.size_free_stop.then(|| "stops without a size".to_owned()),
            self.max_stops.map(|most| format!("at most {most} stops")),
        ];
        let said: Vec<String> = flags.into_iter().flatten().collect();
        if said.is_empty() { "a venue that can do everything".to_owned() } else { said.join(", ") }
    }
}
