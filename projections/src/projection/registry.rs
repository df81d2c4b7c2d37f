//! Which projections there are: names and constructors, in order.

use retrace_core::manifest::Identity;

use super::{AnyError, Ended, Projection, Recorded, View};
use crate::built_in::{Audit, Journal, Portfolio, StrategyLedgerView};

/// The projections that a program knows, in order, each under a name of its own.
///
/// A fault in putting them together (a name taken twice) is kept and answered by whoever uses the registry, so that a
/// program of one's own stays one expression: `main_with(Projections::built_in().with::<Mine>())`.
#[derive(Clone, Debug, Default)]
pub struct Projections {
    kinds: Vec<Kind>,
    fault: Option<RegistryError>,
}

/// A registry that cannot be used, or a name that is not in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two projections have one name.
    #[error("two projections are named {name}")]
    NameTaken {
        /// The name.
        name: &'static str,
    },
    /// A name that is not made of lower-case letters, digits and underscores, or does not begin with a letter.
    #[error("`{name}` is no name for a projection or a field of one: lower-case letters, digits and _")]
    BadName {
        /// The name.
        name: &'static str,
    },
    /// There is no projection at all: nothing could ever differ.
    #[error("no projection was chosen")]
    Empty,
    /// No projection has that name.
    #[error("there is no projection {name}")]
    Unknown {
        /// The name as given.
        name: String,
        /// The names there are, in order.
        known: Vec<&'static str>,
    },
}

impl Projections {
    /// None at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those that come with Retrace: `strategy_ledger`, `audit`, `portfolio`, `journal`.
    pub fn built_in() -> Self {
        Self::none().with::<StrategyLedgerView>().with::<Audit>().with::<Portfolio>().with::<Journal>()
    }

    /// These and one more, behind the others.
    #[must_use]
    pub fn with<P: Projection>(mut self) -> Self {
        let names = [P::NAME].into_iter().chain(P::FIELDS.iter().copied());
        let fault = if self.kinds.iter().any(|kind| kind.name == P::NAME) {
            Some(RegistryError::NameTaken { name: P::NAME })
        } else {
            names.into_iter().find(|name| !is_snake_case(name)).map(|name| RegistryError::BadName { name })
        };
        match fault {
            Some(fault) => {
                self.fault.get_or_insert(fault);
            }
            None => self.kinds.push(Kind::of::<P>()),
        }
        self
    }

    /// Only those of these names, in the order of the registry.
    #[must_use]
    pub fn only<S: AsRef<str>>(mut self, names: &[S]) -> Self {
        let unknown = names.iter().map(AsRef::as_ref).find(|name| self.kinds.iter().all(|kind| kind.name != *name));
        if let Some(name) = unknown {
            let known = self.names();
            self.fault.get_or_insert(RegistryError::Unknown { name: name.to_owned(), known });
        }
        self.kinds.retain(|kind| names.iter().any(|name| name.as_ref() == kind.name));
        self
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.name).collect()
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// The first [`RegistryError`] in the order in which it was put together.
    pub fn check(&self) -> Result<(), RegistryError> {
        let fault = self.fault.clone().or_else(|| self.kinds.is_empty().then_some(RegistryError::Empty));
        fault.map_or(Ok(()), Err)
    }

    pub(crate) fn kinds(&self) -> Result<&[Kind], RegistryError> {
        self.check().map(|()| self.kinds.as_slice())
    }
}

/// A projection's name and how it begins, its type forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) fields: &'static [&'static str],
    pub(crate) begin: fn(&Identity) -> Box<dyn Fold>,
}

impl Kind {
    fn of<P: Projection>() -> Self {
        Self {
            name: P::NAME,
            version: P::VERSION,
            fields: P::FIELDS,
            begin: |identity| Box::new(Erased(P::begin(identity))),
        }
    }
}

/// A projection under way, its type forgotten.
pub(crate) trait Fold {
    fn fold(&mut self, recorded: &Recorded<'_>) -> Result<(), AnyError>;
    fn view(&self, ended: &Ended<'_>) -> Result<View, AnyError>;
}

struct Erased<P>(P);

impl<P: Projection> Fold for Erased<P> {
    fn fold(&mut self, recorded: &Recorded<'_>) -> Result<(), AnyError> {
        self.0.fold(recorded).map_err(Into::into)
    }

    fn view(&self, ended: &Ended<'_>) -> Result<View, AnyError> {
        self.0.view(ended).map_err(Into::into)
    }
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    struct Named<const TAKEN: bool>;

    impl<const TAKEN: bool> Projection for Named<TAKEN> {
        const NAME: &'static str = if TAKEN { "journal" } else { "not-snake" };
        const VERSION: u32 = 1;
        const FIELDS: &'static [&'static str] = &[];
        type Error = Infallible;

        fn begin(_: &Identity) -> Self {
            Self
        }

        fn fold(&mut self, _: &Recorded<'_>) -> Result<(), Infallible> {
            Ok(())
        }

        fn view(&self, _: &Ended<'_>) -> Result<View, Infallible> {
            Ok(View::new())
        }
    }

    #[test]
    fn the_first_fault_is_answered() {
        assert_eq!(Projections::built_in().names(), ["strategy_ledger", "audit", "portfolio", "journal"]);
        assert_eq!(Projections::built_in().check(), Ok(()));
        let faulty = Projections::built_in().with::<Named<true>>().with::<Named<false>>();
        assert_eq!(faulty.check(), Err(RegistryError::NameTaken { name: "journal" }));
        assert_eq!(Projections::none().with::<Named<true>>().check(), Ok(()));
        let badly = Projections::none().with::<Named<false>>();
        assert_eq!(badly.check(), Err(RegistryError::BadName { name: "not-snake" }));
    }

    #[test]
    fn a_choice_keeps_the_order_of_the_registry_and_refuses_what_is_not_there() {
        let chosen = Projections::built_in().only(&["journal", "audit"]);
        assert_eq!((chosen.names(), chosen.check()), (vec!["audit", "journal"], Ok(())));
        assert_eq!(Projections::none().check(), Err(RegistryError::Empty));
        assert_eq!(Projections::built_in().only::<&str>(&[]).check(), Err(RegistryError::Empty));
        let Err(RegistryError::Unknown { name, known }) = Projections::built_in().only(&["ledger"]).check() else {
            panic!("an unknown name was taken");
        };
        assert_eq!((name.as_str(), known.len()), ("ledger", 4));
    }
}
