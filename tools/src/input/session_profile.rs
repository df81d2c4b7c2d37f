//! `venue: profile:` of a session file: the name of a profile, or one of those with flags of its own.

use std::fmt;

use retrace_core::venue::VenueProfile;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::number;
use super::problem::InputProblem;
use super::rule::Rule;
use super::session::Checker;
use super::yaml::Text;

/// As it is written.
#[derive(Debug)]
pub(super) enum ProfileFields {
    /// `profile: spot`
    Named(String),
    /// `profile: {based_on: spot, max_stops: 10}`
    Own(Box<FlagFields>),
}

/// The flags of a profile, each as its text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlagFields {
    based_on: Text,
    name: Option<Text>,
    shorting: Option<Text>,
    reduce_only: Option<Text>,
    amend_up: Option<Text>,
    amend_down: Option<Text>,
    native_oco: Option<Text>,
    native_trailing: Option<Text>,
    native_iceberg: Option<Text>,
    stop_locks_holding: Option<Text>,
    size_free_stop: Option<Text>,
    max_stops: Option<Text>,
}

impl<'de> Deserialize<'de> for ProfileFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrFlags;
        impl<'de> Visitor<'de> for NameOrFlags {
            type Value = ProfileFields;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("the name of a profile, or a map of its flags")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ProfileFields, E> {
                Ok(ProfileFields::Named(name.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ProfileFields, A::Error> {
                Ok(ProfileFields::Own(Box::new(FlagFields::deserialize(MapAccessDeserializer::new(map))?)))
            }
        }
        deserializer.deserialize_any(NameOrFlags)
    }
}

impl Checker<'_> {
    /// The venue's profile; that of backtests where the file names none.
    pub(super) fn profile(&self, fields: Option<&Spanned<ProfileFields>>) -> Result<VenueProfile, InputProblem> {
        let Some(fields) = fields else { return Ok(VenueProfile::backtest()) };
        let unknown = || Rule::NotOneOf { allowed: VenueProfile::NAMES.to_vec() };
        let own = match &fields.value {
            ProfileFields::Named(name) => {
                return VenueProfile::named(name).ok_or_else(|| {
                    let problem = InputProblem::new(self.file, unknown()).field("venue.profile").value(name);
                    problem.on_line(fields.referenced.line())
                });
            }
            ProfileFields::Own(own) => own,
        };
        let mut profile = VenueProfile::named(&own.based_on.value)
            .ok_or_else(|| self.at("venue.profile.based_on", &own.based_on, unknown()))?;
        profile.name = match &own.name {
            None => format!("{}-own", own.based_on.value),
            Some(name) => self.parsed("venue.profile.name", name, |name| {
                retrace_core::ids::SessionName::new(name).map(|name| name.to_string()).map_err(|_| Rule::NotAName)
            })?,
        };
        let mut flags = [
            ("shorting", &own.shorting, &mut profile.shorting),
            ("reduce_only", &own.reduce_only, &mut profile.reduce_only),
            ("amend_up", &own.amend_up, &mut profile.amend_up),
            ("amend_down", &own.amend_down, &mut profile.amend_down),
            ("native_oco", &own.native_oco, &mut profile.native_oco),
            ("native_trailing", &own.native_trailing, &mut profile.native_trailing),
            ("native_iceberg", &own.native_iceberg, &mut profile.native_iceberg),
            ("stop_locks_holding", &own.stop_locks_holding, &mut profile.stop_locks_holding),
            ("size_free_stop", &own.size_free_stop, &mut profile.size_free_stop),
        ];
        for (name, text, flag) in &mut flags {
            let Some(text) = text else { continue };
            **flag = match text.value.as_str() {
                "true" => true,
                "false" => false,
                _ => {
                    let rule = Rule::NotOneOf { allowed: vec!["true", "false"] };
                    return Err(self.at(&format!("venue.profile.{name}"), text, rule));
                }
            };
        }
        if let Some(text) = &own.max_stops {
            profile.max_stops = match text.value.as_str() {
                "none" => None,
                value => {
                    let (min, max) = (1, u64::from(u16::MAX));
                    let whole = number::parse_whole(value, min, max).and_then(|most| u16::try_from(most).ok());
                    Some(whole.ok_or_else(|| {
                        let problem = self.at("venue.profile.max_stops", text, Rule::NotWhole { min, max });
                        problem.with_hint("`none` for no cap")
                    })?)
                }
            };
        }
        if let Some((flag, needed)) = profile.missing() {
            let problem = InputProblem::new(self.file, Rule::MissingFor { by: flag });
            let problem = problem.field(format!("venue.profile.{needed}")).on_line(fields.referenced.line());
            return Err(
                problem.with_hint("a stop without a size must not sell more than is held: say true, or take it out")
            );
        }
        match profile.contradiction() {
            None => Ok(profile),
            Some((flag, other)) => {
                let problem = InputProblem::new(self.file, Rule::Excludes { other });
                let problem = problem.field(format!("venue.profile.{flag}")).on_line(fields.referenced.line());
                Err(problem.with_hint(if flag == "size_free_stop" {
                    "a stop that trails names what it trades: say false for one of the two"
                } else {
                    "a venue that locks holdings knows no positions: say false for one of the two"
                }))
            }
        }
    }
}
