//! What the engine asks a venue for: each request is judged at the moment it is decided.

use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::order::{OrderTerms, Side};
use retrace_replay::effect::{Effect, VenueRequest};

use super::{Asked, Auditor, Kind, Order, Phase};
use crate::finding::Finding;
use crate::units::{GRAINS, lots_of, millis, ticks_of};

impl Auditor {
    pub(super) fn asked(&mut self, effect: &Effect) -> Result<(), Finding> {
        let no = effect.order;
        if !self.connected {
            return Err(Finding::Unsound { order: no, what: "is asked for without a connection" });
        }
        let unsound = |what| Err(Finding::Unsound { order: no, what });
        let twice = |what| Err(Finding::AskedTwice { order: no, what });
        if matches!(effect.request, VenueRequest::Place { .. }) {
            return self.placed(effect);
        }
        let Some(order) = self.orders.get_mut(&no) else { return unsound("was never placed") };
        if effect.request == VenueRequest::Query {
            let unanswered = !order.answered || order.asked.is_some() || order.query.is_some() || order.is_pending();
            order.query = Some(effect.seq);
            return if unanswered { Ok(()) } else { unsound("is asked for although nothing of it is unanswered") };
        }
        if !order.works() {
            return twice("is to be changed although it has ended");
        }
        if !order.answered || order.asked.is_some() || order.query.is_some() {
            return twice("is to be changed while a request for it is unanswered");
        }
        order.request = effect.seq;
        let VenueRequest::Amend { quantity, price } = &effect.request else {
            order.asked = Some(Asked::Cancel);
            return Ok(());
        };
        let Some(lots) = lots_of(quantity.value()) else { return unsound("is off the lot") };
        let level = price.and_then(ticks_of);
        let profile = self.rules.profile;
        let free = order.size_free.is_some();
        if free && level == order.level {
            return unsound("is amended although it has no size, and its level stays");
        }
        if !free && (lots > order.lots && !profile.amend_up || lots < order.lots && !profile.amend_down) {
            return unsound("is to be amended where the venue does not amend that way");
        }
        if order.trail.is_some() && level.is_some() {
            let what = "is to be moved, where the venue moves it";
            return Err(Finding::Trail { plan: effect.plan, order: no, what });
        }
        order.asked = Some(Asked::Amend { lots, level });
        let (from, kind) = (order.left(), order.kind);
        let to = if free { from } else { lots - order.filled };
        let allowed = lots <= order.may_grow_to;
        let Some(plan) = self.plans.get(&effect.plan) else { return Ok(()) };
        let held = plan.held_lots();
        // Several stops cover it together.
        let others = self.left(effect.plan, Kind::Stop) - from;
        if kind == Kind::Stop && to < from && others + to < held && !self.rules.profile.divides() {
            return Err(Finding::StopShrinks { plan: effect.plan, order: no, from, to, held });
        }
        if kind != Kind::Entry && to > from {
            self.divides(effect)?;
        }
        if kind == Kind::Entry && to > from {
            if !allowed {
                return unsound("an entry that works is to grow");
            }
            let reach = plan.traded + self.entering(effect.plan);
            if reach > plan.target {
                return Err(Finding::BeyondTarget { plan: effect.plan, order: no, reach, target: plan.target });
            }
        }
        Ok(())
    }

    /// A new order.
    fn placed(&mut self, effect: &Effect) -> Result<(), Finding> {
        let VenueRequest::Place { side, terms, quantity, time_in_force, reduce_only, .. } = &effect.request else {
            return Ok(());
        };
        let no = effect.order;
        let unsound = |what| Err(Finding::Unsound { order: no, what });
        let Some(plan) = self.plans.get(&effect.plan) else { return unsound("belongs to no plan") };
        let direction = if plan.sign > 0 { Side::Buy } else { Side::Sell };
        let level = terms.trigger().or_else(|| terms.limit_price());
        let kind = match terms {
            OrderTerms::Stop { .. } | OrderTerms::StopLimit { .. } | OrderTerms::TrailingStop { .. } => Kind::Stop,
            OrderTerms::TakeProfit { .. } => Kind::Profit,
            _ if *side == direction => Kind::Entry,
            _ => Kind::Exit,
        };
        let Some(lots) = lots_of(quantity.value()) else { return unsound("is off the lot") };
        let level = level.map(ticks_of);
        if level == Some(None) {
            return unsound("is off the tick");
        }
        if (*side == direction) != (kind == Kind::Entry) {
            return unsound("trades the wrong way");
        }
        if !self.ids.insert(effect.client_order_id) || self.orders.contains_key(&no) {
            return unsound("has an id that was used before");
        }
        let buys_back = kind == Kind::Entry && plan.held <= -GRAINS && plan.target == 0;
        if ((kind != Kind::Entry || buys_back) && self.rules.profile.reduce_only) != *reduce_only {
            return unsound("is reduce-only where it must not be, or is not where it must be");
        }
        if !buys_back && let Err(what) = self.of_group(effect.plan, lots, *terms, kind) {
            return unsound(what);
        }
        let until = time_in_force.good_till().map(millis);
        if !buys_back && let Err(what) = self.stands_until(effect.plan, until, kind) {
            return unsound(what);
        }
        self.keeps_pace(effect.plan, lots, kind)?;
        let limit = self.limit_of_stop(effect, *terms)?;
        let trail = self.trail_of_stop(effect, *terms)?;
        let order = Order {
            plan: effect.plan,
            kind,
            lots,
            size_free: self.is_size_free(terms).then_some(lots),
            level: level.flatten(),
            limit,
            trail,
            filled: 0,
            answered: false,
            ended: false,
            asked: None,
            request: effect.seq,
            query: None,
            stated: 0,
            unknown: false,
            ending: plan.phase != Phase::Standing,
            may_grow_to: 0,
            kept: false,
            revised: false,
            group: self.deciding.filter(|_| !buys_back),
        };
        self.orders.insert(no, order);
        self.follow_holding(no);
        match kind {
            Kind::Entry if buys_back => self.buys_back(effect),
            Kind::Entry => self.enters(effect),
            Kind::Exit => self.leaves(effect).and_then(|()| self.divides(effect)),
            Kind::Stop => self.stands_alone(effect).and_then(|()| self.divides(effect)),
            Kind::Profit => self.divides(effect),
        }
    }

