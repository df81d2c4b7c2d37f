//! Where an order stands, from what was reported of it: the same whatever the order in which it was reported.

use retrace_core::order::OrderStatus;

/// What was reported of an order up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Something was said of it by the venue.
    pub accepted: bool,
    /// Anything was traded.
    pub traded: bool,
    /// All of its quantity was traded, or more.
    pub whole: bool,
    /// How it was said to have ended.
    pub end: Option<OrderStatus>,
}

impl Told {
    /// What its reports come to. Fills go before everything: they happened.
    pub(super) const fn status(self) -> OrderStatus {
        match (self.whole, self.end, self.traded, self.accepted) {
            (true, _, _, _) => OrderStatus::Filled,
            (false, Some(end), _, _) => end,
            (false, None, true, _) => OrderStatus::PartiallyFilled,
            (false, None, false, true) => OrderStatus::Open,
            (false, None, false, false) => OrderStatus::Pending,
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
        // Its amendment to a larger quantity is told after the fills that followed it.
        Filled => matches!(to, PartiallyFilled | Canceled | Expired),
        // A fill that is told late.
        Canceled | Rejected | Expired => matches!(to, Filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_left_by_fills_alone() {
        for end in [OrderStatus::Canceled, OrderStatus::Rejected, OrderStatus::Expired] {
            for to in OrderStatus::ALL {
                assert_eq!(may_become(end, *to), *to == OrderStatus::Filled, "{end} to {to}");
            }
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
