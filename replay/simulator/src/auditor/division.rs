//! How a group divides what it trades, by what its directive said: show so much at a time, stand at such prices, and no longer than it
//! has time.

use retrace_core::directive::{Algorithm, EntryTerms, ExecutionHint, Intent, StrategyDirective};
use retrace_core::event::{Because, Decision, Event, GroupAction, Input, TimerPurpose};
use retrace_core::ids::PlanNo;
use retrace_core::order::OrderTerms;

use super::batches::leg_of;
use super::{Auditor, Kind, Order};
use crate::finding::Finding;
use crate::units::{lots_of, millis, ticks_of};

/// A group, by what was said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Division {
    action: GroupAction,
    algorithm: Option<Algorithm>,
    /// When it is given up, in milliseconds.
    deadline: Option<i64>,
    /// How its orders are placed, where its directive says so.
    said: Option<EntryTerms>,
    /// Until when they are good, in milliseconds, as the group was opened.
    good_till: Option<i64>,
    /// The timer of that fired.
    over: bool,
    /// A directive changed its orders.
    changed: bool,
}

impl Division {
    /// What its own orders do.
    const fn kind(&self) -> Kind {
        match self.action {
            GroupAction::Enter => Kind::Entry,
            GroupAction::Reduce | GroupAction::Close => Kind::Exit,
        }
    }
}

/// Until when orders are good, in milliseconds.
fn until(terms: EntryTerms) -> Option<i64> {
    terms.time_in_force.good_till().map(millis)
}

/// How orders are placed, where a directive says so.
const fn entry_of(said: &StrategyDirective) -> Option<EntryTerms> {
    match &said.intent {
        Intent::NewTrade(new) => Some(new.entry),
        Intent::Modify(modify) => modify.entry,
        Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) | Intent::Batch(_) => None,
    }
}

/// What a directive says of how it is carried out.
const fn hint_of(said: &StrategyDirective) -> ExecutionHint {
    match &said.intent {
        Intent::NewTrade(new) => new.execution,
        Intent::Modify(modify) => modify.execution,
        Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) | Intent::Batch(_) => ExecutionHint::NONE,
    }
}

const fn is_change(said: &StrategyDirective) -> bool {
    matches!(said.intent, Intent::Modify(_))
}

impl Auditor {
    /// Notes a group that begins, the order that is decided, and when a group's time is up.
    pub(super) fn note_division(&mut self, event: &Event, decision: &Decision) -> Result<(), Finding> {
        let Some(plan) = event.plan else { return Ok(()) };
        match decision {
            Decision::GroupOpened { group, directive, action, entry, algorithm: told, .. } => {
                let known = self.plans.get(&plan).filter(|plan| !plan.is_rolled_back());
                let said = self.said.get(directive).zip(known).and_then(|(said, known)| match said.intent {
                    // What a batch took back is brought to where it stood before, at once.
                    Intent::Batch(_) if self.took_back(directive, &known.id) => None,
                    Intent::Batch(_) => leg_of(said, self.session, &known.id),
                    _ => Some(said.clone()),
                });
                let hint = said.as_ref().map_or(ExecutionHint::NONE, hint_of);
                let deadline = hint.end_after.map(|span| millis(event.time.plus(span)));
                // One that names a target and nothing of how goes on as was said before; a lost connection may have kept that
                // from being begun.
                let goes_on = || {
                    let of_plan = |said| known.and_then(|known| leg_of(said, self.session, &known.id));
                    let mut before = self.said.values().filter_map(of_plan);
                    before.any(|said| hint_of(&said).algorithm == Some(*told))
                };
                let says_nothing = hint == ExecutionHint::NONE && said.as_ref().is_some_and(is_change);
                let algorithm = hint.algorithm.or_else(|| Some(*told).filter(|_| says_nothing && goes_on()));
                let known = Division {
                    action: *action,
                    algorithm,
                    deadline,
                    said: said.as_ref().and_then(entry_of),
                    good_till: until(*entry),
                    over: false,
                    changed: false,
                };
                self.divisions.insert((plan, *group), known);
            }
            // What a directive changes of single orders is its own to say.
            Decision::OrdersModified { group, .. } => {
                if let Some(known) = self.divisions.get_mut(&(plan, *group)) {
                    known.changed = true;
                }
            }
            Decision::OrderRequested { group, .. } => self.deciding = Some((plan, *group)),
            Decision::SlicesDropped { group, because: Because::TimeUp, .. } => {
                let Some(known) = self.divisions.get(&(plan, *group)).filter(|group| !group.over).copied() else {
                    return Ok(());
                };
                if known.good_till.is_none_or(|time| self.now < time) {
                    return Err(Finding::GroupEnd { plan, group: *group, what: "is given up before its time" });
                }
                self.comes_short(plan, known.action);
            }
            Decision::TimerSet { timer, due, purpose: TimerPurpose::EndTime { group } } => {
                let wanted = self.divisions.get(&(plan, *group)).and_then(|group| group.deadline);
                if wanted.is_some_and(|wanted| wanted != millis(*due)) {
                    return Err(Finding::GroupEnd { plan, group: *group, what: "is to end at another time" });
                }
                self.ends.insert(*timer, (plan, *group));
            }
            _ => {}
        }
        Ok(())
    }

