//! Why a directive was refused, or led to nothing, as sentences with their numbers.

use retrace_core::event::{Idle, Refusal};
use retrace_core::stop::StopKind;

use super::intents::behind;
use super::words::Naming;
use super::{actions, risk};

pub(super) fn idle_text(idle: &Idle) -> String {
    match idle {
        Idle::AlreadySatisfied => "the plan is what it is to be".to_owned(),
        Idle::AlreadyWorking => "what is under way reaches the target".to_owned(),
        Idle::BelowLot { delta, lot } => format!("{delta} is less than the lot of {lot}"),
        Idle::BelowMinNotional { delta, notional, minimum } => {
            format!("{delta} is worth {notional}, the minimum is {minimum}")
        }
        Idle::AlreadyClosed => "the plan is closed".to_owned(),
        Idle::AlreadySo => "it is so already".to_owned(),
        Idle::AlreadyInstructed => "this is what it was told last".to_owned(),
    }
}

/// A refusal as a sentence, with its numbers.
pub fn refusal_text(refusal: &Refusal) -> String {
    refusal_words(refusal, Naming::ByNumber)
}

pub(crate) fn refusal_words(refusal: &Refusal, naming: Naming) -> String {
    match refusal {
        Refusal::Conflict { field, first } => {
            let used = if naming == Naming::ByNumber { format!("at event {first}") } else { "before".to_owned() };
            format!("its id was used {used} with another body; the first difference is in {field}")
        }
        Refusal::PlanExists => "a plan of that id exists, from another directive".to_owned(),
        Refusal::UnknownPlan => "no plan of that id was taken on".to_owned(),
        Refusal::PlanEnded => "the plan is closed, closing or stopped out, and takes no change".to_owned(),
        Refusal::DirectionContradictsTarget { direction, delta } => {
            let opposite = direction.opposite();
            format!("direction {direction} contradicts the change of {delta}, which is a {opposite}")
        }
        Refusal::WouldLoosen { stop, proposed } => {
            format!("a tolerance only tightens: the stop stands at {stop}, this would put it at {proposed}")
        }
        Refusal::WrongSide { field, level, price } => {
            format!("{field} {level} stands on the wrong side of the price {price}")
        }
        Refusal::BadLevel { field, price } => {
            format!("at the price {price}, {field} rounds to no price that an order can have")
        }
        Refusal::NoPriceYet => "no price was seen yet that it could be read against".to_owned(),
        Refusal::ShortingUnsupported => "the venue cannot be short".to_owned(),
        Refusal::UnsupportedByProfile { needs } if needs == "stop_limit" => {
            "a stop limit names what it trades, and the venue's stops name no quantity (size_free_stop)".to_owned()
        }
        Refusal::UnsupportedByProfile { needs } => format!("the venue's profile has no {needs}"),
        Refusal::GoodTillPassed { good_till } => {
            format!("its orders were to stand until {good_till}, which has passed")
        }
        Refusal::StopStands { distance, proposed } => {
            let stands = distance.map_or_else(
                || "the stop that stands is a stop market".to_owned(),
                |distance| format!("the stop that stands has its limit {} beyond its level", distance.normalize()),
            );
            format!("{stands}: a limit {} beyond it takes the stop removed first", proposed.normalize())
        }
        Refusal::OtherStopStands { stands, proposed } => {
            let (stands, proposed) = (kind_text(*stands), kind_text(*proposed));
            format!("the stop that stands is {stands}; for {proposed} it has to be removed first")
        }
        Refusal::TooManySlices { slices, quantity, lot } => {
            format!("{quantity} in {slices} slices gives less than the lot of {lot} each")
        }
        Refusal::SliceBelowMinNotional { slice, price, minimum } => {
            format!("a slice of {slice} at {price} is worth less than the minimum notional of {minimum}")
        }
        Refusal::TooLarge => "an amount is beyond what can be counted exactly".to_owned(),
        Refusal::RiskGate(refusal) => risk::refusal_text(refusal),
        Refusal::Group(refusal) => actions::group_refusal(refusal),
        Refusal::PlanInBatch { directive } => {
            format!("the plan is in the batch of {directive}, which is not over: only a close reaches it")
        }
    }
}

fn kind_text(kind: StopKind) -> String {
    match kind {
        StopKind::Market => "a stop market".to_owned(),
        StopKind::Limit { distance } => format!("a stop limit, its limit {} beyond its level", distance.normalize()),
        StopKind::Trailing(trail) => format!("a trailing stop, {} behind the price", behind(trail)),
    }
}
