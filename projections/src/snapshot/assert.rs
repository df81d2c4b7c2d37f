//! The macro that holds a session's snapshots against reviewed ones, by the caller's own `insta`.

/// Holds a snapshot of each projection of a [`RecordedSession`](crate::snapshot::RecordedSession) against the reviewed
/// one, by `insta` (1.x), which the calling crate names as its own dev-dependency. The snapshot of projection `journal`
/// is named `NAME.journal`; accept changes with `cargo insta review`.
///
/// ```no_run
/// use retrace_projections::assert_session_snapshot;
/// use retrace_projections::projection::Projections;
/// use retrace_projections::snapshot::RecordedSession;
/// # fn load() -> RecordedSession { unimplemented!() }
///
/// let session: RecordedSession = load();
/// // Every projection that comes with Retrace.
/// assert_session_snapshot!("sample", session);
/// // Some of them, or one's own: `Projections::none().with::<Mine>()`.
/// assert_session_snapshot!("sample", session, projections: Projections::built_in().only(&["journal"]));
/// // Without some fields.
/// assert_session_snapshot!("sample_free", session, without: ["fee", "fees", "net_pnl"]);
/// // Both, in this order.
/// assert_session_snapshot!("plain", session, projections: Projections::built_in(), without: ["comments"]);
/// ```
///
/// # Panics
/// When a snapshot differs or is not there yet (as `insta` does), and when one cannot be made (see
/// [`SnapshotError`](crate::snapshot::SnapshotError)).
#[macro_export]
macro_rules! assert_session_snapshot {
    ($name:expr, $session:expr $(,)?) => {
        $crate::assert_session_snapshot!($name, $session, projections: $crate::projection::Projections::built_in())
    };
    ($name:expr, $session:expr, without: [$($field:expr),* $(,)?] $(,)?) => {
        $crate::assert_session_snapshot!(
            $name, $session, projections: $crate::projection::Projections::built_in(), without: [$($field),*]
        )
    };
    ($name:expr, $session:expr, projections: $projections:expr $(,)?) => {
        $crate::assert_session_snapshot!($name, $session, projections: $projections, without: [])
    };
    ($name:expr, $session:expr, projections: $projections:expr, without: [$($field:expr),* $(,)?] $(,)?) => {{
        let session = &$session;
        let session: &$crate::snapshot::RecordedSession = ::core::borrow::Borrow::borrow(session);
        let options = $crate::snapshot::SnapshotOptions {
            without: ::std::vec![$(::std::string::String::from($field)),*],
        };
        match session.snapshot(&$projections, &options) {
            Ok(snapshots) => {
                for snapshot in snapshots {
                    ::insta::assert_snapshot!(::std::format!("{}.{}", $name, snapshot.name), snapshot.text);
                }
            }
            Err(error) => ::core::panic!("no snapshot of session {}: {error}", session.identity.name),
        }
    }};
}
