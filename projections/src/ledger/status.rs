//! Where an order stands, from what was reported of it: the same whatever the order in which it was reported.

use retrace_core::order::OrderStatus;

/// What was reported of an order up to now. Every field only ever grows, so that the order of the reports shows nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was said or not")]
pub(super) struct Told {
    /// The venue showed that it has it, or had it.
    pub accepted: bool,
    /// Anything was traded.
    pub traded: bool,
    /// All of its quantity was traded, or more.
    pub whole: bool,
    /// The venue said that more was traded than its fills come to: they are still to be told, and until then no end is
    /// whole.
    pub missing: bool,
    /// How it was said to have ended, other than by a refusal.
    pub end: Option<OrderStatus>,
    /// It was refused, or never reached the venue.
    pub refused: bool,
}

impl Told {
    /// What its reports come to. Fills go before everything: they happened. What the venue has it did not refuse.
    pub(super) const fn status(self) -> OrderStatus {
        match (self.whole, self.end, self.traded, self.accepted, self.refused) {
            (true, ..) => OrderStatus::Filled,
            (false, Some(end), ..) if !self.missing => end,
            (false, _, true, ..) => OrderStatus::PartiallyFilled,
            (false, Some(_), ..) | (false, _, _, true, _) => OrderStatus::Open,
            (false, None, false, false, true) => OrderStatus::Rejected,
            (false, None, false, false, false) => OrderStatus::Pending,
        }
    }
}

/// The transitions that there are. Everything else is refused: the order stays as it is.
pub(super) const fn may_become(from: OrderStatus, to: OrderStatus) -> bool {
    use OrderStatus::{Canceled, Expired, Filled, Open, PartiallyFilled, Pending, Rejected};
    match from {
        Pending => matches!(to, Open | PartiallyFilled | Filled | Canceled | Rejected | Expired),
        Open => matches!(to, PartiallyFilled | Filled | Canceled | Expired),
        PartiallyFilled => matches!(to, Filled | Canceled | Expired),
        // Its amendment to a larger quantity is told after the fills that followed it; or the venue says that it is done, and
        // then that more of it was traded than was told.
        Filled => matches!(to, PartiallyFilled | Canceled | Expired | Open),
        // A fill that is told late; or the venue says that more was traded before the end than was told.
        Canceled => matches!(to, Filled | Open | PartiallyFilled),
        // Both were said of it: that it was cancelled counts.
        Expired => matches!(to, Filled | Open | PartiallyFilled | Canceled),
        // It was thought never to have arrived, and then the venue told of it.
        Rejected => matches!(to, Open | PartiallyFilled | Filled | Canceled | Expired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that can be told of an order.
    fn all() -> Vec<Told> {
        let ends = [None, Some(OrderStatus::Canceled), Some(OrderStatus::Expired)];
        let mut all = Vec::new();
        for bits in 0..32_u8 {
            let bit = |place: u8| bits & (1 << place) != 0;
            for end in ends {
                let told =
                    Told { accepted: bit(0), traded: bit(1), whole: bit(2), missing: bit(3), end, refused: bit(4) };
                // What was traded whole was traded.
                if told.traded || !told.whole {
                    all.push(told);
                }
            }
        }
        all
    }

    #[test]
    fn whatever_else_is_told_leads_along_a_transition_of_the_table() {
        let more = |from: Told, to: Told| {
            let grows = |from: bool, to: bool| to || !from;
            grows(from.accepted, to.accepted)
                && grows(from.traded, to.traded)
                && grows(from.refused, to.refused)
                && (from.end.is_none() || to.end == from.end || to.end == Some(OrderStatus::Canceled))
        };
        for from in all() {
            for to in all().into_iter().filter(|to| more(from, *to)) {
                let (was, is) = (from.status(), to.status());
                // A quantity may grow, so that what was whole is not whole any more; nothing else comes undone.
                assert!(was == is || may_become(was, is), "{from:?} is {was}, {to:?} is {is}");
            }
        }
    }

    #[test]
    fn a_cancelled_order_is_left_by_fills_alone_told_or_still_to_be_told() {
        for to in OrderStatus::ALL {
            let left = matches!(to, OrderStatus::Filled | OrderStatus::Open | OrderStatus::PartiallyFilled);
            assert_eq!(may_become(OrderStatus::Canceled, *to), left, "{to}");
        }
    }

    #[test]
    fn nothing_becomes_pending_or_rejected_once_it_was_accepted() {
        for from in OrderStatus::ALL {
            assert!(!may_become(*from, OrderStatus::Pending), "{from}");
            assert_eq!(may_become(*from, OrderStatus::Rejected), *from == OrderStatus::Pending, "{from}");
        }
    }
}
