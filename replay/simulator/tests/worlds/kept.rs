//! Seeds that once found a bug of the engine. A seed means another world whenever the roll changes, so the bugs are
//! also kept as scripts of their own.

use crate::hold;

/// A stop without a size was said to be done while its trade was still to be told, and a CLOSE sold in its place: over
/// time, and at once.
#[test]
fn a_close_sells_nothing_in_place_of_a_stop_that_is_done() {
    for seed in [67_912, 66_748] {
        hold(seed);
    }
}

/// The risk gate kept a TWAP's slice from going out, no other one was to come, and the venue ended an earlier one.
#[test]
fn a_group_of_which_nothing_is_to_come_ends() {
    for seed in [731, 904_196] {
        hold(seed);
    }
}