    /// A timer fired: where it is the end of a group, that group may come short.
    pub(super) fn time_is_up(&mut self, said: &Input) {
        let Input::TimerFired { timer } = said else { return };
        let Some((no, group)) = self.ends.remove(timer) else { return };
        let Some(group) = self.divisions.get_mut(&(no, group)) else { return };
        group.over = true;
        let action = group.action;
        self.comes_short(no, action);
    }

    fn comes_short(&mut self, no: PlanNo, action: GroupAction) {
        let Some(plan) = self.plans.get_mut(&no) else { return };
        match action {
            GroupAction::Enter => plan.entry_short = true,
            GroupAction::Reduce | GroupAction::Close => plan.exit_short = true,
        }
    }

    /// An order's own time, by what its directive said of it. Only what enters or reduces has one.
    pub(super) fn stands_until(&self, plan: PlanNo, told: Option<i64>, kind: Kind) -> Result<(), &'static str> {
        if told.is_some_and(|told| told <= self.now) {
            return Err("is sent although the time until which it is good has come");
        }
        let own = self.deciding.filter(|(of, _)| *of == plan && matches!(kind, Kind::Entry | Kind::Exit));
        let group = own.and_then(|key| self.divisions.get(&key)).filter(|group| group.kind() == kind);
        match group.map(|group| group.said) {
            None if told.is_some() => Err("is good until a time that no directive said"),
            Some(Some(said)) if until(said) != told => Err("is not good until the time that was said"),
            _ => Ok(()),
        }
    }

    /// An order that was just placed, by what its group may do.
    pub(super) fn of_group(&self, plan: PlanNo, lots: i64, terms: OrderTerms, kind: Kind) -> Result<(), &'static str> {
        let shown = terms.visible().map(|visible| lots_of(visible.value()).unwrap_or(0));
        if shown.is_some() && !self.rules.profile.native_iceberg {
            return Err("is to be hidden where the venue hides nothing");
        }
        let own = matches!(kind, Kind::Entry | Kind::Exit);
        let Some(key) = self.deciding.filter(|(of, _)| *of == plan && own) else { return Ok(()) };
        let Some(group) = self.divisions.get(&key) else { return Ok(()) };
        if kind != group.kind() {
            return Ok(());
        }
        if group.over {
            return Err("is sent although the time of its group is up");
        }
        let own = |order: &&Order| order.group == Some(key) && order.kind == kind && order.works();
        let working = || self.orders.values().filter(own);
        if shown.is_some() && !matches!(group.algorithm, Some(Algorithm::Iceberg(_)) | None) {
            return Err("is hidden, and its group is no iceberg");
        }
        // Where the venue hides the rest, a directive that changes an order changes nothing of what it shows.
        match group.algorithm.filter(|_| !group.changed || self.rules.profile.native_iceberg) {
            Some(Algorithm::Iceberg(iceberg)) => {
                if shown.unwrap_or(lots) > lots_of(iceberg.visible.value()).unwrap_or(0) {
                    return Err("shows more than it may");
                }
                if shown.is_none() && self.rules.profile.native_iceberg {
                    return Err("is to be hidden, and the venue is not told so");
                }
                if working().next().is_some() {
                    return Err("is shown while another part of its group is");
                }
            }
            Some(Algorithm::Layered(_)) if group.changed => {}
            Some(Algorithm::Layered(layered)) => {
                let level = terms.limit_price().and_then(ticks_of);
                let within = ticks_of(layered.from) <= level && level <= ticks_of(layered.to);
                if level.is_none() || !within {
                    return Err("stands outside the range of its layers");
                }
                if working().count() >= usize::try_from(layered.layers).unwrap_or(usize::MAX) {
                    return Err("is one more than the layers of its group");
                }
            }
            Some(Algorithm::Single | Algorithm::Twap(_)) | None => {}
        }
        Ok(())
    }

    /// Whether an order of an iceberg works: what of it is not sent comes when that has filled. Where the venue hides it, only
    /// what was added to it.
    pub(super) fn hides(&self, no: PlanNo, kind: Kind) -> bool {
        self.of_plan(no).filter(|(_, order)| order.works() && order.kind == kind).any(|(_, order)| {
            let group = order.group.and_then(|key| self.divisions.get(&key));
            let rest = |group: &Division| group.changed || !self.rules.profile.native_iceberg;
            let hides = |group: &Division| matches!(group.algorithm, Some(Algorithm::Iceberg(_))) && rest(group);
            group.is_some_and(|group| group.kind() == kind && hides(group))
        })
    }

    /// With nothing in flight, nothing works of a group whose time is up.
    pub(super) fn none_outlives(&self, no: PlanNo) -> Result<(), Finding> {
        for (_, order) in self.of_plan(no).filter(|(_, order)| order.works()) {
            let Some(key) = order.group else { continue };
            if self.divisions.get(&key).is_some_and(|group| group.over && order.kind == group.kind()) {
                return Err(Finding::GroupEnd { plan: no, group: key.1, what: "has an order that outlives its time" });
            }
        }
        Ok(())
    }
}