    /// Where every order that leaves needs a part of the holding of its own, all of them together never come to more than
    /// is held, whatever is asked of them; linked exits trade once.
    fn divides(&self, effect: &Effect) -> Result<(), Finding> {
        if !self.rules.profile.divides() {
            return Ok(());
        }
        let (no, order) = (effect.plan, effect.order);
        let Some(plan) = self.plans.get(&no) else { return Ok(()) };
        let leaving = |counts: &dyn Fn(OrderNo) -> i64| {
            let of = |kind| self.of_plan(no).filter(move |(_, order)| order.kind == kind).map(|(no, _)| counts(no));
            let (stops, profits): (i64, i64) = (of(Kind::Stop).sum(), of(Kind::Profit).sum());
            let linked = if self.rules.profile.native_oco { stops.max(profits) } else { stops + profits };
            of(Kind::Exit).sum::<i64>() + linked
        };
        let most = |no: OrderNo| self.orders.get(&no).map_or(0, Order::most);
        let before = |no: OrderNo| {
            let known =
                self.orders.get(&no).filter(|_| no != order || matches!(effect.request, VenueRequest::Amend { .. }));
            known.map_or(0, |known| if no == order { known.left() } else { known.most() })
        };
        // What came to more before, because less is held than was known, is on its way to its end.
        let (before, leaving, held) = (leaving(&before), leaving(&most), plan.held_lots());
        if leaving > held && leaving > before {
            Err(Finding::LeavesTwice { plan: no, order, leaving, held })
        } else {
            Ok(())
        }
    }

    /// A stop is added to others only where the venue does not amend upward, and within its cap.
    fn stands_alone(&self, effect: &Effect) -> Result<(), Finding> {
        let (no, order) = (effect.plan, effect.order);
        let Some(plan) = self.plans.get(&no) else { return Ok(()) };
        let stops = |of: &dyn Fn(&Order) -> bool| {
            self.orders
                .iter()
                .filter(|(other, known)| **other != order && known.kind == Kind::Stop && known.works() && of(known))
                .count()
        };
        let mine = stops(&|known| known.plan == no);
        if mine > 0 && !self.rules.profile.has_several() {
            return Err(Finding::Unsound { order, what: "is a second stop where the venue amends the first" });
        }
        let of_symbol = |known: &Order| self.plans.get(&known.plan).is_some_and(|of| of.symbol == plan.symbol);
        let all = stops(&of_symbol);
        let capped = self.rules.profile.max_stops.is_some_and(|most| all >= usize::from(most));
        if mine > 0 && capped {
            return Err(Finding::Unsound { order, what: "is one stop more than the venue takes" });
        }
        Ok(())
    }

    fn enters(&self, effect: &Effect) -> Result<(), Finding> {
        let (no, order) = (effect.plan, effect.order);
        let Some(plan) = self.plans.get(&no) else { return Ok(()) };
        if plan.phase != Phase::Standing {
            return Err(Finding::Entered { plan: no, order, what: "although the plan is to end" });
        }
        let reach = plan.traded + self.entering(no);
        if reach > plan.target {
            return Err(Finding::BeyondTarget { plan: no, order, reach, target: plan.target });
        }
        if self.left(no, Kind::Exit) > 0 {
            return Err(Finding::Entered { plan: no, order, what: "while another order of the plan leaves" });
        }
        Ok(())
    }

    /// What may still be entered, whatever is asked of it.
    fn entering(&self, no: PlanNo) -> i64 {
        self.of_plan(no).filter(|(_, order)| order.kind == Kind::Entry).map(|(_, order)| order.most()).sum()
    }

    fn leaves(&self, effect: &Effect) -> Result<(), Finding> {
        let (no, order) = (effect.plan, effect.order);
        let Some(plan) = self.plans.get(&no) else { return Ok(()) };
        // A reduce that is still under way when the plan is to end is cancelled as soon as it is answered; until then
        // the venue lets it trade no more than is held. What a stop sold that has ended, told or not, has left, whatever
        // its plan was told to do since.
        let counts = |order: &Order| match order.kind {
            Kind::Exit => order.ending || plan.phase == Phase::Standing,
            Kind::Stop => plan.phase == Phase::StoppedOut || order.ended,
            Kind::Entry | Kind::Profit => false,
        };
        let leaving = self.of_plan(no).filter(|(_, order)| counts(order)).map(|(_, order)| order.left_as_asked()).sum();
        let held = plan.held_lots();
        if leaving > held { Err(Finding::LeavesTwice { plan: no, order, leaving, held }) } else { Ok(()) }
    }

    /// More left than there was: what went across zero is brought back, and no more.
    fn buys_back(&self, effect: &Effect) -> Result<(), Finding> {
        let (no, order) = (effect.plan, effect.order);
        let Some(plan) = self.plans.get(&no) else { return Ok(()) };
        let (leaving, held) = (self.left(no, Kind::Entry), -plan.held / GRAINS);
        if leaving > held { Err(Finding::LeavesTwice { plan: no, order, leaving, held }) } else { Ok(()) }
    }
}
