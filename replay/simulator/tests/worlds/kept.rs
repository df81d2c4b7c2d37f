//! Seeds that once found a bug of the engine. A seed means another world whenever the roll changes, so the bugs are
//! also kept as scripts of their own.
